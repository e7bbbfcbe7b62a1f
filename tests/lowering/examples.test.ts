/** The example in every pass's documentation is what the pass does. */
import { describe, expect, it } from "vitest";
import { verify } from "../../ir/verify.ts";
import { passes } from "../../lowering/index.ts";
import { parsePipeline, runPipeline } from "../../rewrite/pipeline.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { print } from "../../text/printer.ts";
import { context, moduleOf } from "../support/run.ts";

/** A module as what stands in it, as documentation shows it. */
function bodyOf(text: string): string {
  const lines = text.trimEnd().split("\n");
  const start = lines.indexOf("module {");
  if (start < 0) return lines.join("\n");
  const inside = lines.slice(start + 1, -1).map((l) => l.replace(/^ {2}/, ""));
  return [...lines.slice(0, start), ...inside].join("\n");
}

describe("the example of each pass", () => {
  for (const pass of passes) {
    const { example } = pass;
    if (!example) continue;
    it(pass.name, () => {
      const diagnostics = new Diagnostics();
      const options = example.options ? `{${example.options}}` : "";
      const pipeline = parsePipeline(`${pass.name}${options}`, passes, diagnostics);
      const module = moduleOf(example.before);
      expect(pipeline && runPipeline(pipeline, module, { context, diagnostics }), messages(diagnostics)).toBe(true);
      expect(verify(module, diagnostics), messages(diagnostics)).toBe(true);
      expect(bodyOf(print(module))).toBe(example.after.trim());
    });
  }
});

const messages = (diagnostics: Diagnostics): string => diagnostics.list.map((d) => d.message).join("\n");
