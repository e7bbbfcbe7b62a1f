/**
 * @file Functions that a program may declare and call, and whoever runs it provides: private declarations of these names.
 * Targets say them in their own way.
 */

/** `(i32) -> ()`: at the start with -1, then with the number of the kernel call that has ended. */
export const markFunction = "mark";

/** `() -> ()`: waits until all threads have come here. */
export const barrierFunction = "barrier";

/** `() -> index`: the number of this thread, from 0. */
export const threadFunction = "thread";

/** `() -> index`: how many threads run the program. */
export const threadsFunction = "threads";
