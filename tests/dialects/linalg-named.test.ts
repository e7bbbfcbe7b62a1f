/** Every named op against a plain loop nest: its maps say where, a JavaScript function says what. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { dialect } from "../../dialects/linalg/index.ts";
import { structureOf } from "../../dialects/linalg/structure.ts";
import { type AffineMap, evaluateMap } from "../../ir/affine.ts";
import { Builder } from "../../ir/builder.ts";
import { Block, type Operation } from "../../ir/core.ts";
import { dtypeOf } from "../../ir/datum.ts";
import type { OpInfo } from "../../ir/define.ts";
import { evaluateOp } from "../../ir/interpret.ts";
import { f32, f64, i1, i8, i32, type Type, tensor } from "../../ir/types.ts";
import { verify } from "../../ir/verify.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { NDArray } from "../../support/ndarray.ts";
import { isNamedOp, type Make, namedOpBlock } from "../support/named-op.ts";
import { sharedPath } from "../support/shared.ts";

const named = dialect.ops.filter(isNamedOp);

const fround = Math.fround;
const unaryMeaning: Record<string, (x: number) => number> = {
  exp: Math.exp,
  log: Math.log,
  abs: Math.abs,
  ceil: Math.ceil,
  floor: Math.floor,
  negf: (x) => -x,
  reciprocal: (x) => 1 / x,
  round: (x) => Math.sign(x) * Math.floor(Math.abs(x) + 0.5),
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  square: (x) => x * x,
  tanh: Math.tanh,
};
const binaryMeaning: Record<string, (x: number, y: number) => number> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  max: Math.max,
  min: Math.min,
  powf: (x, y) => x ** y,
};

/** The new element of the output, rounded after each operation, on f32; undefined: not a function of floats. */
function floatMeaning(name: string): ((e: number[]) => number) | undefined {
  const unary = unaryMeaning[name === "elemwise_unary" ? "exp" : name];
  if (unary) return ([x]) => fround(unary(x!));
  const binary = binaryMeaning[name === "elemwise_binary" ? "add" : name];
  if (binary) return ([x, y]) => fround(binary(x!, y!));
  if (name === "copy" || name === "fill") return ([x]) => x!;
  const pool = /^pooling_.*?_(sum|max|min)(_unsigned)?$/.exec(name);
  if (pool) {
    const fn = { sum: binaryMeaning.add!, max: Math.max, min: Math.min }[pool[1] as "sum"];
    return ([x, , out]) => fround(fn(out!, x!));
  }
  if (/_q$|^quantized/.test(name)) {
    return ([x, y, zx, zy, out]) => fround(out! + fround(fround(x! - zx!) * fround(y! - zy!)));
  }
  if (/mat|vec|mmt4d|dot|conv/.test(name)) return ([x, y, out]) => fround(out! + fround(x! * y!));
  return undefined;
}

/** The same on integers: 8-bit inputs, 32-bit zero points and outputs. */
function intMeaning(name: string): ((e: number[]) => number) | undefined {
  const u8 = (x: number): number => x & 255;
  switch (name) {
    case "add":
    case "elemwise_binary":
      return ([x, y]) => (x! + y!) | 0;
    case "sub":
      return ([x, y]) => (x! - y!) | 0;
    case "mul":
      return ([x, y]) => Math.imul(x!, y!);
    case "div":
      return ([x, y]) => Math.trunc(x! / y!);
    case "div_unsigned":
      return ([x, y]) => Math.floor((x! >>> 0) / (y! >>> 0)) | 0;
    case "max":
      return ([x, y]) => Math.max(x!, y!);
    case "min":
      return ([x, y]) => Math.min(x!, y!);
    case "copy":
    case "fill":
      return ([x]) => x!;
    default:
      break;
  }
  if (unaryMeaning[name] || name === "powf" || name === "erf" || name === "batch_reduce_matmul") return undefined;
  const pool = /^pooling_.*?_(sum|max|min)(_unsigned)?$/.exec(name);
  if (pool) {
    if (pool[1] === "sum") return ([x, , out]) => (out! + x!) | 0;
    const fn = pool[1] === "max" ? Math.max : Math.min;
    if (!pool[2]) return ([x, , out]) => fn(out!, x!);
    return ([x, , out]) => fn(out! >>> 0, u8(x!)) | 0;
  }
  if (/_q$|^quantized/.test(name)) return ([x, y, zx, zy, out]) => (out! + Math.imul(x! - zx!, y! - zy!)) | 0;
  if (/mat|vec|mmt4d|dot|conv/.test(name)) return ([x, y, out]) => (out! + Math.imul(x!, y!)) | 0;
  return undefined;
}

let seed = 1;
/** Deterministic numbers in [0, 1). */
function next(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
  return (seed >>> 0) / 2 ** 32;
}

/** An op of the kind, and values for its operands. */
function make(def: OpInfo, inputElement: Type, outputElement: Type): { op: Operation; values: unknown[] } {
  const block = namedOpBlock(def, inputElement, outputElement, (n) => Math.floor(next() * n));
  const types = block.args.map((a) => a.type);
  const name = def.opName.slice("linalg.".length);
  const values = types.map((t, i) => {
    const element = t.kind === "tensor" ? t.element : t;
    const one = (): number => {
      if (element === i1) return Math.floor(next() * 2);
      if (element === i8) return Math.floor(next() * 256) - 128;
      if (element === i32) return Math.floor(next() * 2000) - 1000 || 1;
      const v = fround(next() * 4 - 2);
      return /log|sqrt|powf/.test(name) && i < types.length - 1 ? Math.abs(v) : v;
    };
    if (t.kind !== "tensor") return one();
    return NDArray.from(dtypeOf(element)!, t.shape, Array.from({ length: t.shape.reduce((a, d) => a * d, 1) }, one));
  });
  return { op: block.last!, values };
}

/** Runs the loops one by one. */
function naive(op: Operation, values: unknown[], meaning: (e: number[]) => number): NDArray {
  const s = structureOf(op)!;
  const out = (values.at(-1) as NDArray).copy();
  const extents = s.loops.map((l) => l.extent);
  const visit = (at: number[]): void => {
    if (at.length < extents.length) {
      for (let i = 0; i < extents[at.length]!; i++) visit([...at, i]);
      return;
    }
    const elements = s.operands.map((o, i) => {
      const v = i === s.operands.length - 1 ? out : values[i];
      return v instanceof NDArray ? Number(v.get(evaluateMap(o.map, at))) : (v as number);
    });
    out.set(evaluateMap(s.outputs[0]!.map, at), meaning(elements));
  };
  visit([]);
  return out;
}

const check = (def: OpInfo, meaning: (e: number[]) => number, input: Type, output: Type): void => {
  const { op, values } = make(def, input, output);
  const diagnostics = new Diagnostics();
  verify(op, diagnostics);
  expect(diagnostics.list.map((d) => d.message)).toEqual([]);
  const [result] = evaluateOp(op, values) as NDArray[];
  expect(result!.shape).toEqual((values.at(-1) as NDArray).shape);
  expect(result!.values()).toEqual(naive(op, values, meaning).values());
};

describe("named ops", () => {
  it("are 87", () => {
    expect(named.length).toBe(87);
  });

  for (const def of named) {
    const name = def.opName.slice("linalg.".length);
    const float = floatMeaning(name);
    if (float) it(`${name} on f32`, () => check(def, float, f32, f32));
    const int = intMeaning(name);
    const elementwise = (def as OpInfo & { nest?: object }).nest === undefined && !/copy|fill|elemwise/.test(name);
    if (int) it(`${name} on integers`, () => check(def, int, elementwise || name === "fill" ? i32 : i8, i32));
  }

  it("select on i1 conditions", () => {
    const def = named.find((d) => d.opName === "linalg.select")!;
    check(def, ([c, x, y]) => (c ? x! : y!), f32, f32);
  });

  it("fill_rng_2d steps the generator by row and column", () => {
    const def = named.find((d) => d.opName === "linalg.fill_rng_2d")!;
    const block = new Block([f64, f64, i32, tensor([3, 4], f32)]);
    const b = Builder.atEnd(block);
    (def as unknown as Make)(b, block.args.slice(0, 3), block.args.slice(3));
    const [result] = evaluateOp(block.last!, [-10, 10, 42, NDArray.zeros("f32", [3, 4])]) as NDArray[];
    const step = (x: number): number => (Math.imul(x, 1103515245) + 12345) | 0;
    const want = [0, 1, 2].flatMap((i) =>
      [0, 1, 2, 3].map((j) => {
        const state = step((j + step((i + 42) | 0)) | 0);
        return fround((2147483647 + state) * (20 * 2.3283063999999999e-10) + -10);
      }),
    );
    expect(result!.values()).toEqual(want);
  });
});

const tablePath = sharedPath("data/mlir/ods/linalg-named-19.json");

describe.skipIf(!tablePath)("maps of named ops against MLIR's table (needs ../shared)", () => {
  interface Entry {
    readonly args: readonly { name: string; kind: string; index_attr_map?: string }[];
    readonly indexing_maps: readonly string[];
    readonly iterator_types: readonly string[];
  }
  const table: Record<string, Entry> = tablePath ? JSON.parse(readFileSync(tablePath, "utf8")) : {};

  for (const [opName, entry] of Object.entries(table)) {
    it(opName, () => {
      const def = named.find((d) => d.opName === opName)!;
      expect(def).toBeDefined();
      const { nest } = def as OpInfo & {
        nest?: { iterators: readonly string[]; maps(...s: unknown[]): readonly AffineMap[] };
      };
      const attributes = entry.args.filter((a) => a.kind.endsWith("_attr")).map((a) => a.name);
      expect(def.attrFields.map((f) => f.name).sort()).toEqual(attributes.sort());
      if (!nest) {
        expect(entry.iterator_types).toEqual([]);
        return;
      }
      expect(nest.iterators).toEqual(entry.iterator_types);
      const steps = (name: string): { symbols: number[]; values: number[] } => {
        const text = entry.args.find((a) => a.name === name)?.index_attr_map ?? "";
        const symbols = [...(text.split("->")[1] ?? "").matchAll(/s(\d+)/g)].map((m) => Number(m[1]));
        return { symbols, values: symbols.map((_, i) => 2 + i) };
      };
      const [strides, dilations] = [steps("strides"), steps("dilations")];
      const expected = entry.indexing_maps.map((text) => {
        const known = text.replace(/s(\d+)/g, (s, n) => {
          for (const set of [strides, dilations]) {
            const at = set.symbols.indexOf(Number(n));
            if (at >= 0) return `${set.values[at]}`;
          }
          return s;
        });
        return known
          .replace(/^affine_map<|>$/g, "")
          .replace(/\[[^\]]*\] ->/, " ->")
          .replace(/ {2,}/g, " ");
      });
      expect(nest.maps(strides.values, dilations.values).map((m) => m.text)).toEqual(expected);
    });
  }
});
