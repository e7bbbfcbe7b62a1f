/**
 * Programs that real MLIR compiled and ran, with what it printed: our interpreter must print the same. The text of the
 * programs and their outputs come from beside the checkout.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { dialects } from "../../dialects/index.ts";
import { runnerLibrary } from "../../dialects/runner.ts";
import { Context } from "../../ir/context.ts";
import { interpret } from "../../ir/interpret.ts";
import { verify } from "../../ir/verify.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { describeLocation } from "../../support/location.ts";
import { parse } from "../../text/parser.ts";
import { sharedPath } from "../support/shared.ts";

interface Entry {
  readonly file: string;
  readonly entry?: string;
  readonly check?: "exact" | "approx";
  readonly tolerance?: number;
}

const context = new Context(dialects, { allowUnregistered: true });

/** What the program prints. */
function run(text: string, entry: string): string {
  const diagnostics = new Diagnostics();
  const module = parse(text, context, diagnostics);
  if (module) verify(module, diagnostics);
  expect(diagnostics.list.map((d) => `${describeLocation(d.at)}: ${d.message}`)).toEqual([]);
  let out = "";
  interpret(module!, entry, [], {
    print: (t) => {
      out += t;
    },
    externals: runnerLibrary,
  });
  return out;
}

/** A schedule for MLIR's passes that stands beside the program is no part of what it means. */
function withoutSchedule(text: string): string {
  const start = text.search(/^ *(module attributes \{transform\.with_named_sequence\} \{|transform\.named_sequence)/m);
  if (start < 0) return text;
  const sequence = text.indexOf("transform.named_sequence", start);
  let depth = 0;
  for (let i = text.indexOf("{", text.indexOf(")", sequence)); i < text.length; i++) {
    if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return text.slice(0, sequence) + text.slice(i + 1);
  }
  return text;
}

const numbers = /-?(?:\d+\.?\d*(?:e[+-]?\d+)?|inf|nan)/g;

/** The same text, but for numbers that may be off by a relative and absolute tolerance. */
function expectClose(got: string, wanted: string, tolerance: number): void {
  expect(got.replace(numbers, "#")).toBe(wanted.replace(numbers, "#"));
  const values = got.match(numbers)?.map(Number) ?? [];
  (wanted.match(numbers)?.map(Number) ?? []).forEach((w, i) => {
    const g = values[i]!;
    if (Number.isFinite(w))
      expect(Math.abs(g - w), `number ${i}`).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(w)));
    else expect(g, `number ${i}`).toBe(w);
  });
}

/** Programs of LLVM's that are not counted, and why. */
const notCounted: Readonly<Record<string, string>> = {
  "Dialect__Linalg__CPU__runtime-verification.mlir": "asks a pass to print faults and go on; ours stop",
  "Dialect__Memref__cast-runtime-verification.mlir": "asks a pass to print faults and go on; ours stop",
  "Dialect__Memref__load-runtime-verification.mlir": "asks a pass to print faults and go on; ours stop",
  "Dialect__Memref__subview-runtime-verification.mlir": "asks a pass to print faults and go on; ours stop",
  "Dialect__Linalg__CPU__test-matmul-masked-vec.mlir": "its schedule computes a part of the product only",
  "Dialect__Memref__print-memref.mlir": "complex numbers",
  "Dialect__Memref__verify-memref.mlir": "complex numbers",
};

for (const set of ["oracle", "oracle-llvm"] as const) {
  const folder = sharedPath(`data/mlir/${set}`);
  const entries = folder ? (JSON.parse(readFileSync(`${folder}/index.json`, "utf8")) as Entry[]) : [];
  describe.skipIf(!folder)(`programs with recorded output: ${set}`, () => {
    for (const { file, entry, check, tolerance } of entries) {
      const why = notCounted[file];
      it.skipIf(why)(why ? `${file} (${why})` : file, () => {
        const text = withoutSchedule(readFileSync(`${folder}/${file}`, "utf8"));
        const wanted = readFileSync(`${folder}/${file.replace(/\.mlir$/, ".expected.txt")}`, "utf8").trim();
        const got = run(text, entry ?? "main").trim();
        if (check === "approx") expectClose(got, wanted, tolerance ?? 0);
        else expect(got).toBe(wanted);
      });
    }
  });
}
