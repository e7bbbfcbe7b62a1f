/** @file The ops of the tensor dialect. */
export { bitcast, cast, dim, extract, insert, rank } from "./access.ts";
export { empty, from_elements, generate, splat, yield } from "./create.ts";
export { gather, scatter } from "./gather.ts";
export { pack, packedShape, unpack } from "./pack.ts";
export { collapse_shape, expand_shape, reshape } from "./reshape.ts";
export { concat, extract_slice, insert_slice, pad, parallel_insert_slice } from "./slice.ts";
