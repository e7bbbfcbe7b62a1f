/**
 * @file Writes the body of one function: values become locals, in the order of the IR. A local is free again after the
 * last use of its value; a value that is used at once, on top of the stack, never gets there.
 */
import type { Block, Operation, Value } from "../../ir/core.ts";
import { elementOf, type Type } from "../../ir/types.ts";
import { fault, invariant } from "../../support/diagnostic.ts";
import type { FunctionBuilder } from "./function-builder.ts";
import type { Label } from "./operand-stack.ts";
import type { ValueType } from "./types.ts";

/** The wasm type that carries values of a type. */
export function wasmType(t: Type): ValueType {
  switch (t.kind) {
    case "index":
    case "memref":
      return "i32";
    case "integer":
      return t.width <= 32 ? "i32" : "i64";
    case "float":
      return t.width === 64 ? "f64" : t.width === 32 ? "f32" : "i32";
    case "vector":
      return "v128";
    default:
      throw fault("pass/failed", { kind: "unknown" }, `no value of WebAssembly holds a ${t.kind}`);
  }
}

/** What a row of the emitter table may do. */
export class FunctionWriter {
  readonly f: FunctionBuilder;
  /** Index of a function of the module, by symbol. */
  readonly callee: (name: string) => number;
  /** Addresses known at compile time. */
  readonly constants: ReadonlyMap<Value, number>;
  /**
   * The loops that are open, with the locals of what they carry and the label behind them, if they have one; of some a
   * pointer that tells when they are at their end.
   */
  readonly loops: {
    readonly exit: Label | undefined;
    readonly carried: readonly number[];
    readonly gauge?: { readonly pointer: number; readonly end: number };
  }[] = [];
  readonly #locals = new Map<Value, number>();
  readonly #free = new Map<ValueType, number[]>();
  /** Values that die after an op: their locals are free from then on. */
  readonly #deaths = new Map<Operation, Value[]>();
  readonly #params = new Set<number>();
  /** How many values share a local (a loop's carried values are its results). */
  readonly #shares = new Map<number, number>();
  readonly #emitOp: (op: Operation, w: FunctionWriter) => void;

  constructor(
    f: FunctionBuilder,
    callee: (name: string) => number,
    constants: ReadonlyMap<Value, number>,
    emitOp: (op: Operation, w: FunctionWriter) => void,
  ) {
    this.f = f;
    this.callee = callee;
    this.constants = constants;
    this.#emitOp = emitOp;
  }

  /** Parameters take the first locals. */
  bindParam(v: Value, index: number): void {
    this.#locals.set(v, index);
    this.#params.add(index);
  }

  block(block: Block): void {
    for (const a of block.args) this.#noteDeath(a, block);
    for (let op = block.first; op; op = op.next) for (const r of op.results) this.#noteDeath(r, block);
    for (let op = block.first; op; op = op.next) {
      this.#emitOp(op, this);
      this.release(op);
    }
  }

  /** The last op of the block in or under which the value is used. */
  #noteDeath(v: Value, block: Block): void {
    let last: Operation | null = null;
    for (let u = v.firstUse; u; u = u.next) {
      const at = u.owner.block === block ? u.owner : u.owner.ancestorIn(block);
      if (at && (!last || last.isBefore(at))) last = at;
    }
    const at = last ?? v.definingOp;
    if (!at) return;
    const list = this.#deaths.get(at);
    if (list) list.push(v);
    else this.#deaths.set(at, [v]);
  }

  /** Frees the locals of values whose last use is behind us. */
  release(op: Operation): void {
    const dead = this.#deaths.get(op);
    if (!dead) return;
    for (const v of dead) {
      const local = this.#locals.get(v);
      if (local !== undefined && !this.#params.has(local)) this.#drop(local);
    }
  }

  #drop(local: number): void {
    const left = (this.#shares.get(local) ?? 1) - 1;
    this.#shares.set(local, left);
    if (left === 0) this.freeScratch(local);
  }

  /** The local of a value, given one now if it has none. */
  local(v: Value): number {
    let local = this.#locals.get(v);
    if (local === undefined) {
      const type = wasmType(v.type);
      local = this.#free.get(type)?.pop() ?? this.f.local(type);
      this.#locals.set(v, local);
      this.#shares.set(local, 1);
    }
    return local;
  }

  /** Another value lives in the same local. */
  share(v: Value, local: number): void {
    this.#locals.set(v, local);
    this.#shares.set(local, (this.#shares.get(local) ?? 1) + 1);
  }

  /** Keeps the local of a value until `unpin`, whatever its uses: a loop carries it. */
  pin(v: Value): void {
    const local = this.local(v);
    this.#shares.set(local, (this.#shares.get(local) ?? 1) + 1);
  }

  unpin(v: Value): void {
    this.#drop(this.local(v));
  }

  /** A local of no value. */
  scratch(type: ValueType): number {
    return this.#free.get(type)?.pop() ?? this.f.local(type);
  }

  freeScratch(local: number): void {
    const type = this.f.localType(local);
    const free = this.#free.get(type);
    if (free) free.push(local);
    else this.#free.set(type, [local]);
  }

  push(v: Value): void {
    const known = this.constants.get(v);
    if (known !== undefined) {
      this.f.i32Const(known);
      return;
    }
    if (this.#pushConstant(v)) return;
    const local = this.#locals.get(v);
    invariant(local !== undefined, `${v.definingOp?.name ?? "an argument"} has been written`, v.location);
    this.f.localGet(local);
  }

  /** Takes what is on top of the stack as the value. */
  set(v: Value): void {
    if (!v.hasUses) {
      this.f.drop();
      return;
    }
    this.f.localSet(this.local(v));
  }

  /** Scalar constants are written where they are used. */
  #pushConstant(v: Value): boolean {
    const op = v.definingOp;
    if (!op?.def.isConstant) return false;
    const value = op.props[op.def.attrIndex.get("value") ?? 0] as { kind: string; value: number | bigint | boolean };
    if (value.kind !== "integer" && value.kind !== "float" && value.kind !== "bool") return false;
    pushScalar(this.f, v.type, value.value);
    return true;
  }
}

/** A number as a constant instruction of the type's carrier; narrow integers in their canonical form. */
export function pushScalar(f: FunctionBuilder, type: Type, value: number | bigint | boolean): void {
  const t = elementOf(type);
  switch (wasmType(t)) {
    case "f32":
      f.f32Const(Number(value));
      break;
    case "f64":
      f.f64Const(Number(value));
      break;
    case "i64":
      f.i64Const(BigInt.asIntN(64, BigInt(value)));
      break;
    default: {
      const width = t.kind === "integer" ? t.width : 32;
      const n = width === 1 ? BigInt(value) & 1n : BigInt.asIntN(width, BigInt(value));
      f.i32Const(Number(n));
    }
  }
}
