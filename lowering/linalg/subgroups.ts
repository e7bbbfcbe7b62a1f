/**
 * @file Kernels whose workgroups sum up together, once more for devices that have subgroups: alternatives that are chosen when
 * a program is loaded.
 */
import { addAlternative } from "../../dialects/alternative.ts";
import { isReducing, structureOf } from "../../dialects/linalg/structure.ts";
import type { Operation } from "../../ir/core.ts";
import { f32, i32 } from "../../ir/types.ts";
import { allows, defineInexact } from "../../rewrite/numerics.ts";
import { definePass } from "../../rewrite/pass.ts";
import { isKernel } from "./outline.ts";
import { setSchedule } from "./schedule-attribute.ts";
import { scheduleOf } from "./schedule-file.ts";

const rewrite = defineInexact({
  name: "sums over rows by subgroups (WebGPU)",
  from: "default",
  bound: "γₙ times the sum of the sizes of the n terms, as for any order of a sum; the order is the device's",
});

/** Threads from which on there is something to gain, and which fill subgroups of any size. */
const fewest = 8;

export const subgroups = definePass("gpu-subgroups", {
  doc:
    "Gives each kernel whose workgroups sum up together an alternative for devices with subgroups, which put together what " +
    "their threads have without memory. Not under the numerics policy `strict`.",
  run(module) {
    const found = [...module.region().entry].filter((fn) => isKernel(fn) && allows(fn, rewrite) && isTogether(fn));
    for (const fn of found) {
      const copy = addAlternative(fn, "subgroups");
      const { reductions: _, ...root } = scheduleOf(copy)!;
      setSchedule(copy, { ...root, subgroups: 1 });
    }
    return found.length > 0;
  },
});

/** All threads of a workgroup put together what they have, in types that subgroups know. */
function isTogether(fn: Operation): boolean {
  const schedule = scheduleOf(fn);
  const threads = schedule?.workgroup ?? 0;
  if (!schedule || threads < fewest || !Number.isInteger(Math.log2(threads))) return false;
  if (schedule.rows === undefined && schedule.team?.[0] !== threads) return false;
  return [...fn.region().entry].every((op) => {
    const sum = structureOf(op);
    if (!sum || !isReducing(sum)) return true;
    return sum.outputs.every((o) => o.element === f32 || o.element === i32);
  });
}
