/** @file The ops of the scf dialect: structured control flow. */
export { execute_region, if, index_switch } from "./branches.ts";
export { for, while } from "./loops.ts";
export { forall, in_parallel, parallel, reduce, reduce_return } from "./parallel.ts";
export { condition, yield } from "./yield.ts";
