/** @file The targets that the runner knows, by name. */
import { interpreter } from "./interpreter.ts";
import type { Target } from "./target.ts";

export const targets: readonly Target[] = [interpreter];
