/**
 * Sums of four products of unsigned and signed bytes in one instruction: the variant `relaxed-bytes` says what integers say,
 * and runs where engines do it exactly.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import type { Artifact } from "../../../codegen/target.ts";
import { wasmSimd } from "../../../codegen/wasm/index.ts";
import { watText } from "../../../codegen/wasm/listing.ts";
import { constantOfArray } from "../../../dialects/graph/constant.ts";
import { conv_integer, matmul_integer } from "../../../dialects/graph/quant.ts";
import * as wasm from "../../../dialects/wasm.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Operation, Value } from "../../../ir/core.ts";
import { interpret } from "../../../ir/interpret.ts";
import { f32, i8, integer, type TensorType, type Type, tensor } from "../../../ir/types.ts";
import { offers, probeOf } from "../../../runtime/features.ts";
import { Session } from "../../../runtime/session.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { hasRelaxedSimd, programOf, randomArray, runPasses } from "../../support/compile.ts";
import { network } from "../../support/quantized.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-bytes-"));
afterAll(() => rmSync(folder, { recursive: true }));

const u8 = integer(8, "unsigned");
const variant = wasmSimd.variants!.find((v) => v.name === "relaxed-bytes")!;

/** Bytes that reach the ends of their range in all combinations. */
function extremes(type: TensorType, low: number, high: number, seed: number): NDArray {
  const array = randomArray(type, seed);
  for (let i = 0; i < array.size; i++) {
    const v = Number(array.getData(i));
    array.setData(i, v % 3 === 0 ? low : v % 3 === 1 ? high : Math.min(Math.max(v, low), high));
  }
  return array;
}

const weights = (b: Builder, shape: number[]): Value =>
  constantOfArray(b, extremes(tensor(shape, i8), -128, 127, 5), i8);

const around = { pads: [0, 0, 0, 0], dilations: [1, 1], group: 1, layout: "channels-last" } as const;
const conv = (window: number, channels: number, out: number, stride: number) => (b: Builder, x: Value) =>
  conv_integer(b, x, weights(b, [window, window, channels, out]), undefined, undefined, undefined, {
    ...around,
    strides: [stride, stride],
  });
const product = (k: number, n: number) => (b: Builder, x: Value) =>
  matmul_integer(b, x, weights(b, [k, n]), undefined, undefined);

const cases: readonly (readonly [string, number[], (b: Builder, x: Value) => Value, fours: boolean])[] = [
  ["1x1 of 12 channels to 24", [1, 5, 3, 12], conv(1, 12, 24, 1), true],
  ["1x1 of 8 to 20, by 2", [1, 5, 7, 8], conv(1, 8, 20, 2), true],
  ["3x3 of 4 to 16, by 2", [1, 7, 9, 4], conv(3, 4, 16, 2), true],
  ["3x3 of 8 to 8, by 1: in pairs, for filtering", [1, 6, 6, 8], conv(3, 8, 8, 1), false],
  ["1x1 of 6 channels: in pairs", [1, 4, 4, 6], conv(1, 6, 16, 1), false],
  ["1x1 to 4: in pairs, for weights fill no panel", [1, 4, 5, 8], conv(1, 8, 4, 1), false],
  ["product of 7 rows", [7, 16], product(16, 40), true],
  ["product to 10 columns: the last two one by one", [3, 16], product(16, 10), true],
  ["product of one row", [1, 20], product(20, 24), true],
];

const isFour = (module: Operation): boolean => {
  let found = false;
  module.walk((op) => {
    found ||= wasm.relaxed_dot.is(op);
  });
  return found;
};

describe("products of bytes in fours", () => {
  it.each(cases)("%s", async (_name, shape, fill, fours) => {
    const type = tensor(shape, u8);
    const module = programOf(type, fill)();
    const x = extremes(type, 0, 255, 3);
    const expected = interpret(module, "main", [x])[0] as NDArray;
    runPasses(module, variant.pipeline);
    expect(isFour(module)).toBe(fours);
    const got = NDArray.zeros("i32", expected.shape);
    const bytes = new NDArray("i8", shape, new Int8Array(x.contiguous().data.buffer.slice(0)));
    interpret(module, "main", [bytes, got]);
    expect(got.values()).toEqual(expected.values());
    if (!offers("byte-dot")) return;
    const artifact = wasmSimd.emit(module, { model: "q", names: false });
    expect((await watText(artifact.code)).includes("relaxed_dot_i8x16_i7x16_add_s")).toBe(fours);
    const session = await Session.load(artifact);
    const answer = session.run({ [session.inputs[0]!.name]: bytes.data as Int8Array })[session.outputs[0]!.name]!;
    expect([...answer]).toEqual(expected.values());
  });

  it("lie in the same weights as products in pairs", () => {
    const [, shape, fill] = cases[0]!;
    const build = programOf(tensor(shape, u8), fill);
    const artifacts = [variant.pipeline, wasmSimd.variants!.find((v) => v.name === "relaxed")!.pipeline].map((text) => {
      const module = build();
      runPasses(module, text);
      return wasmSimd.emit(module, { model: "q", names: false });
    });
    expect(artifacts[0]!.weights).toEqual(artifacts[1]!.weights);
    expect(artifacts[0]!.manifest.memory.weights).toEqual(artifacts[1]!.manifest.memory.weights);
  });

  it("run where engines do them exactly, and nowhere else", async () => {
    const build = (): Operation => programOf(tensor([1, 3, 8, 8], f32), network(u8, 120))();
    const made = (text: string) => {
      const module = build();
      runPasses(module, text);
      return wasmSimd.emit(module, { model: "q", names: false });
    };
    const own = made(wasmSimd.pipeline);
    const { code } = made(variant.pipeline);
    const artifact: Artifact = {
      ...own,
      variants: [{ name: variant.name, needs: variant.needs, automatic: true, code }],
    };
    const x = { [own.manifest.inputs[0]!.name]: randomArray(tensor([1, 3, 8, 8], f32), 1).data as Float32Array };
    const answer = (s: Pick<Session, "run">) => Object.values(s.run(x))[0]!;
    const plain = answer(await Session.load(artifact, { variant: "simd" }));
    for (const [name, content] of await wasmSimd.files(artifact)) writeFileSync(join(folder, name), content);
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const shipped = (await import(pathToFileURL(join(folder, "q.js")).href)) as typeof Session;
    for (const load of [(o?: object) => Session.load(artifact, o), (o?: object) => shipped.load(o as never)]) {
      const chosen = await load();
      expect(chosen.variant).toBe(offers("byte-dot") ? variant.name : "simd");
      expect(answer(chosen)).toEqual(plain);
      const named = load({ variant: variant.name });
      if (offers("byte-dot")) expect(answer(await named)).toEqual(plain);
      else await expect(named).rejects.toThrow("would answer something else on this engine");
    }
  });

  it("are made only for models that have such bytes", () => {
    const here = (element: Type): boolean =>
      variant.suits!(programOf(tensor([1, 3, 8, 8], f32), network(element, 3))());
    expect([here(u8), here(i8)]).toEqual([true, false]);
  });

  it("are found out by what the engine answers", () => {
    const { bytes, answers } = probeOf("byte-dot");
    expect(answers.map(([, answer]) => answer)).toEqual([129540, -130560]);
    if (!hasRelaxedSimd()) return;
    const { f } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as {
      f: (a: number, b: number) => number;
    };
    expect(offers("byte-dot")).toBe(answers.every(([[a, b], answer]) => f(a, b) === answer));
  });
});
