/**
 * @file Random programs that are well formed and have a meaning: arithmetic, choices, loops, memory and tensors, with
 * much that a pass can simplify (few distinct values, many constants).
 */
import * as arith from "../../dialects/arith/ops.ts";
import { makeModule } from "../../dialects/builtin.ts";
import { makeFunction } from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/ops.ts";
import * as scf from "../../dialects/scf/ops.ts";
import * as tensor from "../../dialects/tensor/ops.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { f32, functionType, i1, i32, memref as memrefType, type Type, tensor as tensorType } from "../../ir/types.ts";

/** Choices that a test case is made of: numbers that fast-check can shrink. */
export class Choices {
  readonly #numbers: readonly number[];
  #at = 0;
  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }
  get left(): number {
    return this.#numbers.length - this.#at;
  }
  below(n: number): number {
    const v = this.#numbers[this.#at++] ?? 0;
    return v % n;
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

const buffer = memrefType([8], f32);
const matrix = tensorType([2, 3], f32);
const argumentTypes: readonly Type[] = [i32, i32, f32, f32, buffer, matrix];

const integerOps = [arith.addi, arith.subi, arith.muli] as const;
const bitOps = [arith.andi, arith.ori, arith.xori, arith.minsi, arith.maxsi, arith.minui, arith.maxui] as const;
const divisions = [arith.divsi, arith.remsi, arith.floordivsi, arith.divui, arith.remui] as const;
const floatOps = [arith.addf, arith.subf, arith.mulf, arith.maximumf, arith.minimumf] as const;
const predicates = ["eq", "ne", "slt", "sle", "ult", "uge"] as const;

/** Values that may be used at a place, by type. */
class Pool {
  readonly #values = new Map<Type, Value[]>();
  constructor(outer?: Pool) {
    if (outer) for (const [t, vs] of outer.#values) this.#values.set(t, vs.slice());
  }
  add(v: Value): void {
    const same = this.#values.get(v.type);
    if (same) same.push(v);
    else this.#values.set(v.type, [v]);
  }
  pick(t: Type, c: Choices): Value {
    return c.of(this.#values.get(t)!);
  }
}

class Writer {
  readonly #c: Choices;
  constructor(choices: Choices) {
    this.#c = choices;
  }

  body(b: Builder, pool: Pool, ops: number, depth: number): void {
    for (let i = 0; i < ops && this.#c.left > 0; i++) {
      for (const made of this.#one(b, pool, depth)) pool.add(made);
    }
  }

  #number(b: Builder): Value {
    return arith.constantInteger(b, this.#c.of([0, 1, -1, 2, 7]), i32);
  }

  #at(b: Builder): Value {
    return arith.constantIndex(b, this.#c.below(8));
  }

  /** Writes an op or some; answers the values that there are now. */
  #one(b: Builder, pool: Pool, depth: number): readonly Value[] {
    const c = this.#c;
    const int = (): Value => pool.pick(i32, c);
    const float = (): Value => pool.pick(f32, c);
    switch (c.below(depth > 0 ? 16 : 13)) {
      case 0:
        return [this.#number(b)];
      case 1:
        return [arith.constantFloat(b, c.of([0, -0, 1, -1, 0.5, 3]), f32)];
      case 2:
      case 3:
        return [c.of(integerOps)(b, int(), int())];
      case 4:
        return [c.of(bitOps)(b, int(), int())];
      case 5:
        return [c.of(divisions)(b, int(), arith.constantInteger(b, c.of([1, 2, 3, 8]), i32))];
      case 6:
      case 7:
        return [c.of(floatOps)(b, float(), float())];
      case 8:
        return [arith.negf(b, float())];
      case 9:
        return [arith.select(b, pool.pick(i1, c), int(), int())];
      case 10:
        return [arith.cmpi(b, int(), int(), { predicate: c.of(predicates) })];
      case 11:
        if (c.below(2)) return [memref.load(b, pool.pick(buffer, c), [this.#at(b)])];
        memref.store(b, float(), pool.pick(buffer, c), [this.#at(b)]);
        return [];
      case 12:
        return [this.#tensor(b, pool)];
      case 13:
        return this.#choice(b, pool, depth);
      case 14:
        return this.#loop(b, pool, depth);
      default: {
        const made = memref.alloc(b, [], [], { types: [buffer] });
        for (let i = 0; i < 8; i++) memref.store(b, float(), made, [arith.constantIndex(b, i)]);
        return [made];
      }
    }
  }

  #tensor(b: Builder, pool: Pool): Value {
    const c = this.#c;
    const [i, j] = [arith.constantIndex(b, c.below(2)), arith.constantIndex(b, c.below(3))];
    const t = pool.pick(matrix, c);
    switch (c.below(4)) {
      case 0:
        return arith.mulf(b, t, pool.pick(matrix, c));
      case 1:
        return tensor.extract(b, t, [i, j]);
      case 2:
        return tensor.insert(b, pool.pick(f32, c), t, [i, j]);
      default: {
        const statics = { static_offsets: [0, c.below(2)], static_sizes: [2, 2], static_strides: [1, 1] };
        const slice = tensor.extract_slice(b, t, [], [], [], statics);
        return tensor.insert_slice(b, slice, pool.pick(matrix, c), [], [], [], {
          ...statics,
          static_offsets: [0, c.below(2)],
        });
      }
    }
  }

  #choice(b: Builder, pool: Pool, depth: number): readonly Value[] {
    const c = this.#c;
    const branch = (inner: Builder): readonly Value[] => {
      const own = new Pool(pool);
      this.body(inner, own, 3, depth - 1);
      return [own.pick(i32, c), own.pick(f32, c)];
    };
    return scf.if(b, pool.pick(i1, c), { thenRegion: branch, elseRegion: branch, types: [i32, f32] });
  }

  #loop(b: Builder, pool: Pool, depth: number): readonly Value[] {
    const c = this.#c;
    const bounds = [0, c.below(5), 1 + c.below(2)].map((n) => arith.constantIndex(b, n)) as [Value, Value, Value];
    return scf.for(b, ...bounds, [pool.pick(i32, c), pool.pick(f32, c)], {
      region: (inner, _i, x, y) => {
        const own = new Pool(pool);
        own.add(x!);
        own.add(y!);
        this.body(inner, own, 4, depth - 1);
        return [own.pick(i32, c), own.pick(f32, c)];
      },
    });
  }
}

/** A module with one public function `@f`. */
export function randomProgram(choices: Choices): Operation {
  const module = makeModule();
  const b = Builder.atEnd(module.region().entry);
  const results = [i32, f32, i1, matrix];
  makeFunction(b, "f", functionType(argumentTypes, results), (inner, ...args) => {
    const pool = new Pool();
    for (const a of args) pool.add(a);
    pool.add(arith.cmpi(inner, args[0]!, args[1]!, { predicate: "slt" }));
    new Writer(choices).body(inner, pool, 30, 2);
    return results.map((t) => pool.pick(t, choices));
  });
  return module;
}
