/** @file Matrix products. */
import { gemm, matmul } from "../../dialects/graph/matmul.ts";
import { attr, defineImport, one, optional } from "../op.ts";

export const MatMul = defineImport("MatMul", {
  since: 1,
  inputs: [one("A"), one("B")],
  import: ({ A, B }, b) => matmul(b, A, B),
});

export const Gemm = defineImport("Gemm", {
  since: 1,
  inputs: [one("A"), one("B"), optional("C")],
  attrs: {
    alpha: attr.float.default(1),
    beta: attr.float.default(1),
    transA: attr.bool.default(false),
    transB: attr.bool.default(false),
  },
  import: ({ A, B, C, alpha, beta, transA, transB }, b) => gemm(b, A, B, C, { alpha, beta, transA, transB }),
});
