/**
 * @file Compilers and emulators for generated C: a program that runs a model some times on made-up numbers and prints the
 * bits of what it answers, built for a machine and run there.
 */
import { execFile, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { portType } from "../../codegen/c/files.ts";
import type { CProgram } from "../../codegen/c/module.ts";

/** All that a careful project asks of its compiler, and none of it may be said. */
export const strict =
  "-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Wstrict-prototypes -Wmissing-prototypes -Wdouble-promotion -Wfloat-conversion -Wcast-align -Wcast-qual -Wvla -Werror".split(
    " ",
  );

export interface Machine {
  readonly name: string;
  readonly compiler: string;
  readonly flags: readonly string[];
  /** Behind the sources. */
  readonly link?: readonly string[];
  /** What runs the program; nothing runs it here. */
  readonly runner: readonly string[];
}

const semihosting = "enable=on,target=native";
const board = (machine: string): string[] =>
  ["qemu-system-arm", "-M", machine, "-display", "none", "-monitor", "none", "-serial", "none"].concat([
    "-semihosting-config",
    semihosting,
    "-kernel",
  ]);
const picolibc = (ram: string): string[] => [
  ...["-mthumb", "--specs=picolibc.specs", "--oslib=semihost", "--crt0=hosted"],
  "-Wl,--defsym=__flash=0,--defsym=__flash_size=0x400000",
  `-Wl,--defsym=__ram=${ram},--defsym=__ram_size=0x200000,--defsym=__stack_size=0x4000`,
];
const cortex = (name: string, machine: string, ram: string, ...flags: string[]): Machine => ({
  name,
  compiler: "arm-none-eabi-gcc",
  flags: [...flags, ...picolibc(ram)],
  runner: board(machine),
});

const low = "0x20000000";
const cross = (name: string, triple: string, runner: string, ...flags: string[]): Machine => ({
  name,
  compiler: `${triple}-gcc`,
  flags: ["-static", ...flags],
  runner: [runner],
});

export const host: Machine = { name: "this machine, gcc", compiler: "gcc", flags: ["-march=native"], runner: [] };
export const m4 = cortex("Cortex-M4", "mps2-an386", low, "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16");
export const m55 = cortex("Cortex-M55", "mps3-an547", "0x21000000", "-mcpu=cortex-m55", "-mfloat-abi=hard");
/** Programs of other processors, on this system. */
export const users: readonly Machine[] = [
  cross("aarch64", "aarch64-linux-gnu", "qemu-aarch64"),
  cross("riscv64", "riscv64-linux-gnu", "qemu-riscv64"),
  cross("armhf", "arm-linux-gnueabihf", "qemu-arm", "-mfpu=neon-vfpv4"),
];
export const machines: readonly Machine[] = [
  { name: "this machine, gcc without vectors", compiler: "gcc", flags: ["-DMODEL_NO_SIMD"], runner: [] },
  { name: "this machine, clang", compiler: "clang-19", flags: ["-march=native"], runner: [] },
  { name: "this machine, tcc", compiler: "tcc", flags: [], runner: [] },
  // Of what a Cortex-M3 executes, that which a Cortex-M0 knows: without division, without an FPU.
  cortex("Cortex-M0, by an M3", "mps2-an385", low, "-mcpu=cortex-m0"),
  cortex("Cortex-M3", "mps2-an385", low, "-mcpu=cortex-m3"),
  m4,
  cortex("Cortex-M7", "mps2-an500", low, "-mcpu=cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-d16"),
  m55,
  ...users,
];

const answers = (command: string | undefined): boolean =>
  command === undefined || spawnSync(command, ["--version"]).error === undefined;

/** The tool of a machine that this one lacks. */
export const missing = ({ compiler, runner }: Machine): string | undefined =>
  [compiler, runner[0]].find((tool) => !answers(tool));

const exact = ["-std=gnu99", "-ffp-contract=off", "-fno-math-errno"];

/** Builds a program that is one file, without long optimisation, and runs it; answers what it prints. */
export async function runFile(
  machine: Machine,
  folder: string,
  file: string,
  flags: readonly string[],
): Promise<string> {
  const program = join(folder, `${file}.${machine.name.replace(/\W+/g, "-")}`);
  const run = promisify(execFile);
  await run(machine.compiler, [...exact, "-O1", ...machine.flags, ...flags, join(folder, file), "-lm", "-o", program]);
  const [runner, ...rest] = machine.runner;
  const { stdout, stderr } = await run(runner ?? program, runner ? [...rest, program] : [], { maxBuffer: 1 << 26 });
  // Boards print where the emulator does.
  return `${stdout}${stderr}`;
}

/** A program that runs a model `runs` times; buffers are blocks of the heap, exactly as large as the header says. */
export function mainText({ inputs, outputs, prefix, model }: CProgram, runs: number): string {
  const upper = prefix.toUpperCase();
  const given = inputs.map((p, n) => {
    const type = portType(p.type);
    return [
      `  ${type} *const x${n} = block(${Math.max(1, p.bytes)}u);`,
      `  for (size_t i = 0; i < ${p.bytes}u / sizeof *x${n}; i++) x${n}[i] = (${type})((float)(int)(i * 7u % 19u) / 9.0f - 1.0f);`,
      `  in.${p.member} = x${n};`,
    ].join("\n");
  });
  const answered = outputs.map((p) => `  out.${p.member} = block(${Math.max(1, p.bytes)}u);`);
  const printed = outputs.map(
    (p) =>
      `  for (size_t i = 0; i < ${p.bytes}u; i++) printf("%02x", ((const uint8_t *)out.${p.member})[i]);\n  printf("\\n");`,
  );
  return `#include "${model}.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Under the sanitizer of memory, what nobody has written is known as such, and outputs must all have been written. */
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define POISONED
#endif
#endif

static void *block(size_t size) {
  void *p = malloc(size);
  /* Small machines align blocks to 8. */
  if (p != NULL && (uintptr_t)p % 16u != 0u && (p = malloc(size + 15u)) != NULL)
    p = (uint8_t *)p + (16u - (uintptr_t)p % 16u) % 16u;
  if (p == NULL) exit(3);
#if !defined(POISONED)
  memset(p, 0xa5, size);
#endif
  return p;
}

int main(void) {
  ${prefix}inputs in;
  ${prefix}outputs out;
  void *const workspace = block(${upper}WORKSPACE_SIZE);
${given.join("\n")}
${answered.join("\n")}
  for (int run = 0; run < ${runs}; run++)
    if (${prefix}run(&in, &out, workspace, ${upper}WORKSPACE_SIZE) != ${upper}OK) return 2;
#if defined(POISONED)
${outputs.map((p) => `  __msan_check_mem_is_initialized(out.${p.member}, ${p.bytes}u);`).join("\n")}
#endif
${printed.join("\n")}
  return 0;
}
`;
}

/** Builds and runs; answers what is printed, and what the compiler and the emulator say beside. */
export function runOn(
  machine: Machine,
  folder: string,
  name: string,
  main: string,
  options: { readonly flags?: readonly string[]; readonly plugin?: string } = {},
): { readonly printed: string; readonly said: string } {
  const sources = [`${name}.c`, `${name}_weights.c`, main].map((f) => join(folder, f));
  const program = join(folder, `${main}.${machine.name.replace(/\W+/g, "-")}`);
  const flags = machine.flags.map((f) => f.replace("MODEL", name.toUpperCase()));
  const built = spawnSync(
    machine.compiler,
    [...exact, "-O2", ...flags, ...(options.flags ?? []), ...sources, "-lm", "-o", program],
    { encoding: "utf8", cwd: folder },
  );
  if (built.status !== 0) throw new Error(`${machine.compiler}: ${built.stderr.slice(0, 2000)}`);
  const [runner, ...rest] = machine.runner;
  const plugin = options.plugin === undefined ? [] : ["-plugin", options.plugin];
  const ran = spawnSync(runner ?? program, runner ? [...plugin, ...rest, program] : [], {
    encoding: "utf8",
    timeout: 120_000,
    cwd: folder,
    // What the program still holds at its end is no fault of the model's.
    env: { ...process.env, ASAN_OPTIONS: "detect_leaks=0" },
  });
  if (ran.status !== 0) throw new Error(`${machine.name}: status ${ran.status} ${ran.stderr.slice(0, 2000)}`);
  // Boards print where the emulator does.
  const isAnswer = (line: string): boolean => /^([0-9a-f]{2})+$/.test(line);
  const lines = `${ran.stdout}${ran.stderr}`.split("\n").filter((line) => line !== "");
  const others = lines.filter((line) => !isAnswer(line));
  return { printed: lines.filter(isAnswer).join("\n"), said: `${built.stderr}${others.join("\n")}` };
}

/** Builds the plugin that counts instructions. */
export function countingPlugin(folder: string): string {
  const source = fileURLToPath(new URL("./count-instructions.c", import.meta.url));
  const plugin = join(folder, "count-instructions.so");
  const built = spawnSync("gcc", ["-O2", "-shared", "-fPIC", source, "-o", plugin], { encoding: "utf8" });
  if (built.status !== 0) throw new Error(built.stderr);
  return plugin;
}

/** Instructions of one inference: of a program that makes two, less those of one that makes one. */
export function instructionsOn(machine: Machine, folder: string, program: CProgram): number {
  const plugin = countingPlugin(folder);
  const [one, two] = [1, 2].map((runs) => {
    const main = `count${runs}.c`;
    writeFileSync(join(folder, main), mainText(program, runs));
    const { said } = runOn(machine, folder, program.model, main, { plugin, flags: ["-ffp-contract=fast"] });
    return Number(/instructions (\d+)/.exec(said)?.[1]);
  });
  return two! - one!;
}
