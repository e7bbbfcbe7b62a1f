/** @file The memref dialect: memory with a shape and a layout. */
import { defineDialect } from "../../ir/define.ts";
import * as access from "./access.ts";
import * as allocation from "./allocate.ts";
import * as reshapes from "./reshape.ts";
import * as views from "./view.ts";

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
export { collapse_shape, expand_shape, reshape } from "./reshape.ts";
export {
  cast,
  dim,
  extract_aligned_pointer_as_index,
  extract_strided_metadata,
  memory_space_cast,
  rank,
  reinterpret_cast,
  subview,
  transpose,
  viewOp as view,
} from "./view.ts";

export const dialect = defineDialect("memref", {
  doc: "Memory with a shape, a layout and a memory space (MLIR's memref dialect).",
  ops: [
    allocation.alloc,
    allocation.alloca,
    allocation.alloca_scope,
    allocation.alloca_scope_return,
    allocation.assume_alignment,
    allocation.dealloc,
    allocation.get_global,
    allocation.global,
    allocation.realloc,
    access.atomic_rmw,
    access.atomic_yield,
    access.copy,
    access.generic_atomic_rmw,
    access.load,
    access.prefetch,
    access.store,
    reshapes.collapse_shape,
    reshapes.expand_shape,
    reshapes.reshape,
    views.cast,
    views.dim,
    views.extract_aligned_pointer_as_index,
    views.extract_strided_metadata,
    views.memory_space_cast,
    views.rank,
    views.reinterpret_cast,
    views.subview,
    views.transpose,
    views.viewOp,
  ],
});
