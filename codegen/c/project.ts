/** @file What goes with the code into a project: a test that checks itself, build files, a report to read. */

import { type FileFacts, fileBase, isInPlace, portType, upperOf, type WeightsForm } from "./files.ts";
import type { CPort, CProgram } from "./module.ts";
import type { Report } from "./report.ts";

const count = (p: CPort): number => p.shape.reduce((n, d) => n * d, 1);

/**
 * A program that checks the API as it stands: that wrong arguments are refused before anything is written, that the content
 * of the workspace does not matter, and that a second run gives the same bits. It prints nothing; it returns 0 if all is well.
 */
export function testText(program: CProgram, weights: WeightsForm): string {
  const { prefix } = program;
  const upper = upperOf(program);
  const base = fileBase(program);
  const bin = weights === "bin";
  const inPlace = isInPlace(program);
  const run = (given: string, workspace: string, size: string): string =>
    `${prefix}run(${[...(bin ? ["&state"] : []), ...(inPlace ? [] : [given]), workspace, size].join(", ")})`;
  const declare = (p: CPort): string => `static ${portType(p.type)} ${p.member}[${Math.max(1, count(p))}];`;
  const macro = (p: CPort): string => `${upper}${p.isOutput ? "OUTPUT" : "INPUT"}_${p.member.toUpperCase()}`;
  const fill = program.inputs.map((p) => {
    const [to, size] = inPlace
      ? [`${macro(p)}(ws)`, `${macro(p)}_LEN`]
      : [p.member, `sizeof ${p.member} / sizeof ${p.member}[0]`];
    return `  for (size_t i = 0; i < ${size}; i++) ${to}[i] = ${sample(p)};`;
  });
  const again = (p: CPort): CPort => ({ ...p, member: `${p.member}_again` });
  /** A run on a poisoned workspace, whose outputs are kept in these arrays. */
  const kept = (poison: string, code: number, ports: readonly CPort[]): string[] =>
    inPlace
      ? [
          `  ws = workspace_at(${poison});`,
          ...fill,
          `  if (${run("", "ws", "size")} != ${upper}OK) return ${code};`,
          ...ports.map(
            (p, i) => `  memcpy(${p.member}, ${macro(program.outputs[i]!)}(ws), ${program.outputs[i]!.bytes}u);`,
          ),
        ]
      : [
          ...program.outputs.map((p, i) => `  out.${p.member} = ${ports[i]!.member};`),
          `  if (${run("&in, &out", `workspace_at(${poison})`, "size")} != ${upper}OK) return ${code};`,
        ];
  const lines = [
    `/* Checks ${base}: returns 0 if all is well, else the number of the check that failed. */`,
    `#include "${base}.h"`,
    "#include <string.h>",
    ...(bin ? ["#include <stdio.h>"] : []),
    "",
    ...(inPlace ? [] : program.inputs.map(declare)),
    ...program.outputs.flatMap((p) => [declare(p), declare(again(p))]),
    `static union { double align; uint8_t bytes[${upper}WORKSPACE_SIZE + 32u]; } memory;`,
    ...(bin ? [`static union { double align; uint8_t bytes[${upper}CONST_SIZE + 128u]; } file;`] : []),
    "",
    "static uint8_t *workspace_at(size_t poison) {",
    `  uint8_t *const start = memory.bytes + (16u - (uintptr_t)memory.bytes % 16u) % 16u;`,
    "  memset(memory.bytes, (int)poison, sizeof memory.bytes);",
    "  return start;",
    "}",
    "",
    "int main(void) {",
    ...(inPlace ? ["  uint8_t *ws;"] : [`  ${prefix}inputs in;`, `  ${prefix}outputs out;`]),
    `  const size_t size = ${upper}WORKSPACE_SIZE;`,
    ...(bin ? weightsChecks(program) : []),
    ...(inPlace
      ? []
      : [
          ...fill,
          ...program.inputs.map((p) => `  in.${p.member} = ${p.member};`),
          ...(program.inputs.length === 0 ? ["  in.unused = NULL;"] : []),
          ...program.outputs.map((p) => `  out.${p.member} = ${p.member};`),
          ...(program.outputs.length === 0 ? ["  out.unused = NULL;"] : []),
          `  if (${run("NULL, &out", "workspace_at(0)", "size")} != ${upper}E_NULL) return 10;`,
          `  if (${run("&in, NULL", "workspace_at(0)", "size")} != ${upper}E_NULL) return 11;`,
        ]),
    ...(program.workspace > 0
      ? [
          `  if (${run("&in, &out", "NULL", "size")} != ${upper}E_NULL) return 12;`,
          `  if (${run("&in, &out", "workspace_at(0) + 1", "size")} != ${upper}E_ALIGN) return 13;`,
          `  if (${run("&in, &out", "workspace_at(0)", "size - 1u")} != ${upper}E_WORKSPACE) return 14;`,
        ]
      : []),
    ...kept("0xa5", 15, program.outputs),
    ...kept("0xff", 16, program.outputs.map(again)),
    ...program.outputs.map(
      (p, i) => `  if (memcmp(${p.member}, ${p.member}_again, sizeof ${p.member}) != 0) return ${20 + i};`,
    ),
    "  return 0;",
    "}",
    "",
  ];
  return lines.join("\n");
}

/** Reads the weights file, and sees it refused where it is not the model's. */
function weightsChecks(program: CProgram): string[] {
  const { prefix } = program;
  const upper = upperOf(program);
  return [
    `  ${prefix}state state;`,
    "  uint8_t *const bytes = file.bytes + (16u - (uintptr_t)file.bytes % 16u) % 16u;",
    `  FILE *const f = fopen("${fileBase(program)}_weights.bin", "rb");`,
    "  size_t got;",
    "  if (f == NULL) return 1;",
    `  got = fread(bytes, 1, ${upper}CONST_SIZE + 64u, f);`,
    "  if (fclose(f) != 0) return 2;",
    `  if (${prefix}init(NULL, bytes, got) != ${upper}E_NULL) return 3;`,
    `  if (${prefix}init(&state, bytes, got - 1u) != ${upper}E_WEIGHTS) return 4;`,
    "  bytes[20] ^= 1u;",
    `  if (${prefix}init(&state, bytes, got) != ${upper}E_WEIGHTS) return 5;`,
    "  bytes[20] ^= 1u;",
    `  if (${prefix}init(&state, bytes + 1, got) != ${upper}E_ALIGN) return 7;`,
    `  if (${prefix}init(&state, bytes, got) != ${upper}OK) return 6;`,
  ];
}

/** An input that is not all alike, and no index out of range. */
function sample(p: CPort): string {
  const type = portType(p.type);
  if (p.type === "float32") return "(float)(int32_t)(i * 7u % 19u) / 9.0f - 1.0f";
  if (p.type === "float64") return "(double)(int32_t)(i * 7u % 19u) / 9.0 - 1.0";
  if (type === "float") return "0.0f";
  return p.type.startsWith("float") || p.type.startsWith("bfloat") ? "0" : `(${type})(i % 2u)`;
}

/** What a compiler must be told to make code for a machine; cross compilers of microcontrollers know by themselves. */
const machineFlags: Readonly<Record<string, string>> = {
  "x86-64-v3": " -march=x86-64-v3",
  "x86-64-v4": " -march=x86-64-v4",
};

/** How a compiler optimizes what was made to be quick, or small. */
const levelOf = ({ opt }: FileFacts): string => (opt === "size" ? "-Os" : "-O2");

export const cmakeText = (program: CProgram, facts: FileFacts, hasWeights: boolean): string => {
  const base = fileBase(program);
  const sources = [`${base}.c`, ...(hasWeights ? [`${base}_weights.c`] : [])].join(" ");
  return `# add_subdirectory(this folder); target_link_libraries(app PRIVATE ${base})
cmake_minimum_required(VERSION 3.10)
project(${base} C)
add_library(${base} STATIC ${sources})
target_include_directories(${base} PUBLIC \${CMAKE_CURRENT_SOURCE_DIR})
set_target_properties(${base} PROPERTIES C_STANDARD 99 C_STANDARD_REQUIRED ON)
# Products and sums in one instruction where there is one; "off" gives the same bits on every machine.
set(SLUICE_CONTRACT fast CACHE STRING "floating-point contraction: fast or off")
target_compile_options(${base} PRIVATE ${levelOf(facts)} -ffp-contract=\${SLUICE_CONTRACT} -fno-math-errno${machineFlags[facts.cpu] ?? ""})
if(UNIX)
  target_link_libraries(${base} PUBLIC m)
endif()
enable_testing()
add_executable(${base}_test EXCLUDE_FROM_ALL ${base}_test.c)
target_link_libraries(${base}_test PRIVATE ${base})
add_test(NAME ${base} COMMAND ${base}_test)
`;
};

export const makeText = (program: CProgram, facts: FileFacts, hasWeights: boolean): string => {
  const base = fileBase(program);
  const upper = upperOf(program);
  return `# include this file; link $(${upper}OBJECTS) and -lm. ${upper}DIR: this folder, ${upper}CFLAGS: how to compile.
${upper}DIR ?= $(dir $(lastword $(MAKEFILE_LIST)))
${upper}CFLAGS ?= -std=c99 ${levelOf(facts)} -ffp-contract=fast -fno-math-errno${machineFlags[facts.cpu] ?? ""}
${upper}OBJECTS = $(${upper}DIR)${base}.o${hasWeights ? ` $(${upper}DIR)${base}_weights.o` : ""}

$(${upper}OBJECTS): %.o: %.c $(${upper}DIR)${base}.h
	$(CC) $(${upper}CFLAGS) -c $< -o $@
`;
};

export const libraryText = (program: CProgram, facts: FileFacts): string => {
  const base = fileBase(program);
  const filter = ["+<*.c>", `-<${base}_test.c>`];
  const library = {
    name: base,
    version: "1.0.0",
    description: `The model ${program.model} as C`,
    frameworks: "*",
    platforms: "*",
    build: { srcFilter: filter, flags: [levelOf(facts), "-ffp-contract=fast", "-fno-math-errno"] },
  };
  return `${JSON.stringify(library, null, 2)}\n`;
};

const cell = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, width - 1)}~` : text.padEnd(width);
const right = (n: number, width: number): string => n.toLocaleString("en-US").padStart(width);

/** The report as a table of text. */
export function reportText(r: Report): string {
  const within = r.inPlace ? ", in the workspace" : "";
  const lines = [
    `${r.model}, compiled for ${r.cpu}${r.requant === "onnx" ? "" : `, requantized as ${r.requant} does`}`,
    "",
    `RAM, workspace     ${right(r.workspace, 14)} bytes`,
    `RAM, inputs        ${right(r.inputs, 14)} bytes${within}`,
    `RAM, outputs       ${right(r.outputs, 14)} bytes${within}`,
    `flash, weights     ${right(r.constants, 14)} bytes`,
    `flash, code        ${right(r.codeEstimate, 14)} bytes, estimated`,
    `stack              ${right(r.stackEstimate, 14)} bytes, estimated`,
    `MACs               ${right(r.macs, 14)}`,
    "",
    `${cell("kernel", 22)} ${cell("of the model", 34)} ${cell("buffers", 44)} ${"MACs".padStart(13)} ${"bytes".padStart(11)} ${"live".padStart(11)}`,
    ...r.layers.map(
      (l) =>
        `${cell(l.kernel, 22)} ${cell(l.ops.join(" + "), 34)} ${cell(l.shapes.join(" "), 44)} ${right(l.macs, 13)} ${right(l.bytes, 11)} ${right(l.liveBytes, 11)}`,
    ),
    "",
  ];
  return lines.map((l) => l.trimEnd()).join("\n");
}
