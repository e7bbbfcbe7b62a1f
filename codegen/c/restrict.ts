/** @file What kernels do with their buffers: which they write, and which never meet at any call. */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/index.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { byteWidth } from "../../ir/datum.ts";
import { effectsOf } from "../../ir/effects.ts";
import { viewLike } from "../../ir/interfaces.ts";
import { spanOf } from "../../ir/strided.ts";
import { elementOf, isDynamic, type MemRefType } from "../../ir/types.ts";

/** The arguments that a function writes to. */
export function writtenArguments(fn: Operation): Set<number> {
  const { entry } = func.func.of(fn).body;
  const written = new Set<number>();
  const isWritten = (v: Value): boolean => {
    for (const u of v.uses()) {
      // What is written through a view is written.
      if (viewLike.of(u.owner)?.source(u.owner) === v) {
        if (u.owner.results.some(isWritten)) return true;
        continue;
      }
      const effects = effectsOf(u.owner);
      if (!effects || effects.some((e) => e.kind === "write" && (e.of === undefined || e.of === v))) return true;
    }
    return false;
  };
  entry.args.forEach((a, i) => {
    if (isWritten(a)) written.add(i);
  });
  return written;
}

/** Bytes of a buffer, from the start of what it lies in; unknown ends reach everywhere. */
interface Extent {
  readonly root: unknown;
  readonly low: number;
  readonly high: number;
}

/** The functions that are called with overlapping buffers, of which they write one. */
export function overlappingCallees(entry: Operation, written: ReadonlyMap<string, ReadonlySet<number>>): Set<string> {
  const found = new Set<string>();
  entry.walk((op) => {
    const call = func.call.match(op);
    const writes = call && written.get(call.callee);
    if (!call || !writes || found.has(call.callee)) return;
    const extents = op.operands.map((v) => (v.type.kind === "memref" ? extentOf(v) : undefined));
    for (const i of writes) {
      const a = extents[i];
      const meets = (b: Extent | undefined, j: number): boolean =>
        a !== undefined && b !== undefined && j !== i && a.root === b.root && a.low < b.high && b.low < a.high;
      if (extents.some(meets)) found.add(call.callee);
    }
  });
  return found;
}

function extentOf(v: Value): Extent {
  const type = v.type as MemRefType;
  const everywhere = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const same = memref.cast.match(v);
  if (same) return extentOf(same.source);
  const cast = memref.reinterpret_cast.match(v);
  if (cast) {
    const base = extentOf(cast.source);
    const offset = cast.static_offsets[0]!;
    if (isDynamic(offset)) return { root: base.root, ...everywhere };
    const bytes = byteWidth(elementOf(type));
    const low = base.low + offset * bytes;
    return { root: base.root, low, high: low + spanOf(type) * bytes };
  }
  const view = memref.view.match(v);
  if (view) {
    const shift = arith.constant.match(view.byte_shift)?.value;
    const base = extentOf(view.source);
    if (shift?.kind !== "integer") return { root: base.root, ...everywhere };
    const low = base.low + Number(shift.value);
    return { root: base.root, low, high: low + spanOf(type) * byteWidth(elementOf(type)) };
  }
  const global = memref.get_global.match(v);
  return { root: global?.name ?? v, low: 0, high: spanOf(type) * byteWidth(elementOf(type)) };
}
