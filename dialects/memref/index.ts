/** @file The memref dialect: memory with a shape and a layout. */
import { defineDialect } from "../../ir/define.ts";
import * as memref from "./ops.ts";
import { rules } from "./rules.ts";

export * from "./ops.ts";

export const dialect = defineDialect("memref", {
  doc: "Memory with a shape, a layout and a memory space (MLIR's memref dialect).",
  ops: [
    memref.alloc,
    memref.alloca,
    memref.alloca_scope,
    memref.alloca_scope_return,
    memref.assume_alignment,
    memref.atomic_rmw,
    memref.atomic_yield,
    memref.cast,
    memref.collapse_shape,
    memref.copy,
    memref.dealloc,
    memref.dim,
    memref.dma_start,
    memref.dma_wait,
    memref.expand_shape,
    memref.extract_aligned_pointer_as_index,
    memref.extract_strided_metadata,
    memref.generic_atomic_rmw,
    memref.get_global,
    memref.global,
    memref.load,
    memref.memory_space_cast,
    memref.prefetch,
    memref.rank,
    memref.realloc,
    memref.reinterpret_cast,
    memref.reshape,
    memref.store,
    memref.subview,
    memref.transpose,
    memref.view,
  ],
  rules,
});
