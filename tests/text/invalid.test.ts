/** MLIR's own negative tests: what mlir-opt refuses we refuse, at the same place. Figures are floors. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { dialects } from "../../dialects/index.ts";
import { Context } from "../../ir/context.ts";
import { verify } from "../../ir/verify.ts";
import { type Diagnostic, Diagnostics } from "../../support/diagnostic.ts";
import { describeLocation } from "../../support/location.ts";
import { parse } from "../../text/parser.ts";
import { errorsOf } from "../support/run.ts";
import { sharedPath } from "../support/shared.ts";

const path = sharedPath("data/mlir/invalid/invalid.jsonl");

interface Invalid {
  readonly id: string;
  readonly kind: "parse" | "verify";
  readonly allowUnregistered: boolean;
  readonly text: string;
  readonly diagnostics: readonly { readonly line: number; readonly col: number; readonly sev: string }[];
}

/** The dialects of MLIR that we do not have. Other words before a dot are no dialects: `#map.foo`, `"x.y"`. */
const foreign = new Set(
  (
    "acc amdgpu amx arm_neon arm_sme arm_sve async complex dlti emitc gpu irdl llvm mesh ml_program mpi nvgpu nvvm " +
    "omp pdl pdl_interp polynomial ptr quant rocdl shape sparse_tensor spirv test test_dyn transform x86vector xegpu"
  ).split(" "),
);
const isOurs = (text: string): boolean =>
  [...text.matchAll(/\b([a-z_0-9]+)\.[a-z_]+/g)].every((m) => !foreign.has(m[1]!));

const contexts = [false, true].map((allowUnregistered) => new Context(dialects, { allowUnregistered }));

function faultsOf({ text, allowUnregistered }: Invalid): readonly Diagnostic[] {
  const diagnostics = new Diagnostics();
  const top = parse(text, contexts[allowUnregistered ? 1 : 0]!, diagnostics);
  if (top) verify(top, diagnostics);
  return diagnostics.list.filter((d) => d.severity === "error");
}

describe.skipIf(!path)("texts that mlir-opt refuses (provided beside the checkout)", () => {
  const all = path
    ? readFileSync(path, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Invalid)
    : [];

  test.each([
    ["parse", 0.98, 0.9],
    ["verify", 0.98, 0.95],
  ] as const)(
    "those in our dialects that it refuses to %s, at the same line and column",
    (kind, refusedShare, placedShare) => {
      const cases = all.filter((c) => c.kind === kind && isOurs(c.text));
      const accepted: string[] = [];
      let placed = 0;
      for (const c of cases) {
        const faults = faultsOf(c);
        if (faults.length === 0) accepted.push(c.id);
        const wanted = c.diagnostics.find((d) => d.sev === "error");
        if (faults[0] && wanted && describeLocation(faults[0].at) === `-:${wanted.line}:${wanted.col}`) placed++;
      }
      console.log(
        `${kind}: ${cases.length} cases, ${cases.length - accepted.length} refused, ${placed} at the same place`,
      );
      expect(1 - accepted.length / cases.length, accepted.join(", ")).toBeGreaterThan(refusedShare);
      expect(placed / cases.length).toBeGreaterThan(placedShare);
    },
  );

  test("those of other dialects end in diagnostics too, or are programs of unknown ops", () => {
    const others = all.filter((c) => !isOurs(c.text));
    const refused = others.filter((c) => faultsOf(c).length > 0).length;
    console.log(`other dialects: ${others.length} cases, ${refused} refused`);
    expect(refused / others.length).toBeGreaterThan(0.9);
  });
});

test("all faults of a text are told, each at its place", () => {
  expect(
    errorsOf(`func.func @f(%x: f32, %i: i32) -> f32 {
  %0 = arith.addf %x, %i : f32
  %1 = arith.addj %x, %x : f32
  %2 = arith.mulf %1, %nowhere : f32
  return %x : f32
}
func.func @g( -> f32 {
  return
}`).map((e) => e.slice(0, e.indexOf(": ", 4))),
  ).toEqual(["2: parse/type", "3: parse/unknown-op", "7: parse/syntax", "4: parse/undefined-name"]);
  expect(
    errorsOf(`func.func @f(%x: f32, %m: memref<4xf32>) -> f32 {
  %0 = "arith.addf"(%x, %m) : (f32, memref<4xf32>) -> f32
  %1 = "memref.load"(%m) : (memref<4xf32>) -> f32
  return %m : memref<4xf32>
}`).map((e) => e.slice(0, 2)),
  ).toEqual(["2:", "3:", "4:"]);
});
