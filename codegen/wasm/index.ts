/** @file The target wasm-simd: WebAssembly with 128-bit SIMD, one function per kernel, all memory laid out beforehand. */
import * as func from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/index.ts";
import type { Operation } from "../../ir/core.ts";
import { byteWidth, datumOfAttribute } from "../../ir/datum.ts";
import { type Attribute, elementCount, type MemRefType, type Type } from "../../ir/types.ts";
import { type ElementType, elementBytes, type KernelEntry, type Manifest, type Port } from "../../runtime/manifest.ts";
import { fault, invariant } from "../../support/diagnostic.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { defineTarget } from "../target.ts";
import { addresses } from "./addresses.ts";
import { emitModule, type MemoryLayout } from "./emit.ts";
import { artifactFacts, artifactFiles } from "./files.ts";
import { legalize } from "./legalize.ts";
import { watText } from "./listing.ts";
import { foldOffsets } from "./offsets.ts";

/** Buffers start at multiples of this many bytes: a cache line. */
const alignment = 64;
const roundUp = (n: number): number => Math.ceil(n / alignment) * alignment;
/** Nothing lies below: an address of 0 is a mistake that shows. */
const firstAddress = 1024;

export const wasmSimd = defineTarget({
  name: "wasm-simd",
  doc: "WebAssembly with 128-bit SIMD.",
  runtime: "wasm",
  files: artifactFiles,
  facts: artifactFacts,
  listings: { wat: ({ code }) => watText(code) },
  passes: [legalize, addresses, foldOffsets],
  pipeline:
    "builtin.module(" +
    "func.func(graph-fold-affine,graph-layout),graph-to-linalg,func.func(linalg-decompose-pad),canonicalize,cse,linalg-pack,canonicalize,cse,linalg-outline,linalg-bufferize," +
    "linalg-schedule,linalg-to-loops,kernel-plan-memory," +
    "func.func(kernel-expand-narrow-floats,kernel-expand-math,wasm-legalize,wasm-addresses,kernel-lower-affine,kernel-unroll,wasm-fold-offsets))",
  emit(module, { model, names }) {
    const entry = entryOf(module);
    const layout = layOut(module, entry);
    const code = emitModule(module, { entry: func.func.of(entry).sym_name, memory: layout.memory, names });
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
    return { manifest, code, weights: layout.weights };
  },
});

/** The one public function. */
function entryOf(module: Operation): Operation {
  const found = [...module.region().entry].filter((op) => {
    const fn = func.func.match(op);
    return fn && fn.sym_visibility !== "private" && !fn.body.isEmpty;
  });
  if (found.length !== 1)
    throw fault("pass/failed", module.loc, `a program has one public function, this has ${found.length}`);
  return found[0]!;
}

function kernelsOf(module: Operation, entry: Operation): KernelEntry[] {
  const calls = new Map<string, number>();
  entry.walk((op) => {
    const call = func.call.match(op);
    if (call) calls.set(call.callee, (calls.get(call.callee) ?? 0) + 1);
  });
  return [...module.region().entry].flatMap((op) => {
    const name = func.func.match(op)?.sym_name;
    const n = name === undefined ? undefined : calls.get(name);
    return name === undefined || n === undefined ? [] : [{ name, calls: n }];
  });
}

interface Layout {
  readonly memory: MemoryLayout;
  readonly weights: Uint8Array<ArrayBuffer>;
  readonly arenaBytes: number;
  readonly ports: { readonly inputs: readonly Port[]; readonly outputs: readonly Port[] };
}

/** Weights first, then inputs and outputs, then the arena. */
function layOut(module: Operation, entry: Operation): Layout {
  const globals = new Map<string, number>();
  const parts: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  let top = firstAddress;
  const seen = new Map<unknown, number>();
  for (const op of module.region().entry) {
    const global = memref.global.match(op);
    if (!global) continue;
    const value = global.initial_value;
    invariant(value, "a constant has a value", op.loc);
    const identity = value.kind === "resource" ? (value.resource ?? value) : value;
    const known = seen.get(identity);
    if (known !== undefined) {
      globals.set(global.sym_name, known);
      continue;
    }
    const bytes = bytesOf(value);
    globals.set(global.sym_name, top);
    seen.set(identity, top);
    parts.push({ at: top, bytes });
    top = roundUp(top + bytes.byteLength);
  }
  const weights = new Uint8Array(top - firstAddress);
  for (const { at, bytes } of parts) weights.set(bytes, at - firstAddress);
  const { body, function_type: type } = func.func.of(entry);
  invariant(type.kind === "function", "a function has a function type", entry.loc);
  const args: number[] = [];
  const inputs: Port[] = [];
  const outputs: Port[] = [];
  type.inputs.forEach((t, i) => {
    const port = portOf(entry, i, t as MemRefType, top);
    args.push(top);
    top = roundUp(top + port.bytes);
    if (port.isOutput) outputs.push(port.port);
    else inputs.push(port.port);
  });
  const arenaBytes = [...body.entry].reduce((n, op) => {
    const t = memref.alloc.is(op) ? (op.result().type as MemRefType) : undefined;
    return t ? n + elementCount(t.shape) * byteWidth(t.element) : n;
  }, 0);
  // Loads of whole vectors at the end of the last buffer stay inside of memory.
  return {
    memory: { size: top + roundUp(arenaBytes) + alignment, args, globals, arena: top },
    weights,
    arenaBytes,
    ports: { inputs, outputs },
  };
}

/** The bytes of a constant as they lie in memory: little-endian, one element after the other. */
function bytesOf(value: Attribute): Uint8Array {
  const array = (datumOfAttribute(value) as NDArray).contiguous();
  // The interpreter keeps index as doubles; here it is an integer of 8 bytes, of which loads read the lower half.
  if (array.dtype === "index") return new Uint8Array(BigInt64Array.from(array.values(), (v) => BigInt(v)).buffer);
  return new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength);
}

const names: Readonly<Record<string, ElementType>> = {
  i1: "bool",
  i8: "int8",
  i16: "int16",
  i32: "int32",
  i64: "int64",
  f16: "float16",
  bf16: "bfloat16",
  f32: "float32",
  f64: "float64",
};

const isElementType = (name: string): name is ElementType => Object.hasOwn(elementBytes, name);

function elementTypeOf(t: Type): ElementType | undefined {
  if (t.kind === "integer") return names[`i${t.width}`];
  return t.kind === "float" ? names[t.name] : undefined;
}

/** Name and type of an argument of the entry, from the attributes that the importer has given it. */
function portOf(
  entry: Operation,
  i: number,
  t: MemRefType,
  offset: number,
): { readonly port: Port; readonly bytes: number; readonly isOutput: boolean } {
  const attrs = func.func.of(entry).arg_attrs?.[i];
  const text = (key: string): string | undefined => {
    const a = attrs?.get(key);
    return a?.kind === "string" ? a.value : undefined;
  };
  const isOutput = text("sluice.role") === "output";
  // Signs are gone from the types by now; the importer has written down what the model said.
  const said = text("onnx.type");
  const type = said === undefined ? elementTypeOf(t.element) : isElementType(said) ? said : undefined;
  if (!type) throw fault("pass/failed", entry.loc, "an input or output of a type that has no typed array");
  const bytes = elementCount(t.shape) * elementBytes[type];
  const name = text("onnx.name") ?? (isOutput ? `output${i}` : `input${i}`);
  return { port: { name, type, shape: t.shape, offset, bytes }, bytes, isOutput };
}
