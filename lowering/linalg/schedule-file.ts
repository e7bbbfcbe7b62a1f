/**
 * @file Schedules that are given from outside: chosen ones are read out of a program as plain data, edited, and put on the
 * module of another run as the attribute `sluice.schedules`, by machine and kernel; linalg-schedule takes them in place of
 * its own choice, if they fit.
 */
import type { Operation } from "../../ir/core.ts";
import { type Attribute, arrayAttribute, i64, integerAttribute } from "../../ir/types.ts";
import type { Diagnostics } from "../../support/diagnostic.ts";
import { nearest } from "../../support/nearest.ts";
import { extentsOf, type ReductionSchedule, type RootSchedule, scheduleName } from "./schedule-attribute.ts";

/** How one kernel runs: its results, and its reductions in the order in which they stand in the kernel. */
export interface KernelSchedule extends RootSchedule {
  readonly reductions: readonly ReductionSchedule[];
}

/** Schedules of kernels by name, by the name of the machine that they are for. */
export type Schedules = Readonly<Record<string, Readonly<Record<string, KernelSchedule>>>>;

export const schedulesAttribute = "sluice.schedules";

type Data = number | readonly Data[] | { readonly [name: string]: Data };

function toAttribute(data: Data): Attribute {
  if (typeof data === "number") return integerAttribute(data, i64);
  if (Array.isArray(data)) {
    if (data.length > 0 && typeof data[0] === "object") return arrayAttribute(data.map(toAttribute));
    return { kind: "denseArray", element: i64, values: data.map((n) => BigInt(n as number)) };
  }
  return { kind: "dictionary", entries: new Map(Object.entries(data).map(([k, v]) => [k, toAttribute(v)])) };
}

function toData(a: Attribute): Data {
  if (a.kind === "integer") return Number(a.value);
  if (a.kind === "denseArray") return a.values.map(Number);
  if (a.kind === "array") return a.elements.map(toData);
  if (a.kind === "dictionary") return Object.fromEntries([...a.entries].map(([k, v]) => [k, toData(v)]));
  return {};
}

/** Puts schedules on a module. */
export function giveSchedules(module: Operation, schedules: Schedules): void {
  module.setAttribute(schedulesAttribute, toAttribute(schedules as unknown as Data));
}

/** The schedule that stands on a kernel; undefined if none does. */
export function scheduleOf(fn: Operation): KernelSchedule | undefined {
  const own = fn.attributes?.get(scheduleName);
  if (!own) return undefined;
  const reductions = scheduledIn(fn).map((op) => toData(op.attributes!.get(scheduleName)!));
  return { ...(toData(own) as unknown as RootSchedule), reductions: reductions as unknown as ReductionSchedule[] };
}

const scheduledIn = (fn: Operation): Operation[] =>
  [...fn.region().entry].filter((op) => op.attributes?.has(scheduleName));

/** What is given for a machine, by kernel. */
function givenFor(module: Operation, machine: string): ReadonlyMap<string, Attribute> {
  const all = module.attributes?.get(schedulesAttribute);
  const own = all?.kind === "dictionary" ? all.entries.get(machine) : undefined;
  return own?.kind === "dictionary" ? own.entries : new Map();
}

/**
 * Replaces what was chosen for kernels by what is given for them. Errors name the kernel, what does not fit, and what would.
 * @param kernels functions by name, scheduled, with the shapes of their results
 */
export function takeGiven(
  module: Operation,
  machine: string,
  kernels: ReadonlyMap<string, { readonly fn: Operation; readonly shape: readonly number[] }>,
  diagnostics: Diagnostics,
): void {
  for (const [name, attribute] of givenFor(module, machine)) {
    const kernel = kernels.get(name);
    if (!kernel) {
      const near = nearest(name, [...kernels.keys()]);
      diagnostics.error("schedule/unfit", module.loc, `a schedule is given for "${name}", which is no kernel`, {
        help: near ? `did you mean "${near}"?` : `kernels are ${[...kernels.keys()].join(", ")}`,
      });
      continue;
    }
    const chosen = scheduleOf(kernel.fn)!;
    const given = toData(attribute) as unknown as KernelSchedule;
    const faults = faultsOf(given, chosen, kernel.shape);
    for (const message of faults) {
      const help = "print the schedules that are chosen with --emit schedule, and change numbers there";
      diagnostics.error("schedule/unfit", kernel.fn.loc, `the schedule given for ${name} on ${machine}: ${message}`, {
        help,
      });
    }
    if (faults.length > 0) continue;
    const { reductions, ...root } = given;
    kernel.fn.setAttribute(scheduleName, toAttribute(root as unknown as Data));
    scheduledIn(kernel.fn).forEach((op, i) => {
      op.setAttribute(scheduleName, toAttribute(reductions[i] as unknown as Data));
    });
  }
}

const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && [...a].sort((x, y) => x - y).join() === [...b].sort((x, y) => x - y).join();

/** What is wrong with a schedule, next to the one that was chosen. */
function faultsOf(given: KernelSchedule, chosen: KernelSchedule, shape: readonly number[]): string[] {
  const faults = [...namesOf("", given, chosen), ...numbersOf("", given, ["vector", "turn"])];
  if (!Array.isArray(given.reductions) || given.reductions.length !== chosen.reductions.length) {
    faults.push(`it has ${chosen.reductions.length} reductions, not ${given.reductions?.length ?? 0}`);
  }
  if (faults.length > 0) return faults;
  const rank = shape.length;
  if (!same(given.order, chosen.order)) faults.push(`order is no permutation of ${chosen.order.join(", ")}`);
  const most = extentsOf(given, shape);
  if (given.tile.length !== rank || given.tile.some((t, d) => t < 1 || t > Math.max(1, most[d]!)))
    faults.push(`tile has ${rank} numbers from 1 to ${most.join(", ")}`);
  if (given.joined && given.joined.join() !== (chosen.joined ?? []).join())
    faults.push(chosen.joined ? `joined is ${chosen.joined.join(", ")} or left out` : "no dimensions can be joined");
  if (given.edge && (given.edge.length !== rank || given.edge.some((t, d) => t < 1 || t > Math.max(1, shape[d]!))))
    faults.push(`edge has ${rank} numbers from 1 to ${shape.join(", ")}`);
  // How threads work together hangs on what their kernel computes.
  for (const name of ["share", "rows", "team", "attention"] as const) {
    const own = chosen[name];
    if (own !== undefined && String(given[name]) !== String(own)) faults.push(`${name} stays ${own}`);
  }
  if (given.block.length !== rank) faults.push(`block has ${rank} numbers`);
  if (given.lanes !== 1 && given.lanes !== chosen.lanes) faults.push(`lanes are 1 or ${chosen.lanes}`);
  const vector = given.vector;
  if (vector !== -1 && vector !== chosen.vector) faults.push(`vector is -1 or ${chosen.vector}`);
  if (vector >= 0 && given.tile[vector]! % given.lanes !== 0)
    faults.push(`tile[${vector}] is no multiple of the ${given.lanes} lanes`);
  given.reductions.forEach((r, i) => {
    const own = chosen.reductions[i]!;
    const at = `reductions[${i}].`;
    const wrong = [...namesOf(at, r, own), ...numbersOf(at, r, ["vector"])];
    faults.push(...wrong);
    if (wrong.length > 0) return;
    if (!same(r.order, own.order)) faults.push(`${at}order is no permutation of ${own.order.join(", ")}`);
    if (r.full.some((l) => !own.order.includes(l)))
      faults.push(`${at}full names loops other than ${own.order.join(", ")}`);
    if (r.run > own.order.length || (r.run > 1 && r.run > own.run)) faults.push(`${at}run is at most ${own.run}`);
    if (r.vector !== -1 && r.vector !== own.vector) faults.push(`${at}vector is -1 or ${own.vector}`);
    if (r.lanes !== 1 && r.lanes !== own.lanes) faults.push(`${at}lanes are 1 or ${own.lanes}`);
    if (r.accumulators < 1 || r.unroll < 1) faults.push(`${at}accumulators and unroll are 1 or more`);
  });
  return faults;
}

/** Names that schedules do not have, and names that are missing. */
function namesOf(at: string, given: object, chosen: object): string[] {
  const optional = new Set(["turn", "gaps", "joined", "edge", "workgroup", "ahead"]);
  const unknown = Object.keys(given).filter((k) => !(k in chosen) && !optional.has(k));
  const missing = Object.keys(chosen).filter((k) => !(k in given) && !optional.has(k) && k !== "reductions");
  return [...unknown.map((k) => `there is nothing called ${at}${k}`), ...missing.map((k) => `${at}${k} is missing`)];
}

/** Numbers that are no integers, or below 0 where that means nothing. */
function numbersOf(at: string, given: object, negative: readonly string[]): string[] {
  return Object.entries(given).flatMap(([k, v]: [string, unknown]) => {
    if (k === "reductions") return [];
    const all: unknown[] = Array.isArray(v) ? v : [v];
    const good = all.every((n) => Number.isInteger(n) && ((n as number) >= 0 || negative.includes(k)));
    return good ? [] : [`${at}${k} is no ${Array.isArray(v) ? "list of integers" : "integer"} of 0 or more`];
  });
}
