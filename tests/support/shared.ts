/** @file Test data that is provided beside the checkout. A clone without it skips what needs it, and says so. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The path of a file or folder of the provided data, or undefined where it is absent. */
export function sharedPath(relative: string): string | undefined {
  const path = fileURLToPath(new URL(`../../../shared/${relative}`, import.meta.url));
  return existsSync(path) ? path : undefined;
}
