/**
 * @file Cases of the official suite as C programs: the models of many cases in one file, their inputs as constants, and a
 * main that runs them one by one and says of each what the bits of its outputs hash to, or what they are.
 */
import type { Case } from "../../bench/conformance/case.ts";
import { dataSetsOf, readCaseModel, toleranceOf } from "../../bench/conformance/case.ts";
import { importFor } from "../../bench/conformance/interpreter.ts";
import { difference } from "../../cli/compare.ts";
import { codeText, headerText, portType, weightsText } from "../../codegen/c/files.ts";
import type { CArtifact } from "../../codegen/c/index.ts";
import type { CPort } from "../../codegen/c/module.ts";
import { lower, targetNamed } from "../../compile.ts";
import { func } from "../../dialects/func.ts";
import type { OnnxValue } from "../../onnx/model.ts";
import { dtypeOf, toNDArray } from "../../onnx/ndarray.ts";
import { NDArray, storageOf } from "../../support/ndarray.ts";

/** A case as C. */
export interface CaseInC {
  readonly name: string;
  /** All of its functions, constants and inputs, and a function `run_<n>` that runs it and tells the outputs. */
  readonly text: string;
  readonly workspace: number;
  readonly outputs: readonly CPort[];
  /** Why the bytes of the outputs, one behind the other, are not what the suite expects; undefined if they are. */
  judge(bytes: Uint8Array): string | undefined;
}

function arrayOf(value: OnnxValue): NDArray {
  if (value.kind !== "tensor") throw new Error(`a ${value.kind} is no array`);
  const { type, dims, payload } = value.tensor;
  const array =
    payload.kind === "bytes" && type !== "string" ? toNDArray({ type, dims, bytes: payload.bytes }) : undefined;
  if (!array) throw new Error(`elements of type ${type}`);
  return array;
}

const arraysOf = (values: ReadonlyMap<string, OnnxValue>): ReadonlyMap<string, NDArray> =>
  new Map([...values].map(([name, v]) => [name, arrayOf(v)]));

/** The bytes of an array as words of C, which lie as every element type wants it. */
function wordsText(name: string, array: NDArray): string {
  const { buffer, byteOffset, byteLength } = array.contiguous().data as Uint8Array;
  const padded = new Uint8Array(Math.max(8, Math.ceil(byteLength / 8) * 8));
  padded.set(new Uint8Array(buffer, byteOffset, byteLength));
  const words = Array.from(new BigUint64Array(padded.buffer), (w) => `0x${w.toString(16)}u`);
  return `static const uint64_t ${name}[${words.length}] = {${words.join(", ")}};`;
}

/** Compiles a case for a machine. `n` tells it from the others of its program. */
export function caseInC(c: Case, n: number, cpu: string): CaseInC {
  const { graph, ...model } = readCaseModel(c);
  const [set] = dataSetsOf(c, graph);
  if (!set) throw new Error(`${c.name} has no data`);
  const inputs = arraysOf(set.inputs);
  const expected = arraysOf(set.outputs);
  const { module, diagnostics } = importFor({ graph, ...model }, inputs);
  if (!module) throw new Error(`${c.name}: ${diagnostics.list[0]?.message}`);
  const main = func.of(module.region().entry.first!);
  const names = (main.arg_attrs ?? []).map((a) => (a.get("onnx.name") as unknown as { readonly value: string }).value);
  const target = targetNamed("c", { cpu });
  lower(module, target.pipeline);
  const { program, facts } = target.emit(module, { model: `case${n}`, names: false }) as CArtifact;
  const { prefix, outputs, workspace } = program;
  const given = program.inputs.map((p, i) => {
    const array = inputs.get(names[i]!)!;
    return [
      wordsText(`${prefix}x${i}`, array),
      `  in.${p.member} = (const ${portType(p.type)} *)(const void *)${prefix}x${i};`,
    ];
  });
  const weights = weightsText(program);
  const tell = (p: CPort, i: number): string =>
    `  tell(results[${i}], ${p.bytes}u, ${({ float16: 5, bfloat16: 8, float32: 8, float64: 11 } as Record<string, number>)[p.type] ?? 0}, ${
      p.bytes /
      Math.max(
        1,
        p.shape.reduce((a, b) => a * b, 1),
      )
    }u);`;
  const text = [
    codeText(program, facts, headerText(program, facts)),
    weights ? new TextDecoder().decode(weights) : "",
    ...given.map(([words]) => words),
    `static int run_${n}(void) {`,
    `  ${prefix}inputs in;`,
    `  ${prefix}outputs out;`,
    ...given.map(([, assigned]) => assigned),
    ...(given.length === 0 ? ["  in.unused = NULL;"] : []),
    ...outputs.flatMap((p, i) => [`  results[${i}] = block(${p.bytes}u);`, `  out.${p.member} = results[${i}];`]),
    ...(outputs.length === 0 ? ["  out.unused = NULL;"] : []),
    `  if (${prefix}run(&in, &out, workspace, ${workspace}u) != 0) return 1;`,
    ...outputs.map(tell),
    "  return 0;",
    "}",
  ].join("\n");
  return {
    name: c.name,
    text,
    workspace,
    outputs,
    judge(bytes) {
      let top = 0;
      for (const [i, info] of graph.outputs.entries()) {
        const port = outputs[i]!;
        const kind = dtypeOf(port.type)!;
        const actual = new NDArray(kind, port.shape, storageOf(kind, bytes.slice(top, top + port.bytes)));
        const wanted = expected.get(info.name);
        const why = wanted && difference(actual, wanted, toleranceOf(c));
        if (why) return `${info.name}: ${why}`;
        top += port.bytes;
      }
      return undefined;
    },
  };
}

/**
 * A program of cases, numbered on from the first. A line of each: its number, and the hash of its outputs' bytes (FNV-1a), of not-a-numbers only that
 * they are, for their bits are a processor's own. With `WHOLE` defined the bytes follow.
 */
export function programOf(cases: readonly CaseInC[], first: number): string {
  const most = Math.max(16, ...cases.map((c) => c.workspace));
  const results = Math.max(1, ...cases.map((c) => c.outputs.length));
  return `#include <stdint.h>
#include <stdio.h>
#include <string.h>

static union { double align; uint8_t bytes[${most + 16}]; } memory;
static union { double align; uint8_t bytes[1 << 17]; } answers;
static uint8_t *workspace;
static void *results[${results}];
static uint32_t top, hash;

static void *block(uint32_t size) {
  void *const p = answers.bytes + top;
  top += (size + 15u) / 8u * 8u;
  return top > sizeof answers ? NULL : p;
}

/* Elements of \`size\` bytes, floats with so many bits of exponent; 0 if they are no floats. */
static void tell(const void *p, uint32_t bytes, uint32_t exponent, uint32_t size) {
  const uint8_t *const b = p;
  for (uint32_t i = 0; i < bytes; i += size) {
    uint64_t v = 0;
    for (uint32_t k = 0; k < size; k++) v |= (uint64_t)b[i + k] << 8u * k;
    if (exponent != 0u) {
      const uint32_t fraction = 8u * size - 1u - exponent;
      const uint64_t infinite = (((uint64_t)1 << exponent) - 1u) << fraction;
      if ((v & (infinite | (((uint64_t)1 << fraction) - 1u))) > infinite) v = infinite + 1u;
    }
    for (uint32_t k = 0; k < size; k++) hash = (hash ^ (uint32_t)(v >> 8u * k & 0xffu)) * 16777619u;
  }
#if defined(WHOLE)
  for (uint32_t i = 0; i < bytes; i++) printf("%02x", b[i]);
#endif
}

${cases.map((c) => c.text).join("\n\n")}

static int (*const runs[${cases.length}])(void) = {${cases.map((_, i) => `run_${first + i}`).join(", ")}};

int main(void) {
  workspace = memory.bytes + (16u - (uintptr_t)memory.bytes % 16u) % 16u;
  for (int i = 0; i < ${cases.length}; i++) {
    memset(memory.bytes, 0xa5, sizeof memory.bytes);
    memset(answers.bytes, 0xa5, sizeof answers.bytes);
    top = 0;
    hash = 2166136261u;
    printf("%d ", ${first} + i);
    if (runs[i]() != 0) return 1;
    printf(" %08lx\\n", (unsigned long)hash);
  }
  return 0;
}
`;
}
