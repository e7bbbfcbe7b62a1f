/** @file The entry by which a running process calls a model that it has compiled itself: one block of bytes for all. */
import { markFunction } from "../../dialects/host.ts";
import { isInPlace, portType } from "./files.ts";
import type { CPort, CProgram } from "./module.ts";

const align = 64;
const roundUp = (n: number): number => Math.ceil(n / align) * align;

/** The function that native code of a model exports: `int32_t (const void *weights, size_t, uint8_t *memory)`. */
export const nativeSymbol = "sluice_native_run";

export interface NativeEntry {
  readonly text: string;
  /** Where inputs and outputs are in the block; the workspace is first. */
  readonly ports: ReadonlyMap<CPort, number>;
  /** Size of the block, which must be aligned to 64 bytes. */
  readonly bytes: number;
}

export function nativeEntry(program: CProgram): NativeEntry {
  let top = roundUp(program.workspace);
  const ports = new Map<CPort, number>();
  for (const p of [...program.inputs, ...program.outputs]) {
    ports.set(p, p.at ?? top);
    if (p.at === undefined) top = roundUp(top + Math.max(1, p.bytes));
  }
  const inPlace = isInPlace(program);
  const { prefix } = program;
  const set = (side: string, constness: string) => (p: CPort) =>
    `  ${side}.${p.member} = (${constness}${portType(p.type)} *)(void *)(memory + ${ports.get(p)});`;
  const lines = [
    `int32_t ${nativeSymbol}(const void *weights, size_t size, uint8_t *memory);`,
    `int32_t ${nativeSymbol}(const void *weights, size_t size, uint8_t *memory) {`,
    `  ${prefix}state state;`,
    ...(inPlace ? [] : [`  ${prefix}inputs in;`, `  ${prefix}outputs out;`]),
    `  const int32_t status = ${prefix}init(&state, weights, size);`,
    "  if (status != 0) return status;",
    ...(inPlace
      ? []
      : [
          ...program.inputs.map(set("in", "const ")),
          ...program.outputs.map(set("out", "")),
          ...(program.inputs.length === 0 ? ["  in.unused = NULL;"] : []),
          ...(program.outputs.length === 0 ? ["  out.unused = NULL;"] : []),
        ]),
    `  return ${prefix}run(&state, ${inPlace ? "" : "&in, &out, "}memory, ${program.workspace}u);`,
    "}",
    "",
    "/* Bytes to the next multiple of 64. */",
    "int32_t sluice_native_offset(const void *memory);",
    "int32_t sluice_native_offset(const void *memory) {",
    `  return (int32_t)((${align}u - (uintptr_t)memory % ${align}u) % ${align}u);`,
    "}",
    "",
  ];
  const marks = program.externals.includes(markFunction) ? marksText(`${prefix}${markFunction}`) : "";
  return { text: lines.join("\n") + marks, ports, bytes: Math.max(align, top) };
}

/** Notes which steps have ended, and when, for a process that asks behind the run. The process has one such program. */
const marksText = (name: string): string => `
#include <stdlib.h>
#include <time.h>

static struct { int32_t *steps; double *times; int32_t count, room, lost; } sluice_marks;

double sluice_native_now(void);
double sluice_native_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void ${name}(int32_t step) {
  const int32_t at = sluice_marks.count;
  if (at == sluice_marks.room) {
    const int32_t room = at > 0 ? 2 * at : 4096;
    int32_t *const steps = realloc(sluice_marks.steps, (size_t)room * sizeof *steps);
    if (steps) sluice_marks.steps = steps;
    double *const times = realloc(sluice_marks.times, (size_t)room * sizeof *times);
    if (times) sluice_marks.times = times;
    if (!steps || !times) {
      sluice_marks.lost = 1;
      return;
    }
    sluice_marks.room = room;
  }
  sluice_marks.steps[at] = step;
  sluice_marks.times[at] = sluice_native_now();
  sluice_marks.count = at + 1;
}

/* How many marks there are, -1 if memory ran out for some; with room for them they are handed over and forgotten. */
int32_t sluice_native_marks(int32_t *steps, double *times, int32_t room);
int32_t sluice_native_marks(int32_t *steps, double *times, int32_t room) {
  const int32_t count = sluice_marks.lost ? -1 : sluice_marks.count;
  if (room < sluice_marks.count) return count;
  for (int32_t i = 0; i < sluice_marks.count; i++) {
    steps[i] = sluice_marks.steps[i];
    times[i] = sluice_marks.times[i];
  }
  sluice_marks.count = sluice_marks.lost = 0;
  return count;
}
`;
