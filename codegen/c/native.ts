/** @file The entry by which a running process calls a model that it has compiled itself: one block of bytes for all. */
import { portType } from "./files.ts";
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
    ports.set(p, top);
    top = roundUp(top + Math.max(1, p.bytes));
  }
  const { prefix } = program;
  const set = (side: string, constness: string) => (p: CPort) =>
    `  ${side}.${p.member} = (${constness}${portType(p.type)} *)(void *)(memory + ${ports.get(p)});`;
  const lines = [
    `int32_t ${nativeSymbol}(const void *weights, size_t size, uint8_t *memory);`,
    `int32_t ${nativeSymbol}(const void *weights, size_t size, uint8_t *memory) {`,
    `  ${prefix}state state;`,
    `  ${prefix}inputs in;`,
    `  ${prefix}outputs out;`,
    `  const int32_t status = ${prefix}init(&state, weights, size);`,
    "  if (status != 0) return status;",
    ...program.inputs.map(set("in", "const ")),
    ...program.outputs.map(set("out", "")),
    ...(program.inputs.length === 0 ? ["  in.unused = NULL;"] : []),
    ...(program.outputs.length === 0 ? ["  out.unused = NULL;"] : []),
    `  return ${prefix}run(&state, &in, &out, memory, ${program.workspace}u);`,
    "}",
    "",
    "/* Bytes to the next multiple of 64. */",
    "int32_t sluice_native_offset(const void *memory);",
    "int32_t sluice_native_offset(const void *memory) {",
    `  return (int32_t)((${align}u - (uintptr_t)memory % ${align}u) % ${align}u);`,
    "}",
    "",
  ];
  return { text: lines.join("\n"), ports, bytes: Math.max(align, top) };
}
