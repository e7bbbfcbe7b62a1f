/** @file What reading ONNX files offers to those who want the files themselves, not the programs they mean. */
export type { ElementType } from "./dtypes.ts";
export type { Dim, Graph, Model, Node, Tensor, ValueInfo, ValueType } from "./model.ts";
export { toNDArray } from "./ndarray.ts";
export { readModel } from "./proto.ts";
export { readTensorFile } from "./values.ts";
