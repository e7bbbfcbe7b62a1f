/**
 * @file What a structured op means: for each point of the loops, in order, the body takes the elements that the maps
 * address and hands back the new elements of the outputs.
 *
 * Three ways lead to the same bits. Any body can be run element by element; a body that is a program (program.ts) runs in
 * strips along a parallel loop, since no turn of it sees another's result; sums of products have loops of their own
 * (contract.ts). Each output element receives its contributions in the same order in all of them.
 */
import { type AffineMap, evaluateExpr, linear } from "../../ir/affine.ts";
import type { Value } from "../../ir/core.ts";
import type { Evaluator, Num } from "../../ir/evaluate.ts";
import { NDArray } from "../../support/ndarray.ts";
import { type Access, elementAt, fillColumn, load, setElement, store } from "./access.ts";
import { innerContraction } from "./contract.ts";
import { type Column, columnOf, compileBody, type Program, runOnce, runStrip } from "./program.ts";
import { runStateOf } from "./run-state.ts";
import { loopsFromMaps, rangeOfExpr, type Structure, structureOf } from "./structure.ts";

const LONGEST_STRIP = 1024;

/** Runs the op on run-time operands (inputs, then outputs) and answers its results. */
export function evaluateStructured(operands: readonly unknown[], run: Evaluator): readonly unknown[] {
  const s = structureOf(run.op)!;
  const nest = new Nest(s, operands, run);
  nest.run();
  return nest.results;
}

class Nest {
  readonly #s: Structure;
  readonly #run: Evaluator;
  readonly #extents: readonly number[];
  /** Null for scalars. */
  readonly #accesses: readonly (Access | null)[];
  readonly #operands: readonly unknown[];
  readonly results: readonly NDArray[];

  constructor(s: Structure, operands: readonly unknown[], run: Evaluator) {
    this.#s = s;
    this.#run = run;
    const onTensors = s.form === "tensor";
    this.#operands = operands.map((o, i) =>
      s.operands[i]!.isOutput && onTensors && o instanceof NDArray ? o.copy() : o,
    );
    const shapes = this.#operands.map((o) => (o instanceof NDArray ? o.shape : []));
    const maps = s.operands.map((o) => o.map);
    this.#extents = loopsFromMaps(
      s.loops.map((l) => l.kind),
      maps,
      shapes,
    ).map((l) => l.extent);
    this.#accesses = this.#operands.map((o, i) => (o instanceof NDArray ? this.#access(o, maps[i]!, i) : null));
    this.results = onTensors ? (this.#operands.slice(s.inputs.length) as NDArray[]) : [];
  }

  run(): void {
    if (this.#extents.some((e) => e <= 0)) return;
    const state = runStateOf(this.#run, this.#s.op);
    if (state.program === undefined) {
      state.program = compileBody(this.#s.body, (message) => this.#run.fail(message)) ?? null;
    }
    const { program } = state;
    if (!program) {
      this.#interpret();
      return;
    }
    if (!this.#mayReorder()) {
      this.#runInOrder(program);
      return;
    }
    const inner = innerContraction(this.#s, this.#extents, this.#accesses, (v) => this.#scalar(v));
    if (inner) {
      this.#walk(inner.loop, (_, positions) => inner.run(positions));
      return;
    }
    const strip = this.#stripLoop();
    if (strip >= 0) this.#runStrips(program, strip);
    else this.#runInOrder(program);
  }

  #access(array: NDArray, map: AffineMap, operand: number): Access {
    const { shape, strides } = array;
    for (const [d, e] of map.results.entries()) {
      const range = rangeOfExpr(e, this.#extents);
      const fits = range && range.min >= 0 && range.max < shape[d]!;
      const misfit = e.kind === "dim" && this.#extents[e.index] !== shape[d];
      // Divisions and remainders are bounded loosely: those are checked point by point.
      if (this.#extents.every((n) => n > 0) && (misfit || (!fits && linear(e, map.numDims)))) {
        this.#run.fail(
          `the loops (${this.#extents.join(", ")}) do not fit dimension ${d} of operand ${operand}, which is ${shape[d]}`,
        );
      }
    }
    let base = array.offset;
    const steps = this.#extents.map(() => 0);
    for (const [d, e] of map.results.entries()) {
      const parts = linear(e, map.numDims);
      if (!parts) return { array, map, linear: undefined };
      base += parts.offset * strides[d]!;
      parts.factors.forEach((f, loop) => {
        steps[loop] = steps[loop]! + f * strides[d]!;
      });
    }
    return { array, map, linear: { base, steps } };
  }

  /**
   * The loops may be run in another order as long as each output element sees its contributions in order: accesses are
   * linear, different parallel turns write different elements, and no output shares data with another operand, except
   * with inputs that are met at the same points.
   */
  #mayReorder(): boolean {
    const first = this.#s.inputs.length;
    const same = (a: Access, b: Access): boolean =>
      a.linear!.base === b.linear!.base && a.linear!.steps.every((x, i) => x === b.linear!.steps[i]);
    return (
      this.#accesses.every((a) => !a || a.linear) &&
      this.#s.outputs.every((o) => o.map.results.every((e) => e.kind === "dim" || e.kind === "constant")) &&
      this.#accesses.slice(first).every((out, o) =>
        this.#accesses.every((other, i) => {
          const apart = !other || !out || other.array.data.buffer !== out.array.data.buffer;
          return i === first + o || apart || (i < first && same(other, out));
        }),
      )
    );
  }

  /** The parallel loop, as long as can be, that moves every output; the innermost of several; -1 if there is none. */
  #stripLoop(): number {
    const outputs = this.#accesses.slice(this.#s.inputs.length);
    let best = -1;
    this.#s.loops.forEach((l, i) => {
      const moves = l.kind === "parallel" && outputs.every((a) => a!.linear!.steps[i] !== 0);
      const length = Math.min(LONGEST_STRIP, this.#extents[i]!);
      if (moves && (best < 0 || length >= Math.min(LONGEST_STRIP, this.#extents[best]!))) best = i;
    });
    return best;
  }

  /** The run-time value of a number from outside or of a scalar operand. */
  #scalar(v: Value): number | undefined {
    const { operands, body } = this.#s;
    const operand = v.owner === body ? operands.find((o) => o.arg === v) : undefined;
    const datum = v.block === body ? operand && this.#operands[operand.index] : this.#run.valueOf(v);
    return typeof datum === "number" ? datum : undefined;
  }

  #fixedValue(value: Num | Value): Num {
    return typeof value === "object" ? (this.#run.valueOf(value) as Num) : value;
  }

  #runStrips(program: Program, strip: number): void {
    const length = Math.min(LONGEST_STRIP, this.#extents[strip]!);
    const columns: Column[] = program.registers.map((t) => columnOf(t, length));
    for (const { value, register } of program.fixed) fillColumn(columns[register]!, this.#fixedValue(value));
    this.#operands.forEach((o, i) => {
      const register = program.args[i] ?? -1;
      if (register >= 0 && !(o instanceof NDArray)) fillColumn(columns[register]!, o as Num);
    });
    const first = this.#s.inputs.length;
    const loads = this.#accesses.flatMap((a, i) => {
      const register = program.args[i] ?? -1;
      return a && register >= 0
        ? [{ array: a.array, column: columns[register]!, step: a.linear!.steps[strip]!, i }]
        : [];
    });
    const stores = program.yields.map((register, k) => {
      const a = this.#accesses[first + k]!;
      return { array: a.array, column: columns[register]!, step: a.linear!.steps[strip]!, i: first + k };
    });
    const total = this.#extents[strip]!;
    this.#walk(strip, (indices, positions) => {
      for (let from = 0; from < total; from += length) {
        const n = Math.min(length, total - from);
        for (const { loop, register } of program.indices) {
          const column = columns[register]! as Float64Array;
          if (loop === strip) for (let j = 0; j < n; j++) column[j] = from + j;
          else column.fill(indices[loop]!, 0, n);
        }
        for (const { array, column, step, i } of loads) load(array, column, positions[i]! + from * step, step, n);
        runStrip(program, columns, n);
        for (const { array, column, step, i } of stores) store(array, column, positions[i]! + from * step, step, n);
      }
    });
  }

  /** One point after the other, by the program of the body. */
  #runInOrder(program: Program): void {
    const registers = new Array<Num>(program.registers.length).fill(0);
    for (const { value, register } of program.fixed) registers[register] = this.#fixedValue(value);
    const first = this.#s.inputs.length;
    this.#operands.forEach((o, i) => {
      const register = program.args[i] ?? -1;
      if (register >= 0 && !(o instanceof NDArray)) registers[register] = o as Num;
    });
    this.#walk(-1, (indices, positions) => {
      for (const { loop, register } of program.indices) registers[register] = indices[loop]!;
      for (let i = 0; i < program.args.length; i++) {
        const register = program.args[i]!;
        const a = this.#accesses[i];
        if (register >= 0 && a) registers[register] = a.array.getData(positions[i]!);
      }
      runOnce(program, registers);
      for (let k = 0; k < program.yields.length; k++) {
        this.#accesses[first + k]!.array.setData(positions[first + k]!, registers[program.yields[k]!]!);
      }
    });
  }

  /** One point after the other, the body run op by op. */
  #interpret(): void {
    const { op, body, operands } = this.#s;
    const first = this.#s.inputs.length;
    const seen = operands.filter((o) => o.arg !== undefined).length;
    const state = runStateOf(this.#run, op);
    const outer = state.counters;
    this.#walk(-1, (indices, positions) => {
      state.counters = indices;
      const args: unknown[] = [];
      for (let i = 0; i < seen; i++) {
        const a = this.#accesses[i];
        args.push(a ? elementAt(a, positions[i]!) : this.#operands[i]);
      }
      const made = this.#run.call(body.parent!, args);
      for (let k = 0; k < made.length; k++) {
        setElement(this.#accesses[first + k]!, positions[first + k]!, made[k]);
      }
    });
    state.counters = outer;
  }

  /** Visits the points of all loops but one in order, with the positions of the operands (of the first turn of that one). */
  #walk(without: number, visit: (indices: readonly number[], positions: readonly number[]) => void): void {
    const loops = this.#extents.flatMap((_, i) => (i === without ? [] : [i]));
    const indices = this.#extents.map(() => 0);
    const positions = this.#accesses.map((a) => a?.linear?.base ?? 0);
    const general = this.#accesses.flatMap((a, i) => (a && !a.linear ? [i] : []));
    for (;;) {
      for (const i of general) positions[i] = this.#position(this.#accesses[i]!, indices, i);
      visit(indices, positions);
      let l = loops.length - 1;
      for (; l >= 0; l--) {
        const loop = loops[l]!;
        indices[loop]!++;
        const wraps = indices[loop] === this.#extents[loop];
        const turns = wraps ? 1 - this.#extents[loop]! : 1;
        if (wraps) indices[loop] = 0;
        for (let i = 0; i < positions.length; i++) {
          const steps = this.#accesses[i]?.linear?.steps;
          if (steps) positions[i] = positions[i]! + turns * steps[loop]!;
        }
        if (!wraps) break;
      }
      if (l < 0) return;
    }
  }

  #position({ array, map }: Access, indices: readonly number[], operand: number): number {
    const at = map.results.map((e) => evaluateExpr(e, indices));
    if (!at.every((x, d) => x >= 0 && x < array.shape[d]!))
      this.#run.fail(`element (${at.join(", ")}) of operand ${operand} is out of bounds`);
    return at.reduce((p, x, d) => p + x * array.strides[d]!, array.offset);
  }
}
