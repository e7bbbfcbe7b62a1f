/** @file Einstein's summation: products of elements by named indices, summed over those that the result lacks. */
import { type AffineExpr, affineMap, constant } from "../../ir/affine.ts";
import { attr } from "../../ir/attributes.ts";
import { defineOp } from "../../ir/define.ts";
import { many, one } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { hasStaticShape, type TensorType, tensor } from "../../ir/types.ts";
import { rowMajor } from "../../support/ndarray.ts";
import { arrayOf, doublesOf } from "./data.ts";
import { dim, filled, loops, rounded, sumsType } from "./expand.ts";
import { NumberTensor, product, range, type Shape } from "./op.ts";
import { convertScalar, Scalars } from "./scalars.ts";

/** The letters of each operand, and of the result. */
interface Letters {
  readonly inputs: readonly string[];
  readonly output: string;
}

function lettersOf(equation: string): Letters {
  const [left = "", output = ""] = equation.split("->");
  return { inputs: left.split(","), output };
}

/** How far each letter runs; sizes of 1 are repeated. */
function sizesOf({ inputs }: Letters, shapes: readonly Shape[]): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  inputs.forEach((letters, i) => {
    [...letters].forEach((c, d) => {
      const size = shapes[i]?.[d] ?? 1;
      if (!sizes.has(c) || sizes.get(c) === 1) sizes.set(c, size);
    });
  });
  return sizes;
}

export const einsum = defineOp("graph.einsum", {
  doc:
    "Products of elements whose indices are named by letters, summed over the letters that the result lacks (ONNX Einsum). " +
    'The equation names every dimension: "bij,bjk->bik". Sums may be reordered and contracted.',
  operands: [many("xs", NumberTensor)],
  attrs: { equation: attr.string },
  results: [one("y", NumberTensor)],
  traits: [Pure],
  infer: ({ xs, equation }) => {
    const letters = lettersOf(equation);
    const sizes = sizesOf(
      letters,
      xs.map((x) => x.type.shape),
    );
    const shape = [...letters.output].map((c) => sizes.get(c) ?? 1);
    const [first] = xs;
    return first && [tensor(shape, first.type.element)];
  },
  verify({ xs, equation }, fail) {
    const { inputs, output } = lettersOf(equation);
    if (inputs.length !== xs.length) fail(`the equation has ${inputs.length} operands, there are ${xs.length}`);
    else {
      const wrong = xs.findIndex((x, i) => x.type.shape.length !== inputs[i]!.length);
      if (wrong >= 0) fail(`operand ${wrong} has rank ${xs[wrong]!.type.shape.length}, not ${inputs[wrong]!.length}`);
      if ([...output].some((c) => !inputs.join("").includes(c))) fail("the result has a letter that no operand has");
      const sizes = sizesOf(
        { inputs, output },
        xs.map((x) => x.type.shape),
      );
      const odd = xs.some((x, i) => x.type.shape.some((d, n) => d !== 1 && d !== sizes.get(inputs[i]![n]!)));
      if (odd) fail("sizes of one letter differ");
      if (xs.some((x) => x.type.element !== xs[0]!.type.element)) fail("operands have different element types");
    }
  },
  evaluate: ({ xs, equation }, run) => {
    const letters = lettersOf(equation);
    const sizes = sizesOf(
      letters,
      xs.map((x) => x.shape),
    );
    const order = orderOf(letters, sizes);
    const extents = order.map((c) => sizes.get(c)!);
    const shape = [...letters.output].map((c) => sizes.get(c)!);
    const data = xs.map(doublesOf);
    const steps = xs.map((x, i) => stepsOf(order, letters.inputs[i]!, x.shape));
    const outSteps = stepsOf(order, letters.output, shape);
    const out = new Float64Array(product(shape));
    const walk = (d: number, at: readonly number[], to: number): void => {
      if (d === order.length) {
        let p = 1;
        for (let i = 0; i < data.length; i++) p *= data[i]![at[i]!]!;
        out[to]! += p;
        return;
      }
      for (let n = 0; n < extents[d]!; n++) {
        walk(
          d + 1,
          at.map((a, i) => a + n * steps[i]![d]!),
          to + n * outSteps[d]!,
        );
      }
    };
    walk(
      0,
      xs.map(() => 0),
      0,
    );
    return arrayOf((run.resultType(0) as TensorType).element, shape, out);
  },
  expand({ xs, equation, y }, b) {
    if (xs.some((x) => !hasStaticShape(x.type))) return undefined;
    const letters = lettersOf(equation);
    const sizes = sizesOf(
      letters,
      xs.map((x) => x.type.shape),
    );
    const order = orderOf(letters, sizes);
    const type = sumsType(y.type);
    const { element } = y.type;
    const place = (text: string, shape: Shape): AffineExpr[] =>
      [...text].map((c, d) => (shape[d] === 1 && sizes.get(c) !== 1 ? constant(0) : dim(order.indexOf(c))));
    const [made] = loops(b, {
      iterators: range(order.length).map((i) => (i < letters.output.length ? "parallel" : "reduction")),
      inputs: xs.map((x, i) => [x, affineMap(order.length, 0, place(letters.inputs[i]!, x.type.shape))]),
      outputs: [[filled(b, type, 0), affineMap(order.length, 0, place(letters.output, type.shape))]],
      body(inner, ...args) {
        const e = new Scalars(inner, type.element);
        const values = args.slice(0, xs.length).map((v) => convertScalar(inner, v, element, type.element));
        const acc = args[xs.length]!;
        const [first, ...rest] = values;
        const last = rest.pop();
        const head = rest.reduce((p, v) => e.mul(p, v), first!);
        return last ? e.multiplyAdd(acc, head, last) : e.accumulate(acc, head);
      },
    });
    return [rounded(b, made!, element)];
  },
});

/** The letters of the result, then those that are summed. */
const orderOf = ({ output }: Letters, sizes: ReadonlyMap<string, number>): string[] => [
  ...output,
  ...[...sizes.keys()].filter((c) => !output.includes(c)),
];

/** How far an operand's position moves per step of each letter; a letter may stand for several of its dimensions. */
function stepsOf(order: readonly string[], letters: string, shape: Shape): number[] {
  const strides = rowMajor(shape);
  return order.map((c) => [...letters].reduce((sum, l, d) => sum + (l === c && shape[d] !== 1 ? strides[d]! : 0), 0));
}
