/** @file The ops of the vector dialect. */
export { type ContractIterator, contract, flat_transpose, fma, matrix_multiply, outerproduct } from "./contract.ts";
export {
  extract,
  extract_strided_slice,
  extractelement,
  insert,
  insert_strided_slice,
  insertelement,
  scalable_extract,
  scalable_insert,
} from "./element.ts";
export type { Kind } from "./kinds.ts";
export { constant_mask, create_mask, mask, maskable, yield } from "./mask.ts";
export {
  compressstore,
  expandload,
  gather,
  load,
  maskedload,
  maskedstore,
  scatter,
  store,
  type_cast,
} from "./memory.ts";
export { print } from "./print.ts";
export { multi_reduction, reduction, scan } from "./reduce.ts";
export { bitcast, broadcast, from_elements, shape_cast, splat, step, transpose, vscale } from "./shape.ts";
export { deinterleave, interleave, shuffle } from "./shuffle.ts";
export { minorIdentity, transfer_read, transfer_write, transferMask } from "./transfer.ts";
export { warp_execute_on_lane_0 } from "./warp.ts";
