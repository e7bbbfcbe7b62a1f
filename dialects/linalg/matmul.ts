/** @file Named ops: products of matrices and vectors. */
import { multiplyAdd, quantizedMultiplyAdd } from "./named-bodies.ts";
import { castAttr, namedOp } from "./named-op.ts";
import { binary, cast } from "./scalar-ops.ts";

const product = <const N extends string>(name: N, doc: string, loops: string, accesses: string) =>
  namedOp(name, { doc, loops, accesses, body: multiplyAdd, attrs: {} });

/** With the attribute that says how integers are widened. */
const castingProduct = <const N extends string>(name: N, doc: string, loops: string, accesses: string) =>
  namedOp(name, { doc, loops, accesses, body: multiplyAdd, attrs: castAttr });

const quantized = <const N extends string>(name: N, doc: string, loops: string, accesses: string) =>
  namedOp(name, { doc, loops, accesses, body: quantizedMultiplyAdd, attrs: {} });

export const matmul = castingProduct(
  "matmul",
  "Product of two matrices, added to the output.",
  "m n | k",
  "m k; k n; m n",
);
export const matmul_transpose_a = castingProduct(
  "matmul_transpose_a",
  "Matrix product with the first matrix transposed.",
  "m n | k",
  "k m; k n; m n",
);
export const matmul_transpose_b = castingProduct(
  "matmul_transpose_b",
  "Matrix product with the second matrix transposed.",
  "m n | k",
  "m k; n k; m n",
);
export const quantized_matmul = quantized(
  "quantized_matmul",
  "Matrix product of integers with a zero point for each matrix.",
  "m n | k",
  "m k; k n; ; ; m n",
);
export const mmt4d = product(
  "mmt4d",
  "Product of matrices that are cut into tiles, the second one transposed outside and inside of them.",
  "m n | k | a b | c",
  "m k a c; n k b c; m n a b",
);
export const batch_mmt4d = product(
  "batch_mmt4d",
  "As mmt4d, for a batch of pairs.",
  "z m n | k | a b | c",
  "z m k a c; z n k b c; z m n a b",
);
export const batch_matmul = product(
  "batch_matmul",
  "Matrix products of a batch of pairs.",
  "z m n | k",
  "z m k; z k n; z m n",
);
export const batch_matmul_transpose_a = product(
  "batch_matmul_transpose_a",
  "Matrix products of a batch of pairs, the first of each transposed.",
  "z m n | k",
  "z k m; z k n; z m n",
);
export const batch_matmul_transpose_b = product(
  "batch_matmul_transpose_b",
  "Matrix products of a batch of pairs, the second of each transposed.",
  "z m n | k",
  "z m k; z n k; z m n",
);
export const quantized_batch_matmul = quantized(
  "quantized_batch_matmul",
  "Matrix products of a batch of pairs of integers with a zero point for each side.",
  "z m n | k",
  "z m k; z k n; ; ; z m n",
);
export const batch_reduce_matmul = namedOp("batch_reduce_matmul", {
  doc: "The sum of the matrix products of a batch of pairs.",
  loops: "| z | m n | k",
  accesses: "z m k; z k n; m n",
  attrs: {},
  body: (b, [x, y, out]) => {
    const scaled = binary(b, "mul", x!, cast(b, "cast_signed", y!, out!.type));
    return binary(b, "add", out!, cast(b, "cast_signed", scaled, out!.type));
  },
});
export const matvec = product("matvec", "Product of a matrix and a vector.", "m | k", "m k; k; m");
export const vecmat = product("vecmat", "Product of a vector and a matrix.", "n | k", "k; k n; n");
export const batch_matvec = product(
  "batch_matvec",
  "Products of a batch of matrices with a vector each.",
  "z m | k",
  "z m k; z k; z m",
);
export const batch_vecmat = product(
  "batch_vecmat",
  "Products of a batch of vectors with a matrix each.",
  "z n | k",
  "z k; z k n; z n",
);
export const dot = product("dot", "Inner product of two vectors.", "| k", "k; k; ");
