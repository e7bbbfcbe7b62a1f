/**
 * @file Sums of products of bytes as sums of products of words: four neighbours along the innermost sum lie in one word of what
 * is read and in one of the weights, and one op multiplies all four (`bytes.dot`). What is read stays a tensor of bytes in
 * memory; kernels read its words as they load. Weights are packed when the model is compiled.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as bytes from "../../dialects/bytes.ts";
import * as func from "../../dialects/func.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import { type Structure, structureOf } from "../../dialects/linalg/structure.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import { type AffineMap, add, affineMap, constant, dim, identityMap, mul } from "../../ir/affine.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { elementsOfAttribute } from "../../ir/datum.ts";
import { isTriviallyDead } from "../../ir/effects.ts";
import { Resource } from "../../ir/resource.ts";
import {
  type Attribute,
  elementCount,
  i8,
  i32,
  integerAttribute,
  isDynamic,
  type TensorType,
  tensor as tensorType,
} from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { invariant } from "../../support/diagnostic.ts";
import { identityOf } from "../../support/identity.ts";
import { NDArray } from "../../support/ndarray.ts";
import { innermost, narrowProduct } from "./dot.ts";
import { staticPad } from "./static-pad.ts";
import { mentions } from "./steps.ts";

const { perWord } = bytes;

export const byteWords = definePass("linalg-byte-words", {
  doc:
    "Writes sums of products of bytes and constants as sums of products of words of four bytes each, for machines that " +
    "multiply and add four bytes at a time.",
  on: func.func,
  options: {},
  run(fn, _options, pass) {
    const found: Structure[] = [];
    fn.walk((op) => {
      const s = structureOf(op);
      if (s?.form === "tensor") found.push(s);
    });
    const packed = new Map<string, Value>();
    let written = 0;
    for (const s of found) if (write(s, packed)) written++;
    pass.count("written", written);
    return written > 0;
  },
});

/** What is taken from bytes without signs, so that they have: 128, in each byte. */
const unsignedShift = 128;

/** A constant operand's place among the loops. */
interface Weights {
  readonly source: Operation;
  readonly map: AffineMap;
  /** Its dimension along the innermost sum. */
  readonly along: number;
}

function write(s: Structure, packed: Map<string, Value>): boolean {
  const product = narrowProduct(s, perWord);
  const loop = innermost(s);
  if (!product?.signed.weights || loop < 0 || s.loops[loop]!.extent % perWord !== 0) return false;
  if (s.loops.some((l) => isDynamic(l.extent))) return false;
  const x = s.inputs[product.x]!;
  const weights = weightsOf(s, product.weights, loop);
  const last = x.map.results.length - 1;
  const isLast = x.map.results.every((r, d) =>
    d === last ? r.kind === "dim" && r.index === loop : !mentions(r, loop),
  );
  if (!weights || !isLast) return false;
  const b = Builder.before(s.op);
  const words = wordsOf(b, x.value, product.signed.x);
  if (!words) return false;
  const out = s.outputs[0]!;
  const init = product.signed.x ? out.value : corrected(b, s, weights);
  if (!init) return false;
  const [y] = linalg.genericOf(b, {
    iterators: s.loops.map((l) => l.kind),
    inputs: [
      [words, x.map],
      [packedWeights(weights, packed), weights.map],
    ],
    outputs: [[init, out.map]],
    body: (inner, p, q, acc) => arith.addi(inner, acc!, bytes.dot(inner, p!, q!)),
  });
  s.op.result().replaceAllUsesWith(y!);
  s.op.erase();
  const padding = x.value.definingOp;
  if (padding && isTriviallyDead(padding)) padding.erase();
  return true;
}

function weightsOf(s: Structure, input: number, loop: number): Weights | undefined {
  const { value, map } = s.inputs[input]!;
  const source = value.definingOp;
  if (!source || !arith.constant.is(source) || map.results.some((r) => r.kind !== "dim")) return undefined;
  const along = map.results.findIndex((r) => r.kind === "dim" && r.index === loop);
  return along < 0 ? undefined : { source, map, along };
}

/** The words of a tensor of bytes, padded as it is; undefined where padding is not known. */
function wordsOf(b: Builder, x: Value, isSigned: boolean): Value | undefined {
  const pad = x.definingOp ? staticPad(x.definingOp) : undefined;
  const flip = isSigned ? 0 : 0x80808080 | 0;
  if (!pad) return packedTensor(b, x, flip);
  const around = pad.value.definingOp && arith.constant.match(pad.value)?.value;
  if (around?.kind !== "integer" || [pad.low, pad.high].some((n) => n.at(-1) !== 0)) return undefined;
  const byte = Number(around.value) & 255;
  const word = ((byte * 0x01010101) ^ flip) | 0;
  const outside = arith.constant(b, { value: integerAttribute(word, i32), types: [i32] });
  return tensor.pad(b, packedTensor(b, pad.source, flip), [], [], {
    static_low: pad.low,
    static_high: pad.high,
    region: () => [outside],
  });
}

/** Four neighbours of a row each, as words. */
function packedTensor(b: Builder, x: Value, flip: number): Value {
  const { shape } = x.type as TensorType;
  const rank = shape.length;
  const type = tensorType([...shape.slice(0, -1), shape.at(-1)! / perWord], i32);
  const places = Array.from({ length: perWord }, (_, k) =>
    affineMap(
      rank,
      0,
      shape.map((_, d) => (d === rank - 1 ? add(mul(dim(d), constant(perWord)), constant(k)) : dim(d))),
    ),
  );
  const mask = flip === 0 ? undefined : arith.constant(b, { value: integerAttribute(flip, i32), types: [i32] });
  const [y] = linalg.genericOf(b, {
    iterators: shape.map(() => "parallel" as const),
    inputs: places.map((map) => [x, map] as const),
    outputs: [[tensor.empty(b, [], { types: [type] }), identityMap(rank)]],
    body: (inner, ...parts) => {
      const word = bytes.pack(inner, parts[0]!, parts[1]!, parts[2]!, parts[3]!);
      return mask ? arith.xori(inner, word, mask) : word;
    },
  });
  return y!;
}

/** An op that gives the words of a tensor of bytes: kernels read them out of the tensor. */
export function packsBytes(s: Structure): boolean {
  const [pack] = s.body;
  return (
    s.form === "tensor" &&
    s.inputs.length === perWord &&
    pack !== undefined &&
    bytes.pack.is(pack) &&
    s.inputs.every((i, k) => i.arg === pack.operand(k) && i.value === s.inputs[0]!.value)
  );
}

/** The constant in words: the neighbours along the sum in one each. */
function packedWeights({ source, along }: Weights, packed: Map<string, Value>): Value {
  const key = `${identityOf(source)} ${along}`;
  const known = packed.get(key);
  if (known) return known;
  const { shape } = source.result().type as TensorType;
  const type = tensorType(
    shape.map((n, d) => (d === along ? n / perWord : n)),
    i32,
  );
  const attribute = arith.constant.of(source).value as Attribute;
  const make = (): NDArray => {
    const from = bytesOf(source).transpose([...shape.keys()].filter((d) => d !== along).concat(along));
    const data = from.copy().data as Int8Array;
    const words = new Int32Array(data.buffer, data.byteOffset, data.length / perWord);
    const turned = type.shape.filter((_, d) => d !== along).concat(type.shape[along]!);
    // Back into the order of the original's dimensions.
    const back = type.shape.map((_, d) => (d === along ? turned.length - 1 : d < along ? d : d - 1));
    return new NDArray("i32", turned, words).transpose(back);
  };
  const parent = attribute.kind === "resource" ? attribute.resource : undefined;
  const name = `${parent?.name ?? "constant"}_words`;
  const resource = Resource.arranged(name, elementCount(shape), parent ? [parent] : [], make);
  const value = arith.constant(Builder.after(source), {
    value: { kind: "resource", key: resource.name, type, resource },
    types: [type],
  });
  packed.set(key, value);
  return value;
}

function bytesOf(source: Operation): NDArray {
  const array = elementsOfAttribute(arith.constant.of(source).value as Attribute);
  invariant(array && (source.result().type as TensorType).element === i8, "weights are bytes", source.loc);
  return array;
}

/** What the sums start from, and what was taken from the bytes without signs times the weights. */
function corrected(b: Builder, s: Structure, { source, map }: Weights): Value | undefined {
  const out = s.outputs[0]!;
  const parallel = map.results.flatMap((r, d) =>
    r.kind === "dim" && s.loops[r.index]!.kind === "parallel" ? [{ d, loop: r.index }] : [],
  );
  if (out.map.results.some((r) => r.kind !== "dim")) return undefined;
  const { shape } = source.result().type as TensorType;
  const sums = tensorType(
    parallel.map(({ d }) => shape[d]!),
    i32,
  );
  const rank = out.shape.length;
  const place = (loop: number): number => out.map.results.findIndex((r) => r.kind === "dim" && r.index === loop);
  const make = (): NDArray => {
    const order = [...parallel.map(({ d }) => d), ...[...shape.keys()].filter((d) => !parallel.some((p) => p.d === d))];
    const data = bytesOf(source).transpose(order).copy().data as Int8Array;
    const steps = data.length / elementCount(sums.shape);
    const totals = new Int32Array(elementCount(sums.shape));
    data.forEach((v, i) => {
      totals[Math.floor(i / steps)]! += v * unsignedShift;
    });
    return new NDArray("i32", sums.shape, totals);
  };
  const resource = Resource.arranged("shift", elementCount(sums.shape) * 4, [], make);
  const shift = arith.constant(Builder.after(source), {
    value: { kind: "resource", key: resource.name, type: sums, resource },
    types: [sums],
  });
  const type = tensorType(out.shape, i32);
  const [y] = linalg.genericOf(b, {
    iterators: out.shape.map(() => "parallel" as const),
    inputs: [
      [out.value, identityMap(rank)],
      [
        shift,
        affineMap(
          rank,
          0,
          parallel.map(({ loop }) => dim(place(loop))),
        ),
      ],
    ],
    outputs: [[tensor.empty(b, [], { types: [type] }), identityMap(rank)]],
    body: (inner, start, more) => arith.addi(inner, start!, more!),
  });
  return y!;
}
