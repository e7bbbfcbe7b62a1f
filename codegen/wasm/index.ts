/** @file The target wasm-simd: WebAssembly with 128-bit SIMD, one function per kernel, all memory laid out beforehand. */
import * as func from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/index.ts";
import type { Operation } from "../../ir/core.ts";
import { byteWidth } from "../../ir/datum.ts";
import { elementCount, isShaped, type MemRefType } from "../../ir/types.ts";
import type { Manifest, Port } from "../../runtime/manifest.ts";
import { fault } from "../../support/diagnostic.ts";
import { type Machine, v8, v8Before13, v8Bytes, v8Relaxed, v8Wide } from "../../support/machine.ts";
import { standardPipeline } from "../pipeline.ts";
import { constantsOf, entryOf, initOf, kernelsOf, portsOf, reservedOf } from "../program.ts";
import { defineTarget, type Target } from "../target.ts";
import { addresses } from "./addresses.ts";
import { dots } from "./dot.ts";
import { emitModule, type MemoryLayout } from "./emit.ts";
import { artifactFacts, artifactFiles } from "./files.ts";
import { legalize } from "./legalize.ts";
import { watText } from "./listing.ts";
import { minMax } from "./min-max.ts";
import { foldOffsets } from "./offsets.ts";
import { pinSteps } from "./pin.ts";
import { relaxedMadd } from "./relaxed.ts";
import { LaidWeights } from "./weights.ts";

/** Buffers start at multiples of this many bytes: a cache line. */
const alignment = 64;
const roundUp = (n: number): number => Math.ceil(n / alignment) * alignment;
const addressable = 2 ** 32;
/** Nothing lies below: an address of 0 is a mistake that shows. */
const firstAddress = 1024;

/** From `graph` to what is written, for an engine. */
const pipelineFor = (machine: Machine): string => {
  const { name, loopForm, fusedMultiplyAdd, vectorRegisters, together, operationsPerByte, fours = false } = machine;
  return standardPipeline({
    machine: name,
    initializes: true,
    operationsPerByte,
    packsProducts: true,
    fused: fusedMultiplyAdd,
    integers: true,
    group: 2,
    pairs: true,
    fours,
    planes: true,
    last: [
      "wasm-dot",
      "kernel-round-sums",
      ...(fusedMultiplyAdd ? ["wasm-relaxed-madd"] : []),
      "wasm-min-max",
      "wasm-legalize",
      "wasm-addresses",
      "kernel-lower-affine",
      ...(loopForm === "exits" ? ["wasm-pin-steps"] : []),
      "kernel-unroll",
      "wasm-fold-offsets",
      `kernel-ease-registers{registers=${vectorRegisters * together}}`,
    ].join(","),
  });
};

const settings = {
  embed: { doc: "code and weights inside of the loader, as one file", values: ["no", "yes"] },
} as const;

/** A target of this folder, with its settings chosen. */
export const configured = (target: Target, { embed }: Readonly<Record<string, string>>): Target =>
  embed === "yes" ? { ...target, files: (artifact) => artifactFiles(artifact, true) } : target;

/** Whether there are numbers without signs in 8 bits, as quantized models have them. */
function hasUnsignedBytes(module: Operation): boolean {
  let found = false;
  module.walk((op) => {
    found ||= op.results.some(({ type }) => {
      const element = isShaped(type) ? type.element : type;
      return element.kind === "integer" && element.width === 8 && element.signedness === "unsigned";
    });
  });
  return found;
}

export const wasmSimd: Target = defineTarget({
  name: "wasm-simd",
  doc: "WebAssembly with 128-bit SIMD.",
  runtime: "wasm",
  settings,
  configured: (given) => configured(wasmSimd, given),
  files: (artifact) => artifactFiles(artifact),
  facts: artifactFacts,
  listings: { wat: ({ code }) => watText(code) },
  passes: [dots, relaxedMadd, minMax, legalize, addresses, pinSteps, foldOffsets],
  pipeline: pipelineFor(v8),
  variants: [
    {
      name: "relaxed",
      doc: "multiplies and adds in one instruction",
      needs: "relaxed-simd",
      automatic: true,
      pipeline: pipelineFor(v8Relaxed),
    },
    {
      name: "relaxed-bytes",
      doc: "multiplies unsigned bytes in fours, where engines do that exactly",
      needs: "byte-dot",
      suits: hasUnsignedBytes,
      automatic: true,
      pipeline: pipelineFor(v8Bytes),
    },
    {
      name: "relaxed-256",
      doc: "the same in pairs of vectors, of which V8 makes vectors of 256 bits if it is told to (--experimental-wasm-revectorize)",
      needs: "relaxed-simd",
      automatic: false,
      pipeline: pipelineFor(v8Wide),
    },
    {
      name: "v8-12",
      doc: "loops in the form that V8 up to version 12 (Node 20 and 22) is fast with",
      needs: "old-engine",
      automatic: true,
      pipeline: pipelineFor(v8Before13),
    },
  ],
  emit(module, { model, names, beside }) {
    const entry = entryOf(module);
    const layout = layOut(module, entry, beside?.laid instanceof LaidWeights ? beside.laid : undefined);
    const init = initOf(module);
    const code = emitModule(module, {
      entry: func.func.of(entry).sym_name,
      init: init && func.func.of(init).sym_name,
      memory: layout.memory,
      names,
    });
    const manifest: Manifest = {
      format: "sluice-artifact",
      version: 1,
      target: "wasm-simd",
      model,
      inputs: layout.ports.inputs,
      outputs: layout.ports.outputs,
      memory: {
        bytes: layout.memory.size,
        weights: { offset: firstAddress, bytes: layout.weights.byteLength },
        arena: { offset: layout.memory.arena, bytes: layout.arenaBytes },
      },
      kernels: kernelsOf(module, entry),
    };
    const laid = layout.weights;
    return {
      manifest,
      code,
      laid,
      get weights() {
        return laid.bytes;
      },
    };
  },
});

interface Layout {
  readonly memory: MemoryLayout;
  readonly weights: LaidWeights;
  readonly arenaBytes: number;
  readonly ports: { readonly inputs: readonly Port[]; readonly outputs: readonly Port[] };
}

/**
 * Weights first, then inputs and outputs, which are where they are in all variants; what is computed of weights at load; and the
 * arena.
 */
function layOut(module: Operation, entry: Operation, before: LaidWeights | undefined): Layout {
  const globals = new Map<string, number>();
  const constants = constantsOf(module);
  let top = firstAddress;
  const starts = constants.map(({ globals: names, byteLength }) => {
    const at = top;
    for (const name of names) globals.set(name, at);
    top = roundUp(top + byteLength);
    return at;
  });
  // The code of another variant takes the weights as they lie.
  const weights = before?.holds(constants)
    ? before
    : new LaidWeights(
        constants,
        starts.map((s) => s - firstAddress),
        top - firstAddress,
      );
  const args: number[] = [];
  const inputs: Port[] = [];
  const outputs: Port[] = [];
  for (const { isOutput, name, type, shape, bytes } of portsOf(entry)) {
    args.push(top);
    (isOutput ? outputs : inputs).push({ name, type, shape, offset: top, bytes });
    top = roundUp(top + bytes);
  }
  for (const { name, type } of reservedOf(module)) {
    globals.set(name, top);
    top = roundUp(top + elementCount(type.shape) * byteWidth(type.element));
  }
  const arenaBytes = [...func.func.of(entry).body.entry].reduce((n, op) => {
    const t = memref.alloc.is(op) ? (op.result().type as MemRefType) : undefined;
    return t ? n + elementCount(t.shape) * byteWidth(t.element) : n;
  }, 0);
  // Loads of whole vectors at the end of the last buffer stay inside of memory.
  const size = top + roundUp(arenaBytes) + alignment;
  if (size > addressable) {
    const help = "compile for smaller sizes of inputs, or for another target";
    throw fault(
      "target/memory",
      entry.loc,
      `the program takes ${size} bytes of memory; WebAssembly addresses ${addressable}`,
      { help },
    );
  }
  return {
    memory: { size, args, globals, arena: top },
    weights,
    arenaBytes,
    ports: { inputs, outputs },
  };
}
