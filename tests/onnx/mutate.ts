/** @file Damaged files: how they are made, and what must hold for a reader of them. */
import fc from "fast-check";
import { expect } from "vitest";
import { byteLength, elementCount } from "../../onnx/dtypes.ts";
import { MAX_FAULTS } from "../../onnx/faults.ts";
import type { Attribute, Graph, Model, Node, Tensor } from "../../onnx/model.ts";
import { readModel } from "../../onnx/proto.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { describeLocation } from "../../support/location.ts";

export type Mutation =
  | { readonly kind: "flip"; readonly at: number; readonly bit: number }
  | { readonly kind: "set"; readonly at: number; readonly value: number }
  | { readonly kind: "truncate"; readonly at: number }
  | { readonly kind: "insert"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "delete"; readonly at: number; readonly count: number }
  | { readonly kind: "repeat"; readonly at: number; readonly count: number };

/** Where: a part of the file's length, or of what lies outside of the weights (most of a file is weights). */
const place = fc.record({ part: fc.double({ min: 0, max: 1, noNaN: true }), structural: fc.boolean() });
type Place = typeof place extends fc.Arbitrary<infer P> ? P : never;

/** A file to damage, and the positions of its bytes that are no weights. */
export interface Original {
  readonly bytes: Uint8Array;
  readonly structure: readonly number[];
}

export function original(bytes: Uint8Array): Original {
  const model = readModel(bytes, { diagnostics: new Diagnostics() });
  const isWeight = new Uint8Array(bytes.length);
  for (const { payload } of model === undefined ? [] : tensorsOf(model)) {
    if (payload.kind !== "bytes" || payload.bytes.buffer !== bytes.buffer) continue;
    isWeight.fill(1, payload.bytes.byteOffset, payload.bytes.byteOffset + payload.bytes.length);
  }
  const structure: number[] = [];
  for (let i = 0; i < bytes.length; i++) if (!isWeight[i]) structure.push(i);
  return { bytes, structure };
}

type Make = (from: Original) => Mutation;

/** Values that mean something to the format: length prefixes, tags, the ends of ranges. */
const byte = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x12, 0x3a), fc.nat(255));
const few = fc.integer({ min: 1, max: 40 });
const some = fc.uint8Array({ minLength: 1, maxLength: 12 });

export const mutation: fc.Arbitrary<Make> = fc.oneof(
  fc.tuple(place, fc.nat(7)).map(
    ([p, bit]): Make =>
      (o) => ({ kind: "flip", at: index(p, o), bit }),
  ),
  fc.tuple(place, byte).map(
    ([p, value]): Make =>
      (o) => ({ kind: "set", at: index(p, o), value }),
  ),
  place.map(
    (p): Make =>
      (o) => ({ kind: "truncate", at: index(p, o) }),
  ),
  fc.tuple(place, some).map(
    ([p, bytes]): Make =>
      (o) => ({ kind: "insert", at: index(p, o), bytes }),
  ),
  fc.tuple(place, few).map(
    ([p, count]): Make =>
      (o) => ({ kind: "delete", at: index(p, o), count }),
  ),
  fc.tuple(place, few).map(
    ([p, count]): Make =>
      (o) => ({ kind: "repeat", at: index(p, o), count }),
  ),
);

function index({ part, structural }: Place, { bytes, structure }: Original): number {
  const length = structural ? structure.length : bytes.length;
  const at = Math.min(Math.floor(part * length), length - 1);
  return structural ? (structure[at] ?? 0) : at;
}

/** The mutations, one after the other. Those after a truncation may fall behind the end and do nothing. */
export function mutate(from: Original, mutations: readonly Make[]): Uint8Array {
  let bytes = from.bytes.slice();
  for (const make of mutations) bytes = apply(bytes, make(from));
  return bytes;
}

function apply(bytes: Uint8Array<ArrayBuffer>, m: Mutation): Uint8Array<ArrayBuffer> {
  switch (m.kind) {
    case "flip":
      if (m.at < bytes.length) bytes[m.at]! ^= 1 << m.bit;
      return bytes;
    case "set":
      bytes[m.at] = m.value;
      return bytes;
    case "truncate":
      return bytes.slice(0, m.at);
    case "insert":
      return join(bytes.subarray(0, m.at), m.bytes, bytes.subarray(m.at));
    case "delete":
      return join(bytes.subarray(0, m.at), bytes.subarray(m.at + m.count));
    case "repeat":
      return join(bytes.subarray(0, m.at + m.count), bytes.subarray(m.at));
  }
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

/**
 * Reads bytes of any kind. That it returns at all is half of the statement; the other half: no fault is silent (without
 * a diagnostic there is a model), places can be told, and a model keeps what its types promise and is no larger than
 * its file allows.
 */
export function expectSoundReading(bytes: Uint8Array): void {
  const diagnostics = new Diagnostics();
  const model = readModel(bytes, { diagnostics, file: "damaged.onnx" });
  for (const d of diagnostics.list) {
    expect(d.code).toMatch(/^onnx\//);
    expect(describeLocation(d.at)).toContain("damaged.onnx");
    expect(d.message.length).toBeLessThan(1000);
  }
  expect(diagnostics.list.length).toBeLessThanOrEqual(MAX_FAULTS + 1);
  if (model === undefined) expect(diagnostics.hasErrors).toBe(true);
  else {
    let owned = 0;
    for (const tensor of tensorsOf(model)) owned += ownedBytes(tensor, bytes);
    // A varint of one byte in the file is at most eight bytes in memory.
    expect(owned).toBeLessThanOrEqual(8 * bytes.length);
  }
}

/** Checks one tensor; how many bytes it holds that are not the file's own. */
function ownedBytes(tensor: Tensor, file: Uint8Array): number {
  const count = elementCount(tensor.dims);
  if (count === undefined) throw new Error(`dimensions ${tensor.dims}`);
  const { payload } = tensor;
  if (payload.kind === "strings") expect(payload.strings.length).toBe(count);
  if (payload.kind !== "bytes") return 0;
  expect(payload.bytes.length).toBe(byteLength(tensor.type, count));
  return payload.bytes.buffer === file.buffer ? 0 : payload.bytes.length;
}

export function* tensorsOf(model: Model): Generator<Tensor> {
  yield* tensorsOfGraph(model.graph);
  for (const f of model.functions) {
    for (const a of f.attributeDefaults.values()) yield* tensorsOfAttribute(a);
    yield* tensorsOfNodes(f.nodes);
  }
}

function* tensorsOfGraph(graph: Graph): Generator<Tensor> {
  yield* graph.initializers;
  for (const s of graph.sparseInitializers) yield* [s.values, s.indices];
  yield* tensorsOfNodes(graph.nodes);
}

function* tensorsOfNodes(nodes: readonly Node[]): Generator<Tensor> {
  for (const node of nodes) for (const a of node.attributes.values()) yield* tensorsOfAttribute(a);
}

function* tensorsOfAttribute(a: Attribute): Generator<Tensor> {
  if (a.type === "tensor") yield a.value;
  else if (a.type === "tensors") yield* a.value;
  else if (a.type === "graph") yield* tensorsOfGraph(a.value);
  else if (a.type === "graphs") for (const g of a.value) yield* tensorsOfGraph(g);
  else if (a.type === "sparse_tensor") yield* [a.value.values, a.value.indices];
}
