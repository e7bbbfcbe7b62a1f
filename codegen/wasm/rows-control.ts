/** @file How control flow, calls, loads and stores are written. */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/index.ts";
import * as scf from "../../dialects/scf/ops.ts";
import * as wasm from "../../dialects/wasm.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { byteWidth } from "../../ir/datum.ts";
import type { OpInfo } from "../../ir/define.ts";
import { elementOf, type Type } from "../../ir/types.ts";
import { isHeldWider, loadWidened, storeNarrowed } from "./narrow.ts";
import type { Row, Rows } from "./rows-scalar.ts";
import { unsupported } from "./rows-scalar.ts";
import { type FunctionWriter, wasmType } from "./writer.ts";

/** The number of a constant index. */
function known(v: Value): number | undefined {
  const value = arith.constant.match(v)?.value;
  return value?.kind === "integer" ? Number(value.value) : undefined;
}

/** Leaves what a block hands over on the stack, then in locals: all are read before any is written. */
function handOver(w: FunctionWriter, values: readonly Value[], locals: readonly number[]): void {
  for (const v of values) w.push(v);
  for (let i = locals.length - 1; i >= 0; i--) w.f.localSet(locals[i]!);
}

/** Each step of the body ends with a pin of all that the loop carries, the last one too. */
function isPinned(body: Block): boolean {
  const operands = body.terminator?.operands ?? [];
  const last = operands[0]?.definingOp;
  return last != null && wasm.pin.is(last) && operands.every((v, i) => v.definingOp === last && v.index === i);
}

/**
 * A pointer that each turn of a pinned loop moves by the same number of bytes: it tells when the loop is at its end, so
 * that no counter is needed. It is the one that moves furthest: plain loads read it, whose addresses need no instruction.
 */
function gaugeOf(body: Block): { readonly index: number; readonly stride: number } | undefined {
  const ends = body.terminator?.operands ?? [];
  let best: { readonly index: number; readonly stride: number } | undefined;
  for (let index = ends.length - 1; index >= 0; index--) {
    let stride = 0;
    let v: Value = ends[index]!;
    for (;;) {
      const def = v.definingOp;
      const sum = arith.addi.match(def);
      const by = sum && known(sum.rhs);
      if (def && wasm.pin.is(def)) v = def.operand(v.index);
      else if (sum && by !== undefined) {
        stride += by;
        v = sum.lhs;
      } else break;
    }
    const moves = v === body.args[index + 1] && wasmType(v.type) === "i32";
    if (moves && stride > (best?.stride ?? 0)) best = { index, stride };
  }
  return best;
}

/** A pinned loop that turns a known number of times and does not look at its counter: a pointer takes its part. */
function gaugedLoop(op: Operation, w: FunctionWriter, turns: number, { index, stride }: Gauge): void {
  const { region } = scf.for.of(op);
  const body = region.entry;
  const carried = body.args.slice(1);
  const locals = carried.map((a) => w.local(a));
  const pointer = locals[index]!;
  const end = w.scratch("i32");
  w.f
    .localGet(pointer)
    .i32Const(stride * turns)
    .op("i32.add")
    .localSet(end);
  const exit = w.f.block();
  const again = w.f.loop();
  for (const a of carried) w.pin(a);
  w.loops.push({ exit, carried: locals, gauge: { pointer, end } });
  w.block(body);
  w.loops.pop();
  handOver(w, body.terminator!.operands, locals);
  w.f.localGet(pointer).localGet(end).op("i32.lt_u").brIf(again);
  w.f.end().end();
  w.freeScratch(end);
  for (const a of carried) w.unpin(a);
}
type Gauge = NonNullable<ReturnType<typeof gaugeOf>>;

const forLoop: Row = (op, w) => {
  const { lowerBound, upperBound, step, initArgs, region } = scf.for.of(op);
  const body = region.entry;
  const [counter, ...carried] = body.args as [Value, ...Value[]];
  const low = known(lowerBound);
  const high = known(upperBound);
  const by = known(step);
  for (const v of initArgs) w.push(v);
  const locals = carried.map((a) => w.local(a));
  for (let i = locals.length - 1; i >= 0; i--) w.f.localSet(locals[i]!);
  op.results.forEach((r, i) => w.share(r, locals[i]!));
  const runs = low !== undefined && high !== undefined && low < high;
  if (low !== undefined && high !== undefined && low >= high) return;
  const pinned = isPinned(body);
  const gauge = pinned && runs && by !== undefined && !counter.hasUses ? gaugeOf(body) : undefined;
  if (gauge) {
    gaugedLoop(op, w, Math.ceil((high! - low!) / by!), gauge);
    return;
  }
  w.push(lowerBound);
  w.f.localSet(w.local(counter));
  // The bound of a loop that changes no more is kept on the safe side of the loop's own locals.
  const exit = runs && !pinned ? undefined : w.f.block();
  if (exit && !runs) {
    w.f.localGet(w.local(counter));
    w.push(upperBound);
    w.f.op("i32.ge_s").brIf(exit);
  }
  const again = w.f.loop();
  const counterLocal = w.local(counter);
  w.pin(counter);
  carried.forEach((a) => w.pin(a));
  w.loops.push({ exit, carried: locals });
  w.block(body);
  w.loops.pop();
  handOver(w, body.terminator!.operands, locals);
  w.f.localGet(counterLocal);
  if (by !== undefined) w.f.i32Const(by);
  else w.push(step);
  w.f.op("i32.add").localTee(counterLocal);
  w.push(upperBound);
  w.f.op("i32.lt_s").brIf(again);
  w.f.end();
  if (exit) w.f.end();
  w.unpin(counter);
  carried.forEach((a) => w.unpin(a));
};

const ifElse: Row = (op, w) => {
  const { condition, thenRegion, elseRegion } = scf.if.of(op);
  const locals = op.results.map((r) => w.local(r));
  const branch = (block: Block | undefined): void => {
    if (!block) return;
    w.block(block);
    handOver(w, block.terminator?.operands ?? [], locals);
  };
  w.push(condition);
  w.f.if();
  branch(thenRegion.blocks[0]);
  if (elseRegion.blocks[0]) {
    w.f.else();
    branch(elseRegion.blocks[0]);
  }
  w.f.end();
};

const whileLoop: Row = (op, w) => {
  const { inits, before, after } = scf.while.of(op);
  const head = before.entry;
  const tail = after.entry;
  for (const v of inits) w.push(v);
  const carried = head.args.map((a) => w.local(a));
  for (let i = carried.length - 1; i >= 0; i--) w.f.localSet(carried[i]!);
  const handed = op.results.map((r) => w.local(r));
  const exit = w.f.block();
  const again = w.f.loop();
  head.args.forEach((a) => w.pin(a));
  w.block(head);
  const { condition, args } = scf.condition.of(head.terminator!);
  w.push(condition);
  handOver(w, args, handed);
  w.f.op("i32.eqz").brIf(exit);
  tail.args.forEach((a, i) => w.share(a, handed[i]!));
  tail.args.forEach((a) => w.pin(a));
  w.block(tail);
  handOver(w, tail.terminator!.operands, carried);
  w.f.br(again);
  w.f.end().end();
  [...head.args, ...tail.args].forEach((a) => w.unpin(a));
};

const call: Row = (op, w) => {
  for (const v of op.operands) w.push(v);
  w.f.call(w.callee(func.call.of(op).callee));
  for (let i = op.results.length - 1; i >= 0; i--) w.set(op.results[i]!);
};

const loads: Readonly<Record<string, string>> = {
  i1: "i32.load8_u",
  i8: "i32.load8_s",
  i16: "i32.load16_s",
  i32: "i32.load",
  i64: "i64.load",
};
const stores: Readonly<Record<string, string>> = {
  i1: "i32.store8",
  i8: "i32.store8",
  i16: "i32.store16",
  i32: "i32.store",
  i64: "i64.store",
};

/** Load and store instructions of a type. */
function instruction(op: Operation, t: Type, table: Readonly<Record<string, string>>, verb: "load" | "store"): string {
  if (t.kind === "vector") return `v128.${verb}`;
  const e = elementOf(t);
  if (e.kind === "index") return `i32.${verb}`;
  if (e.kind === "float" && e.width === 16) return table.i16!;
  if (e.kind === "float" && (e.width === 32 || e.width === 64)) return `${wasmType(e)}.${verb}`;
  const name = e.kind === "integer" ? table[`i${e.width}`] : undefined;
  return name ?? unsupported(op);
}

const load: Row = (op, w) => {
  const { address, offset } = wasm.load.of(op);
  const { type } = op.result();
  w.push(address);
  if (isHeldWider(type)) loadWidened(w, type, offset);
  else w.f.access(instruction(op, type, loads, "load") as never, offset);
  w.set(op.result());
};

const loadSplat: Row = (op, w) => {
  const { address, offset } = wasm.load_splat.of(op);
  w.push(address);
  w.f.access("v128.load32_splat", offset);
  w.set(op.result());
};

/** There is no instruction for it; engines keep a load that nobody uses, because it might trap. */
const prefetch: Row = (op, w) => {
  const { address, offset } = wasm.prefetch.of(op);
  w.push(address);
  w.f.access("i32.load8_u", offset).drop();
};

const store: Row = (op, w) => {
  const { value, address, offset } = wasm.store.of(op);
  w.push(address);
  w.push(value);
  if (isHeldWider(value.type)) storeNarrowed(w, value.type, offset);
  else w.f.access(instruction(op, value.type, stores, "store") as never, offset);
};

const nothing: Row = () => {};

/**
 * The values go into the locals of the loop, as they do at its end, and a branch out of it looks at the pointer that tells
 * the end of the loop, or at another, which is never 0. At the end of the body the loop's own test does as well; outside of a loop the order is kept anyway.
 */
const pin: Row = (op, w) => {
  const loop = w.loops[w.loops.length - 1];
  const pointer = op.operands.find((v) => wasmType(v.type) === "i32");
  const isLast = op.next?.def.isTerminator === true;
  if (!loop?.exit || !pointer || isLast || !op.block || !isPinned(op.block)) {
    for (const v of op.operands) w.push(v);
    for (let i = op.results.length - 1; i >= 0; i--) w.set(op.results[i]!);
    return;
  }
  handOver(w, op.operands, loop.carried);
  op.results.forEach((r, i) => w.share(r, loop.carried[i]!));
  if (loop.gauge) w.f.localGet(loop.gauge.pointer).localGet(loop.gauge.end).op("i32.ge_u").brIf(loop.exit);
  else {
    w.push(op.results[op.operands.indexOf(pointer)]!);
    w.f.op("i32.eqz").brIf(loop.exit);
  }
};

/** A buffer argument is its address already. */
const address: Row = (op, w) => {
  w.push(op.operand(0));
  w.set(op.result());
};

/** A view that moves from turn to turn: where its first element is. */
const movedView: Row = (op, w) => {
  const { source, offsets, result } = memref.reinterpret_cast.of(op);
  w.push(source);
  w.push(offsets[0]!);
  w.f
    .i32Const(byteWidth(elementOf(result.type)))
    .op("i32.mul")
    .op("i32.add");
  w.set(result);
};

export const controlRows: Rows = new Map<OpInfo, Row>([
  [scf.for, forLoop],
  [scf.if, ifElse],
  [scf.while, whileLoop],
  [scf.yield, nothing],
  [scf.condition, nothing],
  [func.call, call],
  [func.return, (op, w) => op.operands.forEach((v) => w.push(v))],
  [memref.reinterpret_cast, movedView],
  [memref.collapse_shape, address],
  [wasm.address, address],
  [wasm.pin, pin],
  [wasm.load, load],
  [wasm.prefetch, prefetch],
  [wasm.load_splat, loadSplat],
  [wasm.store, store],
]);
