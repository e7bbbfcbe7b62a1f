/** @file The ops of the linalg dialect. */
export * from "./convolution.ts";
export { broadcast, map, reduce, transpose } from "./destination-style.ts";
export * from "./elementwise.ts";
export { generic, index, yield } from "./generic.ts";
export * from "./matmul.ts";
export { windowSteps } from "./named-op.ts";
export * from "./pooling.ts";
export { softmax } from "./softmax.ts";
export { winograd_filter_transform, winograd_input_transform, winograd_output_transform } from "./winograd.ts";
