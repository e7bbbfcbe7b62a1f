/** @file What targets ask of a finished program: its entry, its kernels, the bytes of its constants, its inputs and outputs. */
import * as arith from "../dialects/arith/ops.ts";
import * as func from "../dialects/func.ts";
import { isOutputRole } from "../dialects/host.ts";
import * as memref from "../dialects/memref/index.ts";
import type { Operation, Value } from "../ir/core.ts";
import { byteWidth, datumOfAttribute, elementsOfAttribute } from "../ir/datum.ts";
import { viewLike } from "../ir/interfaces.ts";
import { initAttribute } from "../ir/interpret.ts";
import { type Attribute, elementCount, type MemRefType, type Type } from "../ir/types.ts";
import { type ElementType, elementBytes, type KernelEntry } from "../runtime/manifest.ts";
import { fault, invariant } from "../support/diagnostic.ts";
import { allocate, NDArray, storageOf } from "../support/ndarray.ts";

/** The one public function. */
export function entryOf(module: Operation): Operation {
  const found = [...module.region().entry].filter((op) => {
    const fn = func.func.match(op);
    return fn && fn.sym_visibility !== "private" && !fn.body.isEmpty;
  });
  if (found.length !== 1)
    throw fault("pass/failed", module.loc, `a program has one public function, this has ${found.length}`);
  return found[0]!;
}

/** The kernels that the entry calls, in the order of the module. */
export function kernelsOf(module: Operation, entry: Operation): KernelEntry[] {
  const calls = new Map<string, number>();
  entry.walk((op) => {
    const call = func.call.match(op);
    if (call) calls.set(call.callee, (calls.get(call.callee) ?? 0) + 1);
  });
  return [...module.region().entry].flatMap((op) => {
    const fn = func.func.match(op);
    const name = fn?.body.isEmpty === false ? fn.sym_name : undefined;
    const n = name === undefined ? undefined : calls.get(name);
    return name === undefined || n === undefined ? [] : [{ name, calls: n }];
  });
}

/** A constant as it lies in memory. Globals of equal content (by identity) share one. */
export interface ProgramConstant {
  readonly globals: readonly string[];
  readonly type: MemRefType;
  /** What it holds: the same object, the same bytes. */
  readonly identity: unknown;
  readonly byteLength: number;
  /** Made when first asked for; those of a derived resource are kept by it until it is released. */
  readonly bytes: Uint8Array;
  /** Writes the bytes at a place that elements of its type may stand at. */
  writeTo(target: Uint8Array, at: number): void;
}

/** The constants of a program, in the order of the module. */
export function constantsOf(module: Operation): ProgramConstant[] {
  const found = new Map<unknown, ProgramConstant & { readonly globals: string[] }>();
  for (const op of module.region().entry) {
    const global = memref.global.match(op);
    if (!global) continue;
    const value = global.initial_value;
    invariant(value, "a constant has a value", op.loc);
    if (value.kind === "unit") continue;
    const identity = value.kind === "resource" ? (value.resource ?? value) : value;
    const known = found.get(identity);
    if (known) known.globals.push(global.sym_name);
    else {
      const byteLength = value.kind === "resource" ? value.resource?.byteLength : undefined;
      found.set(identity, {
        globals: [global.sym_name],
        type: global.type as MemRefType,
        identity,
        byteLength: byteLength ?? bytesOf(value).byteLength,
        get bytes() {
          return bytesOf(value);
        },
        writeTo: (target, at) => writeBytes(value, target, at),
      });
    }
  }
  return [...found.values()];
}

/** Buffers that the function run at load fills: they live as long as the program. */
export function reservedOf(module: Operation): { readonly name: string; readonly type: MemRefType }[] {
  return [...module.region().entry].flatMap((op) => {
    const global = memref.global.match(op);
    return global?.initial_value?.kind === "unit" ? [{ name: global.sym_name, type: global.type as MemRefType }] : [];
  });
}

/** The function that is run once, before the first run. */
export const initOf = (module: Operation): Operation | undefined =>
  [...module.region().entry].find((op) => func.func.is(op) && op.attributes?.has(initAttribute));

/** The bytes of a constant as they lie in memory: little-endian, one element after the other. */
function bytesOf(value: Attribute): Uint8Array {
  const array = (datumOfAttribute(value) as NDArray).contiguous();
  // The interpreter keeps index as doubles; here it is an integer of 8 bytes, of which loads read the lower half.
  if (array.dtype === "index") return new Uint8Array(BigInt64Array.from(array.values(), (v) => BigInt(v)).buffer);
  return new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength);
}

/** Weights in another layout are brought in order here, without a copy in between. */
function writeBytes(value: Attribute, target: Uint8Array, at: number): void {
  const elements = elementsOfAttribute(value);
  if (!elements || elements.dtype === "index") target.set(bytesOf(value), at);
  else {
    const { dtype, shape, size } = elements;
    const bytes = target.subarray(at, at + size * allocate(dtype, 0).BYTES_PER_ELEMENT);
    new NDArray(dtype, shape, storageOf(dtype, bytes)).assign(elements);
  }
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

/** An argument of the entry: an input or output of the model. */
export interface ProgramPort {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly isOutput: boolean;
}

/** Names and types of the entry's arguments, from the attributes that the importer has given them. */
export function portsOf(entry: Operation): ProgramPort[] {
  const { function_type: type } = func.func.of(entry);
  invariant(type.kind === "function", "a function has a function type", entry.loc);
  return type.inputs.map((t, i) => portOf(entry, i, t as MemRefType));
}

function portOf(entry: Operation, i: number, t: MemRefType): ProgramPort {
  const attrs = func.func.of(entry).arg_attrs?.[i];
  const text = (key: string): string | undefined => {
    const a = attrs?.get(key);
    return a?.kind === "string" ? a.value : undefined;
  };
  const isOutput = isOutputRole(attrs);
  // Signs are gone from the types by now; the importer has written down what the model said.
  const said = text("onnx.type");
  const type = said === undefined ? elementTypeOf(t.element) : isElementType(said) ? said : undefined;
  if (!type) throw fault("pass/failed", entry.loc, "an input or output of a type that has no typed array");
  const bytes = elementCount(t.shape) * elementBytes[type];
  const name = text("onnx.name") ?? (isOutput ? `output${i}` : `input${i}`);
  return { name, type, shape: t.shape, bytes, isOutput };
}

/** A view at a known place of an allocation, and what uses it, through views of it. */
export interface PlacedBuffer {
  readonly allocation: Value;
  /** Bytes from the start of the allocation. */
  readonly shift: number;
  readonly bytes: number;
  readonly users: readonly Operation[];
}

export function placedBuffer(op: Operation): PlacedBuffer | undefined {
  const view = memref.view.match(op);
  const shift = view && arith.constant.match(view.byte_shift)?.value;
  if (!view || shift?.kind !== "integer") return undefined;
  const { shape, element } = view.result.type as MemRefType;
  const users: Operation[] = [];
  const visit = (v: Value): void => {
    for (const { owner } of v.uses()) {
      if (viewLike.of(owner)?.source(owner) === v) owner.results.forEach(visit);
      else users.push(owner);
    }
  };
  visit(view.result);
  const bytes = elementCount(shape) * byteWidth(element);
  return { allocation: view.source, shift: Number(shift.value), bytes, users };
}
