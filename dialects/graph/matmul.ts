/** @file Matrix products. */
import type { AffineExpr } from "../../ir/affine.ts";
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { one, optional } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { hasStaticShape, type TensorType, tensor } from "../../ir/types.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { type ContractionBody, multiplyAdd } from "./conv.ts";
import { arrayOf, broadcastStrides, doublesOf, elementsOf, forEachRow } from "./data.ts";
import { affineMap, broadcastMap, dim, elementwise, filled, loops, rounded, sumsType } from "./expand.ts";
import { addProducts } from "./gemm.ts";
import {
  broadcastFault,
  broadcastShape,
  NumberTensor,
  product,
  range,
  type Shape,
  sameDim,
  shapeText,
  type TensorValue,
} from "./op.ts";
import { convertScalar, Scalars } from "./scalars.ts";

/** Shapes of a matrix product after numpy: vectors become matrices, and what they gained is dropped again. */
export interface MatmulShape {
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly result: readonly number[];
}

export function matmulShape(a: Shape, b: Shape): MatmulShape {
  const [ar, br] = [a.length, b.length];
  const batch = broadcastShape(a.slice(0, Math.max(0, ar - 2)), b.slice(0, Math.max(0, br - 2)));
  const m = ar > 1 ? a[ar - 2]! : 1;
  const n = br > 1 ? b[br - 1]! : 1;
  return { batch, m, n, k: a[ar - 1] ?? 1, result: [...batch, ...(ar > 1 ? [m] : []), ...(br > 1 ? [n] : [])] };
}

export function matmulFault(a: Shape, b: Shape): string | undefined {
  if (a.length === 0 || b.length === 0) return "a matrix product needs at least vectors";
  const k = b[Math.max(0, b.length - 2)]!;
  if (!sameDim(a[a.length - 1]!, k))
    return `${shapeText(a)} and ${shapeText(b)} differ in the dimension that is summed`;
  return broadcastFault([a.slice(0, -2), b.slice(0, -2)]);
}

export const matmul = defineOp("graph.matmul", {
  doc: "Matrix product of the last two dimensions, the others broadcast (ONNX MatMul). Sums may be reordered and contracted.",
  operands: [one("a", NumberTensor), one("b", NumberTensor)],
  results: [one("y", NumberTensor)],
  traits: [Pure],
  infer: ({ a, b }) => [tensor(matmulShape(a.type.shape, b.type.shape).result, a.type.element)],
  verify({ a, b }, fail) {
    const fault = matmulFault(a.type.shape, b.type.shape);
    if (fault) fail(fault);
    if (a.type.element !== b.type.element) fail("a and b have different element types");
  },
  evaluate: ({ a, b }, run) => {
    const { element } = run.resultType(0) as TensorType;
    const shape = matmulShape(a.shape, b.shape);
    if (element.kind === "integer" && element.width > 32) return matmulBig(a, b, shape, element);
    return arrayOf(element, shape.result, products(doublesOf(a), a.shape, doublesOf(b), b.shape, shape));
  },
  expand({ a, b: other, y }, b) {
    if (![a, other].every((v) => hasStaticShape(v.type))) return undefined;
    const type = sumsType(y.type);
    const sums = matrixProduct(b, a, other, filled(b, type, 0), multiplyAdd(a.type.element, type.element));
    return [rounded(b, sums, y.type.element)];
  },
});

/** batch…, m, n and the summed k as one nest of loops; what a vector lacks has no loop. */
export function matrixProduct(
  b: Builder,
  x: TensorValue,
  y: TensorValue,
  init: TensorValue,
  body: ContractionBody,
  transposed: { readonly x?: boolean; readonly y?: boolean } = {},
): TensorValue {
  const [p, q] = [x.type.shape, y.type.shape];
  const { batch } = matmulShape(p, q);
  const rows = p.length > 1;
  const columns = q.length > 1;
  const n = batch.length;
  const total = n + Number(rows) + Number(columns) + 1;
  const m = dim(n);
  const c = dim(n + Number(rows));
  const k = dim(total - 1);
  const outer = (shape: Shape): readonly AffineExpr[] =>
    broadcastMap(shape.slice(0, Math.max(0, shape.length - 2)), batch).results;
  const last = (a: AffineExpr, e: AffineExpr, swap = false): AffineExpr[] => (swap ? [e, a] : [a, e]);
  const [made] = loops(b, {
    iterators: range(total).map((i) => (i < total - 1 ? "parallel" : "reduction")),
    inputs: [
      [x, affineMap(total, 0, [...outer(p), ...(rows ? last(m, k, transposed.x) : [k])])],
      [y, affineMap(total, 0, [...outer(q), ...(columns ? last(k, c, transposed.y) : [k])])],
    ],
    outputs: [
      [
        init,
        affineMap(
          total,
          0,
          range(total - 1).map((i) => dim(i)),
        ),
      ],
    ],
    body: (inner, u, v, acc) => body(inner, u!, v!, acc!),
  });
  return made!;
}

/** Products in double precision, in the order of the summed dimension. */
export function products(a: Float64Array, aShape: Shape, b: Float64Array, bShape: Shape, s: MatmulShape): Float64Array {
  const { batch, m, n, k } = s;
  const out = new Float64Array(product(batch) * m * n);
  forEachMatrix(aShape, bShape, s, (number, atA, atB) => {
    const c = { data: out, at: number * m * n, step: n };
    addProducts(c, { data: a, at: atA, step: k }, { data: b, at: atB, step: n }, [m, k, n]);
  });
  return out;
}

function matmulBig(a: NDArray, b: NDArray, s: MatmulShape, element: TensorType["element"]): NDArray {
  const { batch, m, n, k } = s;
  const xs = elementsOf(a);
  const ys = elementsOf(b);
  const out = new BigInt64Array(product(batch) * m * n);
  forEachMatrix(a.shape, b.shape, s, (number, atA, atB) => {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0n;
        for (let c = 0; c < k; c++) sum += BigInt(xs[atA + i * k + c]!) * BigInt(ys[atB + c * n + j]!);
        out[(number * m + i) * n + j] = sum;
      }
    }
  });
  return arrayOf(element, s.result, out);
}

/** Calls `visit` with the number of each product and where its two matrices begin. */
function forEachMatrix(
  a: Shape,
  b: Shape,
  s: MatmulShape,
  visit: (number: number, atA: number, atB: number) => void,
): void {
  const { batch, m, n, k } = s;
  const strides = [
    broadcastStrides(a.slice(0, Math.max(0, a.length - 2)), batch).map((x) => x * m * k),
    broadcastStrides(b.slice(0, Math.max(0, b.length - 2)), batch).map((x) => x * k * n),
  ];
  const [stepA = 0, stepB = 0] = strides.map((x) => x[batch.length - 1] ?? 0);
  const length = batch.length === 0 ? 1 : batch[batch.length - 1]!;
  forEachRow(batch, strides, (first, [atA = 0, atB = 0]) => {
    for (let i = 0; i < length; i++) visit(first + i, atA + i * stepA, atB + i * stepB);
  });
}

export const gemm = defineOp("graph.gemm", {
  doc: "alpha * a' * b' + beta * c, where ' transposes on demand and c is broadcast (ONNX Gemm).",
  operands: [one("a", NumberTensor), one("b", NumberTensor), optional("c", NumberTensor)],
  attrs: {
    alpha: attr.f32.default(1),
    beta: attr.f32.default(1),
    transA: attr.bool.default(false),
    transB: attr.bool.default(false),
  },
  results: [one("y", NumberTensor)],
  traits: [Pure],
  infer: ({ a, b, transA, transB }) => {
    const [m, n] = gemmShape(a.type.shape, b.type.shape, transA, transB);
    return [tensor([m, n], a.type.element)];
  },
  verify({ a, b, c, transA, transB }, fail) {
    if (a.type.shape.length !== 2 || b.type.shape.length !== 2) {
      fail(`a and b must be matrices, have shapes ${shapeText(a.type.shape)} and ${shapeText(b.type.shape)}`);
      return;
    }
    const [m, n, k] = gemmShape(a.type.shape, b.type.shape, transA, transB);
    if (!sameDim(k, b.type.shape[transB ? 1 : 0]!)) fail("a and b differ in the dimension that is summed");
    const fault = c && broadcastFault([[m, n], c.type.shape]);
    if (fault) fail(fault);
    else if (c && c.type.shape.length > 2) fail(`c must be spread over a matrix, has shape ${shapeText(c.type.shape)}`);
    if (a.type.element !== b.type.element) fail("a and b have different element types");
  },
  evaluate: ({ a, b, c, alpha, beta, transA, transB }, run) => {
    const { element } = run.resultType(0) as TensorType;
    const x = transA ? a.transpose([1, 0]) : a;
    const y = transB ? b.transpose([1, 0]) : b;
    const shape = matmulShape(x.shape, y.shape);
    const sums = products(doublesOf(x), x.shape, doublesOf(y), y.shape, shape);
    const biases = c && doublesOf(c);
    const strides = c ? broadcastStrides(c.shape, shape.result) : [0, 0];
    forEachRow(shape.result, [strides], (first, [at = 0]) => {
      for (let j = 0; j < shape.n; j++) {
        const bias = biases ? beta * biases[at + j * strides[1]!]! : 0;
        sums[first + j] = alpha * sums[first + j]! + bias;
      }
    });
    return arrayOf(element, shape.result, sums);
  },
  expand({ a, b: other, c, alpha, beta, transA, transB, y }, b) {
    if (![a, other].every((v) => hasStaticShape(v.type))) return undefined;
    const type = sumsType(y.type);
    const e = (inner: Builder): Scalars => new Scalars(inner, type.element);
    const widened = (inner: Builder, v: Value): Value => convertScalar(inner, v, y.type.element, type.element);
    const bias =
      c &&
      elementwise(b, type, [c], (inner, v) =>
        beta === 1 ? widened(inner, v) : e(inner).mul(widened(inner, v), e(inner).num(beta)),
      );
    const init = bias && alpha === 1 ? bias : filled(b, type, 0);
    const body = multiplyAdd(a.type.element, type.element);
    const sums = matrixProduct(b, a, other, init, body, { x: transA, y: transB });
    if (alpha === 1) return [rounded(b, sums, y.type.element)];
    const result = elementwise(b, type, bias ? [sums, bias] : [sums], (inner, s, v) => {
      const scaled = e(inner).mul(s!, e(inner).num(alpha));
      return v ? e(inner).add(scaled, v) : scaled;
    });
    return [rounded(b, result, y.type.element)];
  },
});

/** Rows, columns, and what is summed. */
const gemmShape = (a: Shape, b: Shape, transA: boolean, transB: boolean): readonly [number, number, number] => [
  a[transA ? 1 : 0] ?? 1,
  b[transB ? 0 : 1] ?? 1,
  a[transA ? 0 : 1] ?? 1,
];
