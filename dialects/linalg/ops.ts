/** @file The ops of the linalg dialect. */
export { generic, index, yield } from "./generic.ts";
