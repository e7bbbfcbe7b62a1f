/** @file A module of functions on addresses → a WebAssembly module: one function each, in order, plus the entry. */
import * as func from "../../dialects/func.ts";
import { barrierFunction } from "../../dialects/host.ts";
import * as memref from "../../dialects/memref/index.ts";
import { Operation, type Value } from "../../ir/core.ts";
import { byteWidth } from "../../ir/datum.ts";
import { elementOf, isDynamic, type MemRefType } from "../../ir/types.ts";
import { fault, invariant } from "../../support/diagnostic.ts";
import { ModuleBuilder } from "./assembler.ts";
import { controlRows } from "./rows-control.ts";
import { type Row, scalarRows, unsupported } from "./rows-scalar.ts";
import { vectorRows } from "./rows-vector.ts";
import { ThreadRuntime, threadFunctions } from "./threads.ts";
import { pageSize } from "./types.ts";
import { FunctionWriter, wasmType } from "./writer.ts";

/** Where the buffers of the entry function lie; all in bytes from the start of memory. */
export interface MemoryLayout {
  /** Bytes in all. */
  readonly size: number;
  /** The entry function's arguments (inputs, then outputs). */
  readonly args: readonly number[];
  /** Constants by symbol. */
  readonly globals: ReadonlyMap<string, number>;
  /** The arena that the plan has laid out. */
  readonly arena: number;
}

export interface EmitOptions {
  readonly entry: string;
  /** The function that is to be run once, after the weights have been placed: exported as `init`. */
  readonly init?: string | undefined;
  readonly memory: MemoryLayout;
  /** Write a name section. */
  readonly names: boolean;
}

/** Declarations are imported under this name. */
const importModule = "sluice";

/** The bytes of the module. It exports `memory`, `run` and maybe `init`, which take nothing: all buffers are at fixed addresses. */
export function emitModule(module: Operation, options: EmitOptions): Uint8Array<ArrayBuffer> {
  const m = new ModuleBuilder(options.names ? "sluice" : undefined);
  const all = [...module.region().entry].filter((op) => func.func.is(op));
  const functions = all.filter((op) => !func.func.of(op).body.isEmpty);
  const pages = Math.max(1, Math.ceil(options.memory.size / pageSize));
  const isShared = all.some((op) => func.func.of(op).sym_name === barrierFunction);
  if (isShared) m.importMemory(importModule, "memory", { initial: pages, maximum: pages, shared: true });
  else m.memory({ initial: pages, maximum: pages });
  const imported = new Map(
    all.flatMap((op) => {
      const { sym_name: name, function_type: type, body } = func.func.of(op);
      if (!body.isEmpty || type.kind !== "function" || threadFunctions.has(name)) return [];
      const index = m.importFunction(importModule, name, type.inputs.map(wasmType), type.results.map(wasmType));
      return [[name, index] as const];
    }),
  );
  const builders = new Map(
    functions.map((fn) => {
      const { sym_name: name, function_type: type } = func.func.of(fn);
      const entry = name === options.entry || name === options.init;
      invariant(type.kind === "function", "a function has a function type", fn.loc);
      return [
        name,
        { fn, f: m.function(name, entry ? [] : type.inputs.map(wasmType), entry ? [] : type.results.map(wasmType)) },
      ] as const;
    }),
  );
  const threads = isShared ? new ThreadRuntime(m) : undefined;
  const callee = (name: string): number => {
    const index = builders.get(name)?.f.index ?? imported.get(name) ?? threads?.functions.get(name);
    if (index === undefined) throw fault("verify/symbol", module.loc, `no function @${name} to call`);
    return index;
  };
  for (const [name, { fn, f }] of builders) {
    const { entry } = func.func.of(fn).body;
    const isEntry = name === options.entry || name === options.init;
    const constants = isEntry ? staticAddresses(fn, options.memory) : new Map<Value, number>();
    const w = new FunctionWriter(f, callee, constants, emitOp);
    if (!isEntry) entry.args.forEach((a, i) => w.bindParam(a, i));
    w.block(entry);
    f.end();
  }
  m.export("memory", "memory");
  if (threads) threads.exportAround(callee(options.entry));
  else m.export("run", "function", callee(options.entry));
  if (options.init !== undefined) m.export("init", "function", callee(options.init));
  return m.toBytes({ names: options.names });
}

function emitOp(op: Operation, w: FunctionWriter): void {
  if (op.results.length === 1 && w.constants.has(op.result())) return;
  const wide = op.uses.some((u) => u.value.type.kind === "vector") || op.results.some((r) => r.type.kind === "vector");
  if (op.def.isConstant && !wide) return;
  const row: Row | undefined = controlRows.get(op.def) ?? (wide ? vectorRows : scalarRows).get(op.def);
  if (!row) unsupported(op);
  row(op, w);
}

/** Addresses of buffers that are known at compile time: arguments, constants, and views of the arena. */
function staticAddresses(fn: Operation, memory: MemoryLayout): Map<Value, number> {
  const known = new Map<Value, number>();
  func.func.of(fn).body.entry.args.forEach((a, i) => known.set(a, memory.args[i]!));
  fn.walk((op) => {
    const address = addressOf(op, known, memory);
    if (address !== undefined) known.set(op.result(), address);
  });
  return known;
}

function addressOf(op: Operation, known: ReadonlyMap<Value, number>, memory: MemoryLayout): number | undefined {
  if (memref.alloc.is(op)) return memory.arena;
  const global = memref.get_global.match(op);
  if (global) return memory.globals.get(global.name);
  const view = memref.view.match(op);
  if (view) {
    const base = known.get(view.source);
    const shift = view.byte_shift.owner instanceof Operation ? view.byte_shift.owner.props[0] : undefined;
    const offset = shift as { readonly value: bigint } | undefined;
    return base === undefined || offset === undefined ? undefined : base + Number(offset.value);
  }
  const cast = memref.reinterpret_cast.match(op);
  if (cast) {
    const base = known.get(cast.source);
    const width = byteWidth(elementOf(cast.result.type as MemRefType));
    return base === undefined || isDynamic(cast.static_offsets[0]!)
      ? undefined
      : base + cast.static_offsets[0]! * width;
  }
  const same = memref.cast.match(op);
  return same && known.get(same.source);
}
