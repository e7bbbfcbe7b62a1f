/**
 * @file Functions that a program may declare and call, and whoever runs it provides: private declarations of these names.
 * Targets say them in their own way.
 */
import { type Attribute, stringAttribute } from "../ir/types.ts";

/** On an argument of a program that was a result: its buffer is written, and not read. */
export const outputRole = ["sluice.role", stringAttribute("output")] as const;

export function isOutputRole(attributes: ReadonlyMap<string, Attribute> | undefined): boolean {
  const role = attributes?.get(outputRole[0]);
  return role?.kind === "string" && role.value === outputRole[1].value;
}

/** `(i32) -> ()`: at the start with -1, then with the number of the kernel call that has ended. */
export const markFunction = "mark";

/** `() -> ()`: waits until all threads have come here. */
export const barrierFunction = "barrier";

/** `() -> index`: the number of this thread, from 0. */
export const threadFunction = "thread";

/** `() -> index`: how many threads run the program. */
export const threadsFunction = "threads";
