/** @file Reductions along one axis, the place of the maximum, and Fourier transforms. */
import { attr } from "../../ir/attributes.ts";
import { toType } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { one } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { elementOf } from "../../ir/types.ts";
import { computed, functional, makeResult, NumberTensor, tensorOfRank } from "./common.ts";

type Combine = (a: Num, b: Num) => Num;

/** `integers` is how integers are combined, if not as floats are. */
const reduction = <const N extends string>(name: N, doc: string, empty: Num, floats: Combine, integers = floats) =>
  defineOp(`tosa.${name}`, {
    doc: `${doc} The axis stays, with size 1.`,
    operands: [one("input", NumberTensor)],
    attrs: { axis: attr.i32 },
    results: [one("output", NumberTensor)],
    traits: [Pure],
    assembly: functional,
    evaluate({ input, axis }, run) {
      const element = elementOf(run.resultType(0));
      const combine = element.kind === "float" ? floats : integers;
      const size = input.shape[axis]!;
      return computed(run, input.shape.with(axis, 1), (index) => {
        const at = index.slice();
        let total: Num | undefined;
        for (let i = 0; i < size; i++) {
          at[axis] = i;
          const v = input.get(at);
          total = total === undefined ? v : toType(element, combine(total, v));
        }
        return total ?? empty;
      });
    },
  });

const isNaNumber = (v: Num): boolean => Number.isNaN(v as number);

const add: Combine = (a, b) => (typeof a === "bigint" ? a + (b as bigint) : a + (b as number));

export const reduce_sum = reduction("reduce_sum", "Sums along an axis.", 0, add);
export const reduce_prod = reduction(
  "reduce_prod",
  "Products along an axis.",
  1,
  (a, b) => (a as number) * (b as number),
  (a, b) => BigInt(a) * BigInt(b),
);
export const reduce_max = reduction("reduce_max", "The largest along an axis.", 0, (a, b) =>
  isNaNumber(a) || a > b ? a : b,
);
export const reduce_min = reduction("reduce_min", "The smallest along an axis.", 0, (a, b) =>
  isNaNumber(a) || a < b ? a : b,
);
export const reduce_all = reduction("reduce_all", "Whether all along an axis hold.", 1, (a, b) => (a && b ? 1 : 0));
export const reduce_any = reduction("reduce_any", "Whether any along an axis holds.", 0, (a, b) => (a || b ? 1 : 0));

export const argmax = defineOp("tosa.argmax", {
  doc: "The place of the first largest element along an axis, which is dropped.",
  operands: [one("input", NumberTensor)],
  attrs: { axis: attr.i32 },
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate: ({ input, axis }, run) =>
    computed(run, input.shape.toSpliced(axis, 1), (index) => {
      let best = 0;
      for (let i = 1; i < input.shape[axis]!; i++) {
        if (input.get(index.toSpliced(axis, 0, i)) > input.get(index.toSpliced(axis, 0, best))) best = i;
      }
      return best;
    }),
});

// --- Fourier ------------------------------------------------------------------------------------------------------

export const fft2d = defineOp("tosa.fft2d", {
  doc: "The 2-D Fourier transform of each slice, from real and imaginary parts; or its inverse.",
  operands: [one("input_real", tensorOfRank(3)), one("input_imag", tensorOfRank(3))],
  attrs: { inverse: attr.bool, local_bound: attr.bool.optional() },
  results: [one("output_real", NumberTensor), one("output_imag", NumberTensor)],
  traits: [Pure],
  names: () => ["output_real", "output_imag"],
  assembly:
    "$input_real `,` $input_imag attr-dict `:` `(` type($input_real) `,` type($input_imag) `)` `->` " +
    "`(` type($output_real) `,` type($output_imag) `)`",
  evaluate({ input_real, input_imag, inverse }, run) {
    const [n = 1, h = 1, w = 1] = input_real.shape;
    const outputs = [makeResult(run, [n, h, w], 0), makeResult(run, [n, h, w], 1)] as const;
    const sign = inverse ? 1 : -1;
    transform(
      n,
      h,
      w,
      w,
      (b, y, x) => [Number(input_real.get([b, y, x])), Number(input_imag.get([b, y, x]))],
      sign,
      outputs,
    );
    return outputs;
  },
});

export const rfft2d = defineOp("tosa.rfft2d", {
  doc: "The 2-D Fourier transform of each real slice; of the last dimension, the half that is not redundant.",
  operands: [one("input", tensorOfRank(3))],
  attrs: { local_bound: attr.bool.optional() },
  results: [one("output_real", NumberTensor), one("output_imag", NumberTensor)],
  traits: [Pure],
  names: () => ["output_real", "output_imag"],
  assembly: "$input attr-dict `:` `(` type($input) `)` `->` `(` type($output_real) `,` type($output_imag) `)`",
  evaluate({ input }, run) {
    const [n = 1, h = 1, w = 1] = input.shape;
    const half = Math.floor(w / 2) + 1;
    const outputs = [makeResult(run, [n, h, half], 0), makeResult(run, [n, h, half], 1)] as const;
    transform(n, h, w, half, (b, y, x) => [Number(input.get([b, y, x])), 0], -1, outputs);
    return outputs;
  },
});

/** By the definition: every output is a sum over all inputs. */
function transform(
  batches: number,
  height: number,
  width: number,
  columns: number,
  input: (b: number, y: number, x: number) => readonly [number, number],
  sign: number,
  outputs: readonly [ReturnType<typeof makeResult>, ReturnType<typeof makeResult>],
): void {
  let at = 0;
  for (let b = 0; b < batches; b++) {
    for (let v = 0; v < height; v++) {
      for (let u = 0; u < columns; u++, at++) {
        let real = 0;
        let imaginary = 0;
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            const angle = sign * 2 * Math.PI * (((v * y) % height) / height + ((u * x) % width) / width);
            const [re, im] = input(b, y, x);
            real += re * Math.cos(angle) - im * Math.sin(angle);
            imaginary += re * Math.sin(angle) + im * Math.cos(angle);
          }
        }
        const scale = sign > 0 ? height * width : 1;
        outputs[0].setData(at, real / scale);
        outputs[1].setData(at, imaginary / scale);
      }
    }
  }
}
