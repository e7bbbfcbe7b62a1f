/**
 * @file Reductions for a tile of results. All results of the tile share one nest of reduction loops and carry their
 * accumulators through it, in registers; vectors lie along the results (convolution, matrix product) or along a
 * reduction loop (row sums), then several accumulators per result hide the latency of the combining op.
 */
import * as arith from "../../../dialects/arith/ops.ts";
import { reductionsOf, type Structure } from "../../../dialects/linalg/structure.ts";
import * as vector from "../../../dialects/vector/index.ts";
import { type AffineExpr, add, constant, floordiv, linear, mod, mul, substitute } from "../../../ir/affine.ts";
import type { Operation, Value } from "../../../ir/core.ts";
import { elementOf, i32, type Type, vector as vectorType } from "../../../ir/types.ts";
import { type Dot, dotOf, wordBytes } from "../dot.ts";
import { type ReductionSchedule, reductionSchedule } from "../schedule-attribute.ts";
import { readAhead } from "./ahead.ts";
import { addsNothing, branch, decidingLoops, questionBefore, stepsInside } from "./borders.ts";
import { type Combiner, combined, combinerOf, isNeutral, neutralOf } from "./combiner.ts";
import { counted } from "./counted.ts";
import { everyOther, readGathered, rowOf } from "./gathered.ts";
import type { GatheredRows } from "./gathered-sum.ts";
import { joinedRows } from "./joined.ts";
import { type At, lane, mapped, terms, usesLane } from "./ranges.ts";
import { domainOf, type KernelValues } from "./values.ts";

/** Computes the elements `points` of a reducing op and remembers them. They lie at one loop level. */
export function reduceElements(
  values: KernelValues,
  op: Operation,
  structure: Structure,
  points: readonly At[],
  lanes: number,
): void {
  const { nest } = values;
  const level = nest.levelOf(points.flat());
  const missing = points.filter((p) => !level.memo.has(values.key(op.result(), p, lanes)));
  if (missing.length === 0) return;
  const reductions = reductionsOf(structure);
  const schedule = reductionSchedule(op, reductions);
  if (schedule.vector < 0 && level === nest.top && missing.length > 1) level.crowded = true;
  // Everything happens at the level of the points, whatever is open below.
  nest.at(level, `reduced ${values.key(op.result(), missing.flat(), lanes)}`, () => {
    const fills = values.kept?.filler === op;
    if (fills) values.filling = true;
    const along = schedule.vector >= 0 && !missing.some((p) => p.some(usesLane)) && combinerOf(structure);
    const made = along
      ? new AlongReduction(values, op, structure, schedule, along).run(missing)
      : new Reduction(values, op, structure, schedule, lanes).run(missing);
    if (fills) values.filling = false;
    made.forEach((results, i) => {
      results.forEach((v, n) => level.memo.set(values.key(op.result(n), missing[i]!, lanes), v));
    });
    return made[0]![0]!;
  });
}

/** One step of one result. */
interface Use {
  readonly point: number;
  readonly domain: At;
}

export class Reduction {
  readonly values: KernelValues;
  readonly op: Operation;
  readonly structure: Structure;
  schedule: ReductionSchedule;
  readonly lanes: number;
  readonly #dot: Dot | undefined;
  /** Where the rows lie, if they have been gathered. */
  #rows: GatheredRows | undefined;
  /** Steps may have to ask whether what they read is padding. */
  #asks = false;

  constructor(values: KernelValues, op: Operation, structure: Structure, schedule: ReductionSchedule, lanes: number) {
    this.values = values;
    this.op = op;
    this.structure = structure;
    this.schedule = schedule;
    this.lanes = lanes;
    this.#dot = (schedule.group ?? 1) > 1 ? dotOf(structure, schedule.group!) : undefined;
  }

  /** Per point, the final value of each result. */
  run(points: readonly At[]): Value[][] {
    const { structure } = this;
    const domains = points.map((p) => domainOf(structure, 0, p));
    const start = domains.map((d) => this.initial(d));
    if (this.#gathered(domains)) return this.#results(this.loops(this.schedule.order, domains, start.flat()), points);
    const deciding = domains.map((d) => decidingLoops(this.values.nest, structure, d)).filter((d) => d !== undefined);
    if (deciding.length > 0) this.#askAtBorders(new Set(deciding.flatMap((d) => [...d])));
    return this.#results(this.loops(this.schedule.order, domains, start.flat()), points);
  }

  #results(flat: readonly Value[], points: readonly At[]): Value[][] {
    const n = this.structure.outputs.length;
    return points.map((_, i) => flat.slice(i * n, (i + 1) * n));
  }

  /** What all of the points multiply has been gathered: it has no borders, and its loops run as one. */
  #gathered(domains: readonly At[]): boolean {
    const { values, op, schedule } = this;
    const { gathered } = values;
    if (gathered?.op !== op || !domains.every((d) => rowOf(gathered, values, d) !== undefined)) return false;
    this.schedule = { ...schedule, run: schedule.order.length };
    this.#rows = gathered;
    return true;
  }

  /** What the accumulators hold before the first step, as vectors where the results are. */
  initial(domain: At): Value[] {
    const { structure, values } = this;
    return structure.outputs.map((out) => {
      const at = mapped(out, domain);
      const v = values.read(out.value, at, this.lanes);
      if (!at.some(usesLane) || v.type.kind === "vector") return v;
      // A constant is made where the accumulators start: kept in a register all along, it would push one of them out.
      const { nest } = values;
      if (!v.definingOp?.def.isConstant) return values.broadcast(v, this.lanes);
      const type = vectorType([this.lanes], v.type);
      return nest.at(nest.top, `start ${values.key(v, [], 1)} ${this.lanes}`, () =>
        vector.broadcast(nest.b, v, { types: [type] }),
      );
    });
  }

  /** Loops that decide whether something is padding are loops of their own, and steps ask as soon as they can. */
  #askAtBorders(deciding: ReadonlySet<number>): void {
    const { order, full } = this.schedule;
    let run = 0;
    while (run < order.length && !deciding.has(order[order.length - 1 - run]!)) run++;
    this.schedule = {
      ...this.schedule,
      run: Math.min(run, this.schedule.run),
      full: full.filter((l) => !deciding.has(l)),
    };
    this.#asks = true;
  }

  /** The loops from here on for positions inside of what is read, and for those outside; undefined if there is nothing to ask. */
  #askedBefore(
    order: readonly number[],
    domains: readonly At[],
    accumulators: readonly Value[],
  ): readonly Value[] | undefined {
    const { structure, values, schedule, lanes } = this;
    const { nest } = values;
    const question = this.#question(order, domains);
    if (!question) return undefined;
    const nothing = this.#addsNothing(question.input);
    return branch(
      nest,
      question,
      accumulators,
      () => this.loops(order, domains, accumulators),
      () => {
        if (nothing) return accumulators;
        // Of padding there is no run of bytes to load: products one by one.
        const single = new Reduction(values, this.op, structure, { ...schedule, group: 1 }, lanes);
        single.#asks = true;
        return single.loops(order, domains, accumulators);
      },
    );
  }

  /** What has to be asked of all of the points before the loops of `order` run. */
  #question(order: readonly number[], domains: readonly At[]): ReturnType<typeof questionBefore> {
    const questions = domains.map((d) => questionBefore(this.values.nest, this.structure, order, d));
    const [first] = questions;
    return first && questions.every((q) => q?.e === first.e && q.size === first.size) ? first : undefined;
  }

  #addsNothing(input: number): boolean {
    const folds = combinerOf(this.structure);
    const neutral = folds?.combiner.neutral(this.structure.outputs[0]!.element);
    return folds !== undefined && addsNothing(this.structure, input, folds.op, neutral);
  }

  /** A loop that leaves out the steps which read padding, if that adds nothing to the results. */
  #leavingOut(
    loop: number,
    inner: readonly number[],
    domains: readonly At[],
    accumulators: readonly Value[],
    unroll: number,
  ): readonly Value[] | undefined {
    const { structure, values } = this;
    const { nest } = values;
    const { extent } = structure.loops[loop]!;
    const at = (e: AffineExpr): At[] => domains.map((d) => d.map((x, i) => (i === loop ? e : x)));
    // Asked of a step that is not known: any of them may be the one that reaches over.
    const question = this.#question(inner, at(nest.given(nest.constant(0), extent)));
    if (!question || !this.#addsNothing(question.input)) return undefined;
    const bounds = stepsInside(nest, structure, loop, question, domains[0]!);
    const body = (e: AffineExpr, carried: readonly Value[]): readonly Value[] => {
      const known = this.#question(inner, at(e));
      const run = (): readonly Value[] => this.loops(inner, at(e), carried);
      return known ? nest.knowing(known.e, true, run) : run();
    };
    return counted(values, extent, accumulators, body, unroll, bounds);
  }

  /** Runs the reduction loops from the outermost of `order` on; accumulators in, accumulators out. */
  loops(order: readonly number[], domains: readonly At[], accumulators: readonly Value[]): readonly Value[] {
    const asked = this.#asks ? this.#askedBefore(order, domains, accumulators) : undefined;
    if (asked) return asked;
    const [loop, ...inner] = order;
    if (loop === undefined) return this.step(domains, accumulators);
    if (order.length === this.schedule.run && order.length > 1) return this.#asOne(order, domains, accumulators);
    const group = this.#groupAlong(loop);
    const extent = this.structure.loops[loop]!.extent / group;
    const withLoop = (e: AffineExpr): At[] =>
      domains.map((d) => d.map((x, i) => (i === loop ? mul(e, constant(group)) : x)));
    if (extent === 1 || this.schedule.full.includes(loop)) {
      const window = inner.every((l) => this.structure.loops[l]!.extent === 1)
        ? this.#window(loop, domains)
        : undefined;
      if (window) return this.#across(window, accumulators);
      let carried = accumulators;
      for (let i = 0; i < extent; i++) carried = this.loops(inner, withLoop(constant(i)), carried);
      return carried;
    }
    const innermost = inner.every((l) => this.schedule.full.includes(l) || this.structure.loops[l]!.extent === 1);
    const factor = innermost ? this.schedule.unroll : 1;
    const left = this.#asks && group === 1 ? this.#leavingOut(loop, inner, domains, accumulators, factor) : undefined;
    if (left) return left;
    return counted(this.values, extent, accumulators, (e, carried) => this.loops(inner, withLoop(e), carried), factor);
  }

  /**
   * The steps of a loop over windows that overlap, one group for each place they read: what is loaded there is used up at
   * once, instead of being kept until the last window has reached it. Undefined where windows share nothing. Each result
   * takes its terms in the order in which they come anyway.
   */
  #window(loop: number, domains: readonly At[]): readonly (readonly Use[])[] | undefined {
    const { structure } = this;
    if (domains.length < 2) return undefined;
    // What is spread over lanes is cheap to load again; what it is multiplied by would take the registers.
    const sliding = structure.inputs
      .filter((o) => mapped(o, domains[0]!).some(usesLane))
      .flatMap(({ map }) =>
        map.results.filter((e) => (linear(e, map.numDims)?.factors.filter((f) => f > 0).length ?? 0) > 1),
      );
    const along = sliding.find((e) => linear(e, structure.loops.length)!.factors[loop]! > 0);
    if (!along) return undefined;
    const groups = new Map<number, Use[]>();
    for (let i = 0; i < structure.loops[loop]!.extent; i++) {
      domains.forEach((d, point) => {
        const domain = d.map((x, l) => (l === loop ? constant(i) : x));
        const at = terms(substitute(along, domain)).rest;
        groups.set(at, [...(groups.get(at) ?? []), { point, domain }]);
      });
    }
    const rows = new Set(domains.map((d) => terms(substitute(along, d)).rest)).size;
    if (groups.size === rows * structure.loops[loop]!.extent) return undefined;
    return [...groups.keys()].sort((a, b) => a - b).map((at) => groups.get(at)!);
  }

  #across(groups: readonly (readonly Use[])[], accumulators: readonly Value[]): Value[] {
    const n = this.structure.outputs.length;
    const carried = [...accumulators];
    for (const group of groups) {
      const next = this.#row(
        group.map((u) => u.domain),
        group.map((u) => carried.slice(u.point * n, (u.point + 1) * n)),
      );
      group.forEach(({ point }, k) => carried.splice(point * n, n, ...next[k]!));
    }
    return carried;
  }

  /** Nested loops as a single one, whose counter is their position in a row. */
  #asOne(order: readonly number[], domains: readonly At[], accumulators: readonly Value[]): readonly Value[] {
    const extents = order.map((l) => this.structure.loops[l]!.extent / this.#groupAlong(l));
    const count = extents.reduce((a, b) => a * b, 1);
    return counted(
      this.values,
      count,
      accumulators,
      (e, carried) => {
        let size = count;
        let left = e;
        const at = extents.map((extent, i) => {
          size /= extent;
          const whole = floordiv(left, constant(size));
          left = mod(left, constant(size));
          return mul(whole, constant(this.#groupAlong(order[i]!)));
        });
        return this.step(
          domains.map((d) => d.map((x, i) => at[order.indexOf(i)] ?? x)),
          carried,
        );
      },
      this.schedule.unroll,
    );
  }

  /** Steps of a loop that are made at once. */
  #groupAlong(loop: number): number {
    return this.#dot?.loop === loop ? this.schedule.group! : 1;
  }

  /** Products of neighbours, summed into each result. */
  #dotStep(dot: Dot, domains: readonly At[], accumulators: readonly Value[]): Value[] {
    const made: Value[] = new Array(accumulators.length);
    for (const row of rowsOf(domains)) {
      for (const i of row) {
        const d = domains[i]!;
        made[i] = d.some(usesLane)
          ? this.#dotOfLanes(dot, d, accumulators[i]!)
          : this.schedule.group! >= wordBytes && dot.rows === this.schedule.group!
            ? this.#dotOfOne(dot, d, accumulators[i]!)
            : this.#dotOneByOne(dot, d, accumulators[i]!);
      }
    }
    return made;
  }

  /** The neighbours of a factor, from the point on, in 32 bits. */
  #factor(input: number, domain: At, isSigned: boolean, count: number, shape: readonly number[]): Value {
    const { structure, values } = this;
    const { nest } = values;
    const operand = structure.inputs[input]!;
    const at = values.resolve(mapped(operand, domain), 1);
    const run = values.readRun(operand.value, at, count);
    const widen = isSigned ? arith.extsi : arith.extui;
    const level = nest.levelOf(at);
    return nest.at(level, `wide ${values.key(operand.value, at, 1)} ${count} ${shape.join("x")}`, () => {
      const narrow = vectorType(shape, elementOf(run.type));
      const whole = shape.length === 1 ? 1 : shape.reduce((n, d) => n * d, 1) / count;
      const placed =
        shape.length === 1
          ? run
          : whole > 1
            ? vector.broadcast(nest.b, run, { types: [narrow] })
            : vector.shape_cast(nest.b, run, { types: [narrow] });
      return widen(nest.b, placed, { types: [vectorType(shape, i32)] });
    });
  }

  #dotOfOne({ x, weights, signed }: Dot, domain: At, accumulator: Value): Value {
    const { nest } = this.values;
    const { b } = nest;
    const count = this.schedule.group!;
    const rows = this.#rows;
    if (rows) {
      const left = readGathered(rows, this.values, domain, rowOf(rows, this.values, domain)!);
      const type = vectorType([count], i32);
      const x32 = arith.extsi(b, left, { types: [type] });
      const at = this.values.resolve(mapped(this.structure.inputs[weights]!, domain), 1);
      const key = `halves ${this.values.key(this.structure.inputs[weights]!.value, at, 1)}`;
      const w32 = nest.at(nest.levelOf(at), key, () => {
        const run = this.values.readRun(this.structure.inputs[weights]!.value, at, count);
        const widen = signed.weights ? arith.extsi : arith.extui;
        return widen(b, vector.shuffle(b, run, run, { mask: everyOther }), { types: [type] });
      });
      return vector.reduction(b, arith.muli(b, x32, w32), accumulator, { kind: "add", types: [i32] });
    }
    const factor = (input: number, isSigned: boolean): Value => this.#factor(input, domain, isSigned, count, [count]);
    const products = arith.muli(b, factor(x, signed.x), factor(weights, signed.weights));
    return vector.reduction(b, products, accumulator, { kind: "add", types: [i32] });
  }

  /** In each lane the neighbours of a column, times those of x, which all lanes share. */
  #dotOfLanes(dot: Dot, domain: At, accumulator: Value): Value {
    const { x, weights, signed } = dot;
    const { b } = this.values.nest;
    const count = this.schedule.group!;
    const shape = [this.lanes, count] as const;
    const first = domain.map((e) => substitute(e, [], [constant(0)]));
    const w =
      dot.rows < count
        ? joinedRows(this.values, this.structure, dot, first, shape)
        : this.#factor(weights, first, signed.weights, this.lanes * count, shape);
    const products = arith.muli(b, this.#factor(x, first, signed.x, count, shape), w);
    return vector.multi_reduction(b, products, accumulator, { kind: "add", reduction_dims: [1] });
  }

  #dotOneByOne({ loop }: Dot, domain: At, accumulator: Value): Value {
    const { structure, values } = this;
    let sum = accumulator;
    for (let k = 0; k < this.schedule.group!; k++) {
      const at = domain.map((e, i) => (i === loop ? add(e, constant(k)) : e));
      const args = [...values.operandsAt(structure, at, 1), sum];
      sum = values.inline(structure.body, [{ domain: at, args }], 1)[0]![0]!;
    }
    return sum;
  }

  /** One step of all results. */
  step(domains: readonly At[], accumulators: readonly Value[]): Value[] {
    readAhead(this.values, this.structure, this.schedule, domains[0]!);
    if (this.#dot) return this.#dotStep(this.#dot, domains, accumulators);
    const n = this.structure.outputs.length;
    const next: Value[] = new Array(accumulators.length);
    for (const row of rowsOf(domains)) {
      const made = this.#row(
        row.map((i) => domains[i]!),
        row.map((i) => accumulators.slice(i * n, (i + 1) * n)),
      );
      row.forEach((i, k) => {
        made[k]!.forEach((v, r) => {
          next[i * n + r] = v;
        });
      });
    }
    return next;
  }

  /** The body at some points, op by op; per point, what its results are now. */
  #row(domains: readonly At[], accumulators: readonly (readonly Value[])[]): Value[][] {
    const { structure, values, lanes } = this;
    // Vectors before what is spread over lanes: engines that schedule by themselves keep their registers for a row then.
    const args = domains.map((): (Value | undefined)[] => structure.inputs.map(() => undefined));
    const read = (at: At, input: number, k: number): void => {
      args[k]![input] = values.read(structure.inputs[input]!.value, at, lanes);
    };
    const spread: At[][] = [];
    structure.inputs.forEach((o, i) => {
      if (o.arg?.hasUses) spread[i] = domains.map((d) => mapped(o, d));
    });
    const narrow: number[] = [];
    const wide: number[] = [];
    spread.forEach((ats, i) => (ats[0]!.some(usesLane) ? wide : narrow).push(i));
    for (let k = 0; k < domains.length; k++) for (const i of wide) read(spread[i]![k]!, i, k);
    for (let k = 0; k < domains.length; k++) {
      for (const i of narrow) {
        // The same for all of a row.
        const at = spread[i]![k]!;
        const before = k > 0 ? spread[i]![k - 1]! : undefined;
        if (before && at.every((e, n) => e === before[n])) args[k]![i] = args[k - 1]![i];
        else read(at, i, k);
      }
    }
    const points = domains.map((domain, k) => ({ domain, args: [...args[k]!, ...accumulators[k]!] }));
    const made = this.schedule.apart
      ? points.map((p) => values.inline(structure.body, [p], lanes)[0]!)
      : values.inline(structure.body, points, lanes);
    return made.map((results, k) =>
      results.map((v, r) =>
        accumulators[k]![r]!.type.kind === "vector" && v.type.kind !== "vector" ? values.broadcast(v, lanes) : v,
      ),
    );
  }
}

/** Points that differ only in the dimension that carries the lanes: a row of the register tile. */
function rowsOf(domains: readonly At[]): number[][] {
  const rows = new Map<string, number[]>();
  domains.forEach((d, i) => {
    const key = d.map((e) => (usesLane(e) ? "|" : e.id)).join(" ");
    const row = rows.get(key);
    if (row) row.push(i);
    else rows.set(key, [i]);
  });
  return [...rows.values()];
}

/** A reduction whose vectors lie along one of its loops. */
export class AlongReduction extends Reduction {
  readonly #combiner: Combiner;
  readonly #combine: Operation;

  constructor(
    values: KernelValues,
    op: Operation,
    structure: Structure,
    schedule: ReductionSchedule,
    { combiner, op: combine }: { readonly combiner: Combiner; readonly op: Operation },
  ) {
    super(values, op, structure, schedule, schedule.lanes);
    this.#combiner = combiner;
    this.#combine = combine;
  }

  override run(points: readonly At[]): Value[][] {
    const { structure, schedule, lanes, values } = this;
    const loop = schedule.vector;
    const extent = structure.loops[loop]!.extent;
    const others = schedule.order.filter((l) => l !== loop);
    const wide = schedule.accumulators;
    const domains = points.map((p) => domainOf(structure, 0, p));
    const element = structure.outputs[0]!.element;
    const neutral = this.neutral(element);
    // points × accumulators, all neutral: the initial value joins at the end.
    const zero = values.broadcast(neutral, lanes);
    let sums: readonly Value[] = points.flatMap(() => new Array<Value>(wide).fill(zero));
    const blocks = Math.floor(extent / (lanes * wide));
    const expand = (from: AffineExpr, count: number): At[] =>
      domains.flatMap((d) =>
        Array.from({ length: count }, (_, j) =>
          d.map((x, i) => (i === loop ? add(from, add(constant(j * lanes), lane)) : x)),
        ),
      );
    sums = this.nested(others, sums, domains, (fixed, carried) => {
      const put = (ds: readonly At[]): At[] => ds.map((d) => d.map((x, i) => fixed.get(i) ?? x));
      if (blocks === 0) return carried;
      const body = (e: AffineExpr, c: readonly Value[]): readonly Value[] =>
        this.step(put(expand(mul(e, constant(lanes * wide)), wide)), c);
      return blocks === 1 ? body(constant(0), carried) : counted(values, blocks, carried, body);
    });
    // What is left over: whole vectors, then single elements.
    const done = blocks * lanes * wide;
    const vectors = Math.floor((extent - done) / lanes);
    const tail = extent - done - vectors * lanes;
    if (vectors > 0) {
      sums = this.nested(others, sums, domains, (fixed, carried) => {
        const next = carried.slice();
        const ds = expand(constant(done), vectors).map((d) => d.map((x, i) => fixed.get(i) ?? x));
        const targets = domains.flatMap((_, p) => Array.from({ length: vectors }, (_, j) => p * wide + j));
        this.step(
          ds,
          targets.map((t) => carried[t]!),
        ).forEach((v, k) => {
          next[targets[k]!] = v;
        });
        return next;
      });
    }
    let totals = points.map((_, p) => {
      let v = sums[p * wide]!;
      for (let j = 1; j < wide; j++) v = this.join(v, sums[p * wide + j]!);
      return this.across(v);
    });
    if (tail > 0) {
      const scalar = new Reduction(values, this.op, structure, schedule, 1);
      totals = this.nested(others, totals, domains, (fixed, carried) => {
        let c = carried;
        for (let t = 0; t < tail; t++) {
          c = scalar.step(
            domains.map((d) => d.map((x, i) => (i === loop ? constant(extent - tail + t) : (fixed.get(i) ?? x)))),
            c,
          );
        }
        return c;
      }).slice();
    }
    return totals.map((v, p) => {
      const out = structure.outputs[0]!;
      return [this.join(values.read(out.value, mapped(out, domains[p]!), 1), v)];
    });
  }

  /** The loops that vectors do not lie along, around `body`. */
  nested(
    order: readonly number[],
    carried: readonly Value[],
    domains: readonly At[],
    body: (fixed: ReadonlyMap<number, AffineExpr>, carried: readonly Value[]) => readonly Value[],
    fixed: ReadonlyMap<number, AffineExpr> = new Map(),
  ): readonly Value[] {
    const [loop, ...inner] = order;
    if (loop === undefined) return body(fixed, carried);
    const extent = this.structure.loops[loop]!.extent;
    const go = (e: AffineExpr, c: readonly Value[]): readonly Value[] =>
      this.nested(inner, c, domains, body, new Map([...fixed, [loop, e]]));
    if (extent === 1) return go(constant(0), carried);
    return counted(this.values, extent, carried, go);
  }

  /** What the op that combines is called by ops that combine many. */
  get kind(): string {
    return this.#combiner.kind;
  }

  /** The lanes of a vector, put together. */
  across(v: Value): Value {
    const { element } = this.structure.outputs[0]!;
    const flags = this.#combine.props[this.#combine.def.attrIndex.get("fastmath") ?? -1];
    return vector.reduction(this.values.nest.b, v, undefined, {
      kind: this.#combiner.kind as never,
      types: [element],
      // The sums of lanes have an order of their own already.
      ...(Array.isArray(flags) && flags.includes("nnan") && { fastmath: ["nnan"] }),
    });
  }

  neutral(type: Type): Value {
    const { nest } = this.values;
    return nest.at(nest.levels[0]!, `neutral ${this.#combiner.kind} ${type.id}`, () =>
      neutralOf(nest.b, this.#combiner, type),
    );
  }

  /** What is left of a result before a sum, and the sum. */
  after(start: Value, sum: Value): Value {
    return isNeutral(start, this.#combiner) ? sum : this.join(start, sum);
  }

  join(a: Value, b: Value): Value {
    return combined(this.values.nest.b, this.#combine, a, b);
  }
}
