/** @file The text of the code: `<model>.h`, `<model>.c`, `<model>_weights.c`. */
import { type ElementType, elementBytes } from "../../runtime/manifest.ts";
import { ByteWriter } from "../../support/bytes.ts";
import { identifier } from "../source.ts";
import type { CPort, CProgram } from "./module.ts";
import { stringGuards } from "./strings.ts";
import { byteOrderMark, declarationOf, headerBytes, isText, weightsVersion, writeConstants } from "./weights.ts";

/** Alignment that a workspace needs, in bytes. */
export const workspaceAlign = 16;

const ownTypes: Partial<Record<ElementType, string>> = {
  int8: "int8_t",
  int16: "int16_t",
  uint16: "uint16_t",
  int32: "int32_t",
  uint32: "uint32_t",
  int64: "int64_t",
  uint64: "uint64_t",
  float16: "uint16_t",
  bfloat16: "uint16_t",
  float32: "float",
  float64: "double",
  int4: "int8_t",
  int2: "int8_t",
};

/** The type of an element of an input or output; what C has no type for is bytes of its bits. */
export const portType = (type: ElementType): string => ownTypes[type] ?? "uint8_t";

/** How the weights reach the code: as constants of a C file, or as bytes that are handed over at run time. */
export type WeightsForm = "c" | "bin";

/** What the files say about the model as a whole, and how they are cut. */
export interface FileFacts {
  readonly weights: WeightsForm;
  /** Ties a weights file to the code. */
  readonly planHash: Uint8Array;
  /** Hexadecimal hash of the code and the constants. */
  readonly hash: string;
  readonly macs: number;
  readonly cpu: string;
  /** What is to be small: `speed`, `size` or `ram`. */
  readonly opt: string;
  /** The order of images' dimensions: `nchw` or `nhwc`. */
  readonly io: string;
}

export const upperOf = (program: CProgram): string => program.prefix.toUpperCase();
export const fileBase = (program: CProgram): string => identifier(program.model);
const count = (p: CPort): number => p.shape.reduce((n, d) => n * d, 1);

/** Inputs and outputs lie in the workspace: a run takes nothing else. */
export const isInPlace = ({ inputs, outputs }: CProgram): boolean =>
  [...inputs, ...outputs].some((p) => p.at !== undefined);

/** Status codes; 0 is success. Nothing has been written when another one is returned. */
export const statusCodes = ["OK", "E_NULL", "E_ALIGN", "E_WORKSPACE", "E_WEIGHTS"] as const;

/** A comment cannot be ended by the name of a model. */
const commentText = (text: string): string => text.replace(/\*\//g, "* /").replace(/[\r\n]+/g, " ");

export function headerText(program: CProgram, facts: FileFacts): string {
  const upper = upperOf(program);
  const { prefix } = program;
  const struct = (kind: string, ports: readonly CPort[], constness: string): string[] => [
    "typedef struct {",
    ...ports.map(
      (p) =>
        `  ${constness}${portType(p.type)} *${p.member}; /* ${p.type} [${p.shape.join(", ")}]: ${commentText(p.name)} */`,
    ),
    ...(ports.length === 0 ? ["  const void *unused;"] : []),
    `} ${prefix}${kind};`,
  ];
  const state = facts.weights === "bin";
  const lines = [
    `/* ${commentText(program.model)}: compiled by sluice for C (${facts.cpu}). Do not edit.`,
    "   Reentrant: all that a run writes are the outputs and the workspace. No heap, no static data that changes, no input or",
    "   output. Checks come before the first write. */",
    `#ifndef ${upper}H`,
    `#define ${upper}H`,
    "",
    "#include <stddef.h>",
    "#include <stdint.h>",
    "",
    "#ifdef __cplusplus",
    'extern "C" {',
    "#endif",
    "",
    `#define ${upper}ABI_VERSION 1`,
    `#define ${upper}MODEL_HASH "${facts.hash}"`,
    `#define ${upper}WORKSPACE_SIZE ${program.workspace}u /* bytes */`,
    `#define ${upper}WORKSPACE_ALIGN ${workspaceAlign}u /* bytes */`,
    `#define ${upper}CONST_SIZE ${program.constantBytes}u /* bytes of weights */`,
    `#define ${upper}MACS ${facts.macs}u /* multiply-accumulates of a run */`,
    ...[
      ...program.inputs.map((p) => ["INPUT", p] as const),
      ...program.outputs.map((p) => ["OUTPUT", p] as const),
    ].flatMap(([kind, p]) => {
      const name = `${upper}${kind}_${p.member.toUpperCase()}`;
      return [
        `#define ${name}_LEN ${count(p)}u`,
        `#define ${name}_RANK ${p.shape.length}u`,
        ...(p.shape.length > 0 ? [`#define ${name}_DIMS {${p.shape.join(", ")}}`] : []),
        `#define ${name}_DTYPE "${p.type}"`,
        ...(p.shape.length === 4 ? [`#define ${name}_LAYOUT "${facts.io.toUpperCase()}"`] : []),
        ...(p.at === undefined
          ? []
          : [
              `#define ${name}_OFFSET ${p.at}u /* bytes from the start of the workspace */`,
              `#define ${name}(ws) ((${portType(p.type)} *)(void *)((uint8_t *)(ws) + ${name}_OFFSET))`,
            ]),
      ];
    }),
    "",
    ...(isInPlace(program)
      ? []
      : [...struct("inputs", program.inputs, "const "), "", ...struct("outputs", program.outputs, ""), ""]),
    `enum { ${statusCodes.map((c, i) => `${upper}${c} = ${i}`).join(", ")} };`,
    "",
    ...(state
      ? [
          "/* The weights, which stay where they are. */",
          `typedef struct { const uint8_t *constants; } ${prefix}state;`,
          "",
          `/* Checks a weights file of \`size\` bytes, aligned to 16: its magic, version, byte order, size, and that it belongs to this code. */`,
          `int32_t ${prefix}init(${prefix}state *state, const void *weights, size_t size);`,
          "",
        ]
      : []),
    ...(isInPlace(program)
      ? [
          "/* Computes the outputs from the inputs. `workspace`: WORKSPACE_SIZE bytes, aligned to WORKSPACE_ALIGN. The inputs lie in it and",
          "   are to be written before each run, which uses their place for other things; the outputs are there behind a run. Returns OK, or",
          "   what is wrong with an argument. */",
        ]
      : [
          "/* Computes the outputs from the inputs. `workspace`: WORKSPACE_SIZE bytes, aligned to WORKSPACE_ALIGN, whose content does",
          "   not matter before and after. Returns OK, or what is wrong with an argument. */",
        ]),
    `int32_t ${prefix}run(${runParameters(program, facts.weights)});`,
    "",
    "#ifdef __cplusplus",
    "}",
    "#endif",
    "",
    "#endif",
    "",
  ];
  return lines.join("\n");
}

const runParameters = (program: CProgram, weights: WeightsForm): string =>
  [
    ...(weights === "bin" ? [`const ${program.prefix}state *state`] : []),
    ...(isInPlace(program) ? [] : [`const ${program.prefix}inputs *in`, `const ${program.prefix}outputs *out`]),
    "void *workspace",
    "size_t workspace_size",
  ].join(", ");

/** The prelude of both C files: attributes that a build may set. */
function hooks(program: CProgram): string[] {
  const upper = upperOf(program);
  return [
    `/* Where code and weights go, if it matters: define these on the command line, for example as`,
    `   __attribute__((section(".itcm"))). */`,
    ...["CONST_ATTR", "CODE_ATTR"].flatMap((name) => [`#ifndef ${upper}${name}`, `#define ${upper}${name}`, "#endif"]),
    `#if defined(__GNUC__)`,
    `#define ${upper}ALIGNED __attribute__((aligned(16)))`,
    "#else",
    `#define ${upper}ALIGNED`,
    "#endif",
    "",
  ];
}

/** What compilers define where vectors of so many lanes are at hand; wider ones than the machine's are slow. */
const widthTests: Readonly<Record<number, string>> = {
  8: " && defined(__AVX__)",
  16: " && defined(__AVX512F__)",
};

const declarations = (program: CProgram): string[] => program.constants.flatMap((c) => declarationOf(program, c));

/** `<model>.c`. With `header` the text of the header stands in it, instead of being included. */
export function codeText(program: CProgram, facts: FileFacts, header?: string): string {
  const upper = upperOf(program);
  const lines = [
    `/* ${commentText(program.model)}: compiled by sluice for C. Do not edit. */`,
    header ?? `#include "${fileBase(program)}.h"`,
    "",
    "#include <math.h>",
    "",
    ...hooks(program),
    "#if defined(__FAST_MATH__)",
    '#error "sluice: compile without -ffast-math: rounding and comparisons rely on the rules of IEEE 754"',
    "#endif",
    "",
    "/* Vector types of gcc and clang, where the machine has vectors so wide and unless they are not wanted; without them",
    "   the arithmetic is the same, in the same order. */",
    // gcc 12 makes wrong code of vector types on machines with MVE (Cortex-M55), from -O1 on; not of plain C.
    `#if defined(__GNUC__) && !defined(${upper}NO_SIMD) && (defined(__clang__) || !defined(__ARM_FEATURE_MVE))${widthTests[program.lanes] ?? ""}`,
    `#define ${upper}SIMD 1`,
    "#else",
    `#define ${upper}SIMD 0`,
    "#endif",
    "/* gcc writes short loops out before it looks for vectors; clang does not, and takes the pragma for more. */",
    "#if defined(__GNUC__) && !defined(__clang__)",
    `#define ${upper}ROLL _Pragma("GCC unroll 1")`,
    "#else",
    `#define ${upper}ROLL`,
    "#endif",
    "/* Kernels stay functions of their own: inside of one, they would push each other's values out of registers. */",
    "#if defined(__GNUC__)",
    `#define ${upper}APART ${upper}CODE_ATTR __attribute__((noinline))`,
    "#else",
    `#define ${upper}APART ${upper}CODE_ATTR`,
    "#endif",
    "/* For measuring: called with the number of each kernel call, behind it. */",
    `#ifndef ${upper}LAYER_HOOK`,
    `#define ${upper}LAYER_HOOK(id) ((void)0)`,
    "#endif",
    "",
    ...(facts.weights === "c" ? [...declarations(program), ""] : []),
    program.helpers,
    ...(facts.weights === "bin" ? initText(program, facts.planHash) : []),
    ...runText(program, facts),
  ];
  return `${lines.join("\n").replace(/\n{3,}/g, "\n\n")}`;
}

function initText(program: CProgram, planHash: Uint8Array): string[] {
  const { prefix } = program;
  const upper = upperOf(program);
  return [
    `int32_t ${prefix}init(${prefix}state *state, const void *weights, size_t size) {`,
    `  static const uint8_t expected[32] = {${Array.from(planHash.subarray(0, 32)).join(", ")}};`,
    "  const uint8_t *const bytes = (const uint8_t *)weights;",
    "  const uint32_t words[4] = {0x57434c53u, " +
      `${weightsVersion}u, ${byteOrderMark}u, ${headerBytes + program.constantBytes}u};`,
    `  if (state == NULL || weights == NULL) return ${upper}E_NULL;`,
    `  if ((uintptr_t)weights % 16u != 0u) return ${upper}E_ALIGN;`,
    `  if (size != ${headerBytes + program.constantBytes}u) return ${upper}E_WEIGHTS;`,
    "  for (int32_t i = 0; i < 4; i++) {",
    "    const uint32_t word = *(const uint32_t *)(const void *)(bytes + 4 * i);",
    `    if (word != words[i]) return ${upper}E_WEIGHTS;`,
    "  }",
    "  for (int32_t i = 0; i < 32; i++) {",
    `    if (bytes[16 + i] != expected[i]) return ${upper}E_WEIGHTS;`,
    "  }",
    `  state->constants = bytes + ${headerBytes};`,
    `  return ${upper}OK;`,
    "}",
    "",
    ...program.constants.map(
      (c) => `#define ${c.symbol} ((const ${c.ctype} *)(const void *)(constants + ${c.offset}))`,
    ),
    "",
  ];
}

function runText(program: CProgram, facts: FileFacts): string[] {
  const { prefix } = program;
  const upper = upperOf(program);
  const bin = facts.weights === "bin";
  const inPlace = isInPlace(program);
  const ports = inPlace
    ? []
    : [...program.inputs.map((p) => ["in", p] as const), ...program.outputs.map((p) => ["out", p] as const)];
  const pointers = [...(inPlace ? [] : ["in", "out"]), ...(bin ? ["state"] : [])];
  const usesWorkspace = /\bws\b/.test(program.body);
  return [
    `${upper}CODE_ATTR int32_t ${prefix}run(${runParameters(program, facts.weights)}) {`,
    ...(usesWorkspace ? ["  uint8_t *const ws = (uint8_t *)workspace;"] : []),
    ...(bin && program.constants.length > 0 ? ["  const uint8_t *constants;"] : []),
    ...(pointers.length > 0
      ? [`  if (${pointers.map((p) => `${p} == NULL`).join(" || ")}) return ${upper}E_NULL;`]
      : []),
    ...ports.map(([side, p]) => `  if (${side}->${p.member} == NULL) return ${upper}E_NULL;`),
    ...(program.workspace > 0
      ? [
          `  if (workspace == NULL) return ${upper}E_NULL;`,
          `  if ((uintptr_t)workspace % ${workspaceAlign}u != 0u) return ${upper}E_ALIGN;`,
        ]
      : ["  (void)workspace;"]),
    ...ports
      .filter(([, p]) => elementBytes[p.type] > 1)
      .map(
        ([side, p]) =>
          `  if ((uintptr_t)${side}->${p.member} % sizeof(${portType(p.type)}) != 0u) return ${upper}E_ALIGN;`,
      ),
    ...(program.workspace > 0
      ? [`  if (workspace_size < ${upper}WORKSPACE_SIZE) return ${upper}E_WORKSPACE;`]
      : ["  (void)workspace_size;"]),
    ...(bin
      ? [
          `  if (state->constants == NULL) return ${upper}E_WEIGHTS;`,
          ...(program.constants.length > 0 ? ["  constants = state->constants;"] : []),
        ]
      : []),
    program.body.replace(/\n$/, ""),
    `  return ${upper}OK;`,
    "}",
    "",
  ];
}

/** The weights as constants of a C file; undefined if there are none. */
export function weightsText(program: CProgram): Uint8Array | undefined {
  if (program.constants.length === 0) return undefined;
  const upper = upperOf(program);
  const head = [
    `/* ${commentText(program.model)}: the weights. Compiled by sluice for C. Do not edit. */`,
    "#include <math.h>",
    "#include <stdint.h>",
    "",
    ...(program.constants.some((c) => isText(program, c)) ? [...stringGuards, ""] : []),
    ...hooks(program),
    ...declarations(program),
    "",
    "",
  ].join("\n");
  const text = new ByteWriter(head.length);
  text.utf8(head);
  writeConstants(text, program, `${upper}CONST_ATTR ${upper}ALIGNED`);
  return text.subarray();
}
