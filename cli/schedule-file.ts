/** @file Schedules as a file: JSON, one line for the results of each kernel and one for each reduction in it. */
import {
  CompileError,
  Diagnostics,
  type KernelSchedule,
  machineNames,
  nearest,
  type Schedules,
  unknownLocation,
} from "../index.ts";
import { readBytes } from "./terminal.ts";
import { usageFault } from "./usage.ts";

/** The text of a file of schedules. */
export function schedulesText(schedules: Schedules): string {
  const line = (x: object): string => JSON.stringify(x).replaceAll(",", ", ").replaceAll(":", ": ");
  const kernel = (name: string, { reductions, ...results }: KernelSchedule): string => {
    const inner = reductions.map((r) => `\n      ${line(r)}`).join(",");
    return `    "${name}": ${line(results).slice(0, -1)}, "reductions": [${inner}]}`;
  };
  const machines = Object.entries(schedules).map(
    ([machine, kernels]) =>
      `  "${machine}": {\n${Object.entries(kernels)
        .map(([name, schedule]) => kernel(name, schedule))
        .join(",\n")}\n  }`,
  );
  return `{\n${machines.join(",\n")}\n}\n`;
}

const isObject = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === "object" && x !== null && !Array.isArray(x);

/**
 * Reads a file of schedules; whether they fit the kernels is seen when these are there.
 * @throws CompileError if it cannot be read, is no JSON, or is not by machine and kernel
 */
export function readSchedules(path: string): Schedules {
  const text = new TextDecoder().decode(readBytes(path));
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw usageFault(`${path} is no JSON: ${(error as Error).message}`, "--emit schedule prints a file to start from");
  }
  const diagnostics = new Diagnostics();
  const wrong = (message: string, help: string): void =>
    diagnostics.error("cli/usage", unknownLocation, `${path}: ${message}`, { help });
  if (!isObject(data))
    throw usageFault(`${path} is no object of machines`, "--emit schedule prints a file to start from");
  for (const [machine, kernels] of Object.entries(data)) {
    const near = nearest(machine, machineNames);
    if (!machineNames.includes(machine))
      wrong(
        `there is no machine "${machine}"`,
        near ? `did you mean "${near}"?` : `machines: ${machineNames.join(", ")}`,
      );
    if (!isObject(kernels))
      wrong(`"${machine}" has no kernels`, 'schedules stand under the names of kernels: {"k0": …}');
    else
      for (const [name, schedule] of Object.entries(kernels))
        if (!isObject(schedule)) wrong(`"${name}" of "${machine}" is no object`, "a schedule has order, tile, block …");
  }
  if (diagnostics.errorCount > 0) throw new CompileError(diagnostics.list.slice());
  return data as Schedules;
}
