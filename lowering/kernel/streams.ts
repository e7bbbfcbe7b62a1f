/**
 * @file Buffers whose outermost slices are read or written side by side. Where such slices lie a multiple of the size of a way
 * of the first cache apart, their elements at the same place all go to the same few lines of it, and push each other out.
 */
import * as bufferization from "../../dialects/bufferization.ts";
import * as func from "../../dialects/func.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { reshapeSource } from "../linalg/views.ts";

/** Bytes of a way of the first cache (64 lines), and of a line. */
export const wayBytes = 4096;
export const lineBytes = 64;

/** As many lines as a set of the first cache holds; more streams than that push each other out. */
const fewStreams = 8;

/** A tensor is put together of many slices, or a kernel reads it in many places at once. */
export function hasManyStreams(v: Value, kernel: (name: string) => Operation | undefined): boolean {
  return slicesOf(v) > fewStreams || readsOf(v, kernel) > fewStreams;
}

/** Insertions that a tensor is put together by, each the next one's destination. */
function slicesOf(v: Value): number {
  let n = 0;
  for (let at = v.definingOp; at; ) {
    const insert = tensor.insert_slice.match(at);
    if (insert) n++;
    at = (insert?.dest ?? reshapeSource(at))?.definingOp ?? null;
  }
  return n;
}

/** Places in which a kernel reads a tensor, under whatever shape. */
function readsOf(v: Value, kernel: (name: string) => Operation | undefined): number {
  let most = 0;
  for (const { owner, index } of v.uses()) {
    if (reshapeSource(owner)) most = Math.max(most, readsOf(owner.result(), kernel));
    const callee = func.call.is(owner) ? kernel(func.call.of(owner).callee) : undefined;
    const given = callee && func.func.of(callee).body.entry.args[index];
    for (const { owner: inside } of given?.uses() ?? []) {
      if (bufferization.to_tensor.is(inside)) most = Math.max(most, [...inside.result().uses()].length);
    }
  }
  return most;
}
