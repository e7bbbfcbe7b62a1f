/**
 * @file What a tile's rows read, widened to 16 bits once for all columns: the elements of a row's window follow each other in a
 * small buffer in the order of the reduction loops, padding among them, so that products of pairs neither widen what they
 * multiply again for each panel of columns nor ask where an image ends. (The "im2col" of one tile.)
 */
import * as arith from "../../../dialects/arith/ops.ts";
import { reductionsOf, type Structure } from "../../../dialects/linalg/structure.ts";
import * as memref from "../../../dialects/memref/index.ts";
import * as scf from "../../../dialects/scf/ops.ts";
import * as vector from "../../../dialects/vector/index.ts";
import { type AffineExpr, add, constant, mul } from "../../../ir/affine.ts";
import type { Value } from "../../../ir/core.ts";
import { i16, vector as vectorType } from "../../../ir/types.ts";
import { invariant } from "../../../support/diagnostic.ts";
import { staticPad } from "../static-pad.ts";
import { branch, questionBefore, sourceOf } from "./borders.ts";
import { counted } from "./counted.ts";
import type { GatheredRows, GatheredSum } from "./gathered-sum.ts";
import { type At, joined, mapped } from "./ranges.ts";
import { domainOf, type KernelValues } from "./values.ts";

/** The order in which the bytes of a word come out of it as halves of words: every other one. */
export const everyOther = [0, 2, 1, 3] as const;

/** Numbers that a row's window has. */
export const windowOf = (s: Structure): number => reductionsOf(s).reduce((n, l) => n * s.loops[l]!.extent, 1);

/** The element that a row reads first, by which it is known. */
function keyOf({ structure, dot }: GatheredSum, values: KernelValues, domain: At): string {
  const first = domain.map((e, l) => (structure.loops[l]!.kind === "reduction" ? constant(0) : e));
  return values
    .resolve(mapped(structure.inputs[dot.x]!, first), 1)
    .map((e) => e.id)
    .join(" ");
}

/** The row of a point, if it has been gathered. */
export const rowOf = (g: GatheredRows, values: KernelValues, domain: At): number | undefined =>
  g.rows.get(keyOf(g, values, domain));

/** The position in a row's window of a point of the loops. */
function positionOf({ structure, schedule }: GatheredSum, domain: At): AffineExpr {
  let size = windowOf(structure);
  let sum: AffineExpr = constant(0);
  for (const l of schedule.order) {
    size /= structure.loops[l]!.extent;
    sum = add(sum, mul(domain[l]!, constant(size)));
  }
  return joined(sum);
}

/** Where a group of numbers of a row begins: groups of all rows stand together. */
const placeOf = (position: AffineExpr, row: AffineExpr, rows: number, group: number): AffineExpr =>
  add(mul(position, constant(rows)), mul(row, constant(group)));

/** The group of numbers at a point of the loops of a gathered row. */
export function readGathered(g: GatheredRows, values: KernelValues, domain: At, row: number): Value {
  const { nest } = values;
  const group = g.schedule.group!;
  const at = nest.resolve(placeOf(positionOf(g, domain), constant(row), g.rows.size, group), 1);
  const known = nest.levelOf([at]);
  const level = known.depth > g.level.depth ? known : g.level;
  return nest.at(level, `gathered ${at.id}`, () =>
    vector.load(nest.b, g.buffer, [nest.index(at)], { types: [vectorType([group], i16)] }),
  );
}

/** Gathers rows; `pointAt` is a result of the row of a number below `count`. */
export function gatherRows(
  sum: GatheredSum,
  values: KernelValues,
  count: number,
  pointAt: (row: AffineExpr) => At,
): GatheredRows {
  const domainAt = (row: AffineExpr): At => values.resolve(domainOf(sum.structure, 0, pointAt(row)), 1);
  const rows = new Map<string, number>();
  for (let r = 0; r < count; r++) rows.set(keyOf(sum, values, domainAt(constant(r))), r);
  const gatherer = new Gatherer(sum, values, count);
  if (count === 1) gatherer.steps(sum.schedule.order, domainAt(constant(0)), constant(0));
  else
    counted(values, count, [], (row) => {
      gatherer.steps(sum.schedule.order, domainAt(row), row);
      return [];
    });
  return { ...sum, level: values.nest.top, rows };
}

class Gatherer {
  readonly #sum: GatheredSum;
  readonly #values: KernelValues;
  readonly #rows: number;

  constructor(sum: GatheredSum, values: KernelValues, rows: number) {
    this.#sum = sum;
    this.#values = values;
    this.#rows = rows;
  }

  /** The loops from the outermost of `order` on: of padding as soon as it is known to be such. */
  steps(order: readonly number[], domain: At, row: AffineExpr): void {
    const { structure, schedule, dot } = this.#sum;
    const { nest } = this.#values;
    const question = questionBefore(nest, structure, order, domain);
    // Whether some of a group's elements are padding is asked of them together.
    if (question && order.length > 0) {
      const go = (make: () => void) => (): readonly Value[] => {
        make();
        return [];
      };
      branch(
        nest,
        question,
        [],
        go(() => this.steps(order, domain, row)),
        go(() => this.#padding(order, domain, row)),
      );
      return;
    }
    const [loop, ...inner] = order;
    if (loop === undefined) {
      this.#group(domain, row);
      return;
    }
    const group = dot.loop === loop ? schedule.group! : 1;
    const { extent } = structure.loops[loop]!;
    const at = (e: AffineExpr): At => domain.map((x, l) => (l === loop ? mul(e, constant(group)) : x));
    if (extent === group) this.steps(inner, at(constant(0)), row);
    else
      counted(this.#values, extent / group, [], (e) => {
        this.steps(inner, at(e), row);
        return [];
      });
  }

  #padding(order: readonly number[], domain: At, row: AffineExpr): void {
    const { structure, schedule, dot } = this.#sum;
    const { nest } = this.#values;
    const group = schedule.group!;
    const pad = staticPad(structure.inputs[dot.x]!.value.definingOp!);
    invariant(pad, "what reaches over an edge is padded");
    const narrow = this.#values.read(pad.value, [], 1);
    const fill = nest.at(nest.levels[0]!, `wide ${this.#values.key(narrow, [], 1)}`, () => this.#widened(narrow));
    const first = domain.map((e, l) => (order.includes(l) ? constant(0) : e));
    const groups = order.reduce((n, l) => n * structure.loops[l]!.extent, 1) / (order.includes(dot.loop) ? group : 1);
    const start = positionOf(this.#sum, first);
    counted(this.#values, groups, [], (e) => {
      const place = placeOf(add(start, mul(e, constant(group))), row, this.#rows, group);
      for (let k = 0; k < group; k++) this.#store(fill, add(place, constant(k)));
      return [];
    });
  }

  /** Neighbours: at once if all of them lie inside, else one by one. */
  #group(domain: At, row: AffineExpr): void {
    const { structure, schedule, dot, buffer } = this.#sum;
    const values = this.#values;
    const { nest } = values;
    const { b } = nest;
    const group = schedule.group!;
    const x = structure.inputs[dot.x]!;
    const place = placeOf(positionOf(this.#sum, domain), row, this.#rows, group);
    const whole = (): void => {
      const run = values.readRun(x.value, values.resolve(mapped(x, domain), 1), group);
      const halves = vector.shuffle(b, run, run, { mask: everyOther });
      const widen = dot.signed.x ? arith.extsi : arith.extui;
      const wide = widen(b, halves, { types: [vectorType([group], i16)] });
      vector.store(b, wide, buffer, [nest.index(nest.resolve(place, 1))], {});
    };
    const pad = x.value.definingOp && staticPad(x.value.definingOp);
    const open = pad ? sourceOf(nest, pad, values.resolve(mapped(x, domain), 1), 1).open : [];
    if (!pad || open.length === 0) {
      whole();
      return;
    }
    const { e, size } = open[0]!;
    const last = size - group + 1;
    const single = (): void => {
      for (let k = 0; k < group; k++) {
        const at = domain.map((d, l) => (l === dot.loop ? add(d, constant(k)) : d));
        const v = values.read(x.value, mapped(x, at), 1);
        this.#store(this.#widened(v), add(place, constant(everyOther.indexOf(k as 0))));
      }
    };
    if (last <= 0) {
      single();
      return;
    }
    const inside = arith.cmpi(b, nest.index(e), nest.constant(last), { predicate: "ult" });
    const within = (make: () => void) => (block: { readonly block: Parameters<typeof nest.enter>[0] | null }) => {
      invariant(block.block, "a branch has a block");
      nest.enter(block.block, false, true);
      make();
      nest.close();
      return [];
    };
    scf.if(b, inside, {
      types: [],
      thenRegion: within(() => nest.knowing(e, true, whole)),
      elseRegion: within(single),
    });
  }

  #widened(v: Value): Value {
    const widen = this.#sum.dot.signed.x ? arith.extsi : arith.extui;
    return widen(this.#values.nest.b, v, { types: [i16] });
  }

  #store(v: Value, at: AffineExpr): void {
    const { nest } = this.#values;
    memref.store(nest.b, v, this.#sum.buffer, [nest.index(nest.resolve(at, 1))]);
  }
}
