/** @file The ops of the memref dialect. */
export { atomic_rmw, atomic_yield, copy, generic_atomic_rmw, load, prefetch, store } from "./access.ts";
export {
  alloc,
  alloca,
  alloca_scope,
  alloca_scope_return,
  assume_alignment,
  dealloc,
  get_global,
  global,
  realloc,
} from "./allocate.ts";
export { cast, dim, memory_space_cast, rank } from "./cast.ts";
export { dma_start, dma_wait } from "./dma.ts";
export { collapse_shape, expand_shape, reshape } from "./reshape.ts";
export {
  extract_aligned_pointer_as_index,
  extract_strided_metadata,
  reinterpret_cast,
  subview,
  transpose,
  viewOp as view,
} from "./view.ts";
