/** @file What users pass in and get back: typed arrays, checked against what the model takes. */
import type { ElementType, Port } from "./manifest.ts";

export type TypedArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

const arrays = {
  bool: Uint8Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  int4: Int8Array,
  uint4: Uint8Array,
  int2: Int8Array,
  uint2: Uint8Array,
  float8e4m3fn: Uint8Array,
  float8e4m3fnuz: Uint8Array,
  float8e5m2: Uint8Array,
  float8e5m2fnuz: Uint8Array,
  float8e8m0: Uint8Array,
  float4e2m1: Uint8Array,
} as const satisfies Readonly<Record<ElementType, unknown>>;

export const arrayOf = (type: ElementType): (typeof arrays)[ElementType] => arrays[type];

/** A view of a port's elements in memory. */
export const viewOf = (port: Port, memory: ArrayBufferLike): TypedArray =>
  new arrays[port.type](
    memory as ArrayBuffer,
    port.offset,
    port.shape.reduce((n, d) => n * d, 1),
  );

/** A copy in memory of its own. Engines clear what `slice` copies into before they copy, which costs half as much again. */
export const copyOf = (view: TypedArray): TypedArray =>
  new (view.constructor as new (from: TypedArray) => TypedArray)(view);

const shapeText = (shape: readonly number[]): string => (shape.length ? shape.join("x") : "scalar");

/**
 * Throws a TypeError that says what was passed and what is wanted.
 *
 * @param view the port's elements in memory: what is given must be of its type and length
 */
export function checkArray(
  port: Port,
  view: { readonly length: number },
  given: unknown,
  role: "input" | "output",
): asserts given is TypedArray {
  // Nothing is made on this path: it is taken for each array of each run.
  if (given instanceof arrays[port.type] && given.length === view.length) return;
  const want = `${arrays[port.type].name} of ${view.length} elements (${port.type} ${shapeText(port.shape)})`;
  throw new TypeError(`${role} "${port.name}" must be a ${want}, got ${whatIs(given)}`);
}

function whatIs(given: unknown): string {
  if (given === undefined) return "nothing";
  if (given === null) return "null";
  if (typeof given !== "object") return `a ${typeof given}`;
  const { constructor: maker, length } = given as { constructor?: { name: string }; length?: unknown };
  const name = maker?.name ?? "an object";
  return typeof length === "number" ? `${name} of ${length} elements` : name;
}

/** Throws a TypeError if arrays are given under names that no port has. */
export function checkNames(ports: readonly Port[], given: object, role: "input" | "output"): void {
  for (const name in given) {
    let known = false;
    for (let i = 0; i < ports.length && !known; i++) known = ports[i]!.name === name;
    if (known) continue;
    const names = ports.map((p) => `"${p.name}"`).join(", ");
    throw new TypeError(`the model has no ${role} "${name}"; its ${role}s are ${names || "none"}`);
  }
}
