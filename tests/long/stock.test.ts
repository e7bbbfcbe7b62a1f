/**
 * What we print, given to stock tools: every program of the corpus in our dialects, as it is and simplified, in the
 * pretty form, and every storey of a compiled model. Both versions must take all of it.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { targets } from "../../codegen/index.ts";
import { importBytes } from "../../compile.ts";
import { dialects } from "../../dialects/index.ts";
import { Context } from "../../ir/context.ts";
import type { Operation } from "../../ir/core.ts";
import { verify } from "../../ir/verify.ts";
import { passes } from "../../passes.ts";
import { type Instrument, parsePipeline, runPipeline } from "../../rewrite/pipeline.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { parse } from "../../text/parser.ts";
import { print } from "../../text/printer.ts";
import { chunks, corpusPath, reprint } from "../support/corpus.ts";
import { refusedBy, stockMlirOpt, stockVersions } from "../support/mlir-opt.ts";

const context = new Context(dialects, { allowUnregistered: true });

/** Ops that MLIR 22 has no more, or spells in another way: a text with them is for 19 only. */
const only19 =
  /"?\b(tosa\.\w+|tensor\.(un)?pack|vector\.(splat|(extract|insert)element|flat_transpose|matrix_multiply|reshape|warp_execute_on_lane_0)|linalg\.(map|(batch_)?matmul_transpose_[ab]|elemwise_(unary|binary)|winograd_\w+)|bufferization\.to_(memref|tensor)|memref\.assume_alignment|affine\.delinearize_index)\b/;
/** Programs that are well formed for 19, whose verifier is not as strict. Told by what 22 says of 19's own text. */
const stricter =
  /runs out-of-bounds|is out-of-bounds|expected fill value type .* to match output element type|number of operands to match the arity of mapper/;

interface Text {
  readonly id: string;
  readonly text: string;
  /** What MLIR 19 prints. */
  readonly theirs: string;
}

/** What takes long to make is made once. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const inOurs = once((): Text[] =>
  [...chunks()].flatMap(({ id, adoptedOnly, text, pretty }) => {
    const { printed } = adoptedOnly ? reprint(text, context, { resources: "inline" }) : {};
    return printed === undefined ? [] : [{ id, text: printed, theirs: pretty }];
  }),
);

/** The programs that are one section, after `canonicalize,cse`. */
const simplified = once((): Text[] => {
  const pipeline = parsePipeline("canonicalize,cse", passes, new Diagnostics())!;
  return [...chunks()].flatMap(({ id, adoptedOnly, text, pretty }) => {
    if (!adoptedOnly || text.includes("// -----")) return [];
    const diagnostics = new Diagnostics();
    const module = parse(text, context, diagnostics);
    if (!module || !verify(module, diagnostics)) return [];
    if (!runPipeline(pipeline, module, { context, diagnostics })) return [];
    return [{ id, text: print(module, { resources: "inline" }), theirs: pretty }];
  });
});

describe.skipIf(!corpusPath).each(stockVersions)("mlir-opt-%i", (version) => {
  const flags = ["--allow-unregistered-dialect"];
  it.each([
    ["the programs of other projects", inOurs, 3300],
    ["the same, simplified", simplified, 3200],
  ] as const)("takes %s in the pretty form", { timeout: 1_200_000 }, (title, texts, least) => {
    const all = texts().filter((t) => version === 19 || !(only19.test(t.text) || only19.test(t.theirs)));
    const refused = refusedBy(
      version,
      all.map((t) => t.text),
      flags,
    );
    const faults: string[] = [];
    let tooStrict = 0;
    for (const { index, message } of refused) {
      const { id, theirs } = all[index]!;
      if (version === 22 && stricter.test(stockMlirOpt(22, theirs, [...flags, "--split-input-file"]).err)) tooStrict++;
      else faults.push(`${id}: ${message}`);
    }
    console.log(`mlir-opt-${version}, ${title}: ${all.length - refused.length} of ${all.length - tooStrict} taken`);
    expect(faults).toEqual([]);
    // 600 of the programs have an op that 22 has no more.
    expect(all.length).toBeGreaterThan(version === 19 ? least : least - 600);
    expect(tooStrict).toBeLessThan(10);
  });
});

describe.each(stockVersions)("mlir-opt-%i", (version) => {
  const file = new URL("../../examples/digits/digits.onnx", import.meta.url);

  it.each(targets.map((t) => t.name))(
    "takes a model after every pass of the pipeline of %s",
    { timeout: 600_000 },
    (name) => {
      const target = targets.find((t) => t.name === name)!;
      const module = importBytes(readFileSync(file), { file: "digits.onnx" });
      const storeys: { readonly after: string; readonly text: string }[] = [];
      const keep = (after: string, op: Operation): void => {
        const text = print(op, { resources: "inline", elideResourcesIfLarger: 4096 });
        if (storeys.at(-1)?.text !== text) storeys.push({ after, text });
      };
      keep("import", module);
      const diagnostics = new Diagnostics();
      const pipeline = parsePipeline(target.pipeline, passes, diagnostics)!;
      const instruments: Instrument[] = [{ after: ({ step }) => keep(step.pass.name, module) }];
      runPipeline(pipeline, module, { context: new Context(dialects), diagnostics }, { instruments });
      diagnostics.throwIfErrors();
      expect(storeys.length).toBeGreaterThan(5);
      // Between tensors and buffers stands an op that the versions spell in two ways.
      const read = storeys.filter((s) => version === 19 || !only19.test(s.text));
      expect(read.length).toBeGreaterThan(5);
      const refused = refusedBy(
        version,
        read.map((s) => s.text),
        ["--allow-unregistered-dialect"],
      );
      expect(refused.map((r) => `after ${read[r.index]!.after}: ${r.message}`)).toEqual([]);
    },
  );
});
