/** @file The ops of the affine dialect. */
export { load, prefetch, store, vector_load, vector_store } from "./access.ts";
export { constantMap, symbolMap } from "./bounds.ts";
export { if } from "./conditions.ts";
export { dma_start, dma_wait } from "./dma.ts";
export { for } from "./loops.ts";
export { apply, delinearize_index, max, min } from "./maps.ts";
export { parallel } from "./parallel.ts";
export { isValidDim, isValidSymbol, scopeOf } from "./scope.ts";
export { yield } from "./yield.ts";
