/**
 * @file Weights in half of the bytes: constants that sums of products read are kept as floats of 16 bits and widened as they are
 * loaded, where the numerics policy allows it. Sums stay in 32 bits.
 */
import * as arith from "../../dialects/arith/ops.ts";
import { halvesAttribute } from "../../dialects/halves.ts";
import { generic } from "../../dialects/linalg/generic.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import { isReducing, structureOf } from "../../dialects/linalg/structure.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import { identityMap } from "../../ir/affine.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { elementsOfAttribute } from "../../ir/datum.ts";
import { Resource } from "../../ir/resource.ts";
import {
  type Attribute,
  elementCount,
  f16,
  f32,
  type TensorType,
  tensor as tensorType,
  unitAttribute,
} from "../../ir/types.ts";
import { allows, defineInexact } from "../../rewrite/numerics.ts";
import { definePass } from "../../rewrite/pass.ts";
import { invariant } from "../../support/diagnostic.ts";
import { encodeFloat } from "../../support/float.ts";
import { identityOf } from "../../support/identity.ts";
import { NDArray } from "../../support/ndarray.ts";

/** Elements from which on a constant is worth it. */
const fewest = 256;
/** The largest number of a constant is brought in front of this power of two, near the largest float of 16 bits. */
const top = 15;
/** Powers of two that are brought there; numbers beyond are left alone. */
const furthest = 96;

const rewrite = defineInexact({
  name: "weights of products as floats of 16 bits (WebGPU)",
  from: "fast",
  bound: "2^-11 of each weight, or 2^-28 of the largest one of its constant where that is more; sums stay in 32 bits",
});

export const halfWeights = definePass("linalg-half-weights", {
  doc: "Keeps constants of sums of products as floats of 16 bits, widened as they are loaded. Only under the numerics policy `fast`.",
  run(module) {
    const halves = new Map<unknown, Half | undefined>();
    let changed = false;
    module.walk((op) => {
      const s = generic.is(op) && allows(op, rewrite) ? structureOf(op) : undefined;
      if (!s || !isReducing(s)) return;
      for (const input of s.inputs) {
        const source = input.value.definingOp;
        if (!source || !arith.constant.is(source) || input.element !== f32 || !input.arg?.hasUses) continue;
        const key = identityOf(source);
        if (!halves.has(key)) halves.set(key, halved(source));
        const half = halves.get(key);
        if (!half) continue;
        op.setOperand(input.index, widened(Builder.before(op), half));
        changed = true;
      }
    });
    return changed;
  },
});

/** A constant in 16 bits, multiplied by a power of two: devices may take the smallest floats of 16 bits for 0. */
interface Half {
  readonly value: Value;
  readonly power: number;
}

/** The constant in 16 bits; undefined where it is small, or has numbers that are none or far from 1. */
function halved(source: Operation): Half | undefined {
  const type = source.result().type as TensorType;
  const attribute = arith.constant.of(source).value as Attribute;
  // Vectors of four are loaded out of two words.
  if (elementCount(type.shape) < fewest || (type.shape.at(-1) ?? 1) % 4 !== 0) return undefined;
  const numbers = (): Float32Array => {
    const found = elementsOfAttribute(attribute)?.contiguous().data;
    invariant(found instanceof Float32Array, "weights are floats of 32 bits", source.loc);
    return found;
  };
  const most = numbers().reduce((m, v) => (Math.abs(v) <= m ? m : Math.abs(v)), 0);
  const power = top - 1 - Math.floor(Math.log2(most));
  if (!(Math.abs(power) <= furthest)) return undefined;
  const halfType = tensorType(type.shape, f16);
  const make = (): NDArray =>
    new NDArray(
      "f16",
      type.shape,
      Uint16Array.from(numbers(), (v) => encodeFloat("f16", v * 2 ** power)),
    );
  const parent = attribute.kind === "resource" ? attribute.resource : undefined;
  const name = `${parent?.name ?? "constant"}_half`;
  const resource = Resource.arranged(name, elementCount(type.shape) * 2, parent ? [parent] : [], make);
  const value = arith.constant(Builder.after(source), {
    value: { kind: "resource", key: resource.name, type: halfType, resource },
    types: [halfType],
  });
  return { value, power };
}

/** Its elements in 32 bits. */
function widened(b: Builder, { value, power }: Half): Value {
  const { shape } = value.type as TensorType;
  const map = identityMap(shape.length);
  const scale = arith.constantFloat(b, 2 ** -power, f32);
  const [wide] = linalg.genericOf(b, {
    iterators: shape.map(() => "parallel" as const),
    inputs: [[value, map]],
    outputs: [[tensor.empty(b, [], { types: [tensorType(shape, f32)] }), map]],
    body: (inner, v) => {
      const extra = new Map([[halvesAttribute, unitAttribute]]);
      return arith.mulf(inner, arith.extf(inner, v!, { types: [f32], extra }), scale);
    },
  });
  return wide!;
}
