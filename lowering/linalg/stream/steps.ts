/**
 * @file A chain of ops that is computed some rows at a time: what each of them makes in each step, and what it keeps for the
 * next ones. Everything follows from the rows of the first op: a step makes of each tensor all rows that can be made of what is there.
 */
import { structureOf } from "../../../dialects/linalg/structure.ts";
import { isIdentityMap } from "../../../ir/affine.ts";
import type { Operation, Value } from "../../../ir/core.ts";
import { byteWidth } from "../../../ir/datum.ts";
import { elementCount, elementOf } from "../../../ir/types.ts";
import { staticPad } from "../static-pad.ts";
import { reshapeSource } from "../views.ts";
import { isTransparent, type Reading, type Rows, readingsOf, rowsInside, rowsRead, shapeOf } from "./rows.ts";

/** How rows of a link become rows of an earlier one: through operands of ops, and pads on the way. */
type Step = { readonly reading: Reading } | { readonly low: number; readonly size: number };

/** One link reads another. */
interface Read {
  readonly reader: Link;
  readonly source: Link;
  /** From the rows that the reader makes to those that it reads. */
  readonly path: readonly Step[];
}

/** An op of the chain. */
export interface Link {
  readonly op: Operation;
  /** The dimension of its result that rows are along. */
  readonly dim: number;
  readonly rows: number;
  /** Bytes of a row in memory; none if it is never there. */
  readonly rowBytes: number;
  /** What it reads of the chain and of ops that a longer one would have, and what of the chain reads it. */
  readonly reads: readonly Read[];
  readonly readers: readonly Read[];
}

/** A read whose source is not a link yet. */
interface Open {
  readonly dim: number;
  readonly reads: { readonly reader: Link & { reads: Read[] }; readonly path: readonly Step[] }[];
}

/** The links of a chain from its last op, grown backwards. */
export class Chain {
  /** The last op first. */
  readonly links: Link[] = [];
  /** Rows of all that is read lie one behind the other: a result may take their place. */
  isInOrder = true;
  readonly #byOp = new Map<Operation, Link>();
  /** What links read of ops that are none yet. */
  readonly #open = new Map<Operation, Open>();
  /** Ops that are read in a way that knows no rows. */
  readonly #whole = new Set<Operation>();

  /** Undefined if the op cannot be computed row by row. */
  static from(op: Operation, dim: number): Chain | undefined {
    const chain = new Chain();
    return chain.#add(op, dim, []) ? chain : undefined;
  }

  /** Takes in an op that stands before the others; false, and nothing happens, if it must be computed as a whole. */
  grow(op: Operation): boolean {
    const open = this.#open.get(op);
    if (!open || this.#whole.has(op) || !readersOf(op).every((r) => this.#byOp.has(r))) return false;
    return this.#add(op, open.dim, open.reads);
  }

  #add(op: Operation, dim: number, readBy: Open["reads"]): boolean {
    const s = structureOf(op);
    const readings = s && readingsOf(s, dim);
    if (!s || !readings) return false;
    const { type } = op.result();
    const rows = shapeOf(op.result())[dim]!;
    const rowBytes = joinsReader(op) ? 0 : (elementCount(shapeOf(op.result())) / rows) * byteWidth(elementOf(type));
    const readers: Read[] = [];
    const link = { op, dim, rows, rowBytes, reads: [] as Read[], readers };
    const found: { readonly op: Operation; readonly dim: number; readonly path: readonly Step[] }[] = [];
    const whole: Operation[] = [];
    const follow = (v: Value, reading: Reading | "whole", path: readonly Step[]): boolean => {
      const def = v.definingOp;
      if (reading === "whole") {
        wholeSources(v, whole);
        if (v.type.kind === "tensor" && def?.def.isConstant !== true) this.isInOrder = false;
        return true;
      }
      if (
        shapeOf(v)
          .slice(0, reading.dim)
          .some((n) => n > 1)
      )
        this.isInOrder = false;
      if (!def) return true;
      const next = [...path, { reading }];
      const pad = staticPad(def);
      if (pad) {
        const low = pad.low[reading.dim]!;
        const high = pad.high[reading.dim]!;
        // A window that lies in the padding alone would be made of nothing.
        if (low < 0 || high < 0 || low > reading.reach || high > reading.reach) return false;
        const size = shapeOf(pad.source)[reading.dim]!;
        return follow(pad.source, { dim: reading.dim, step: 1, reach: 0 }, [...next, { low, size }]);
      }
      if (isTransparent(def)) {
        const inner = structureOf(def);
        if (!inner) return true;
        const through = readingsOf(inner, reading.dim);
        return through?.every((r, i) => follow(def.operand(i), r, next)) ?? false;
      }
      if (structureOf(def)) found.push({ op: def, dim: reading.dim, path: next });
      else if (reshapeSource(def)) wholeSources(v, whole);
      return true;
    };
    if (!readings.every((r, i) => follow(op.operand(i), r, []))) return false;
    if (found.some((f) => (this.#open.get(f.op)?.dim ?? f.dim) !== f.dim)) return false;
    for (const f of found) {
      const open = this.#open.get(f.op) ?? { dim: f.dim, reads: [] };
      open.reads.push({ reader: link, path: f.path });
      this.#open.set(f.op, open);
    }
    for (const { reader, path } of readBy) {
      const read = { reader, source: link, path };
      readers.push(read);
      reader.reads.push(read);
    }
    for (const w of whole) this.#whole.add(w);
    this.links.push(link);
    this.#byOp.set(op, link);
    return true;
  }
}

/** The ops that read a result, through what is done as they load. */
export function readersOf(op: Operation): Operation[] {
  return op.results.flatMap((r) =>
    [...r.uses()].flatMap(({ owner }) => (isTransparent(owner) || reshapeSource(owner) ? readersOf(owner) : [owner])),
  );
}

/** A result that one op reads element by element, as they come: the two are one kernel, and it never lies in memory. */
export function joinsReader(op: Operation): boolean {
  if (structureOf(op)?.outputs.length !== 1 || !op.result().hasOneUse) return false;
  const [use] = op.result().uses();
  const s = structureOf(use!.owner);
  if (s?.outputs.length !== 1 || use!.owner.block !== op.block) return false;
  const read = s.operands[use!.index]!;
  return s.loops.every((l) => l.kind === "parallel") && isIdentityMap(read.map) && isIdentityMap(s.outputs[0]!.map);
}

/** What a value that is read as a whole is made of. */
function wholeSources(v: Value, found: Operation[]): void {
  const def = v.definingOp;
  if (!def || def.def.isConstant) return;
  found.push(def);
  if (isTransparent(def) || reshapeSource(def)) for (const u of def.uses) wholeSources(u.value, found);
}

/** Rows of each link that have been made when so many of the first one have. */
export function madeAfter(links: readonly Link[], firstRows: number): ReadonlyMap<Link, number> {
  const made = new Map<Link, number>();
  const first = links[links.length - 1]!;
  for (let i = links.length - 1; i >= 0; i--) {
    const link = links[i]!;
    // What else begins in the chain keeps pace with the first one.
    const inside = link.reads.filter(({ source }) => made.has(source));
    const rows =
      inside.length === 0
        ? Math.floor((link.rows * firstRows) / first.rows)
        : possibleRows(link.rows, inside, (source) => made.get(source)!);
    made.set(link, rows);
  }
  return made;
}

/** How many rows can be made of what is there. */
function possibleRows(rows: number, reads: readonly Read[], made: (source: Link) => number): number {
  const canMake = (to: number): boolean =>
    reads.every(({ source, path }) => along(path, { from: 0, to }).to <= made(source));
  let [low, high] = [0, rows];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (canMake(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The first row of each link that readers want who have made so much. */
export function keptFrom(links: readonly Link[], made: ReadonlyMap<Link, number>): ReadonlyMap<Link, number> {
  return new Map(
    links.map((link) => {
      const first = link.readers.map((r) => {
        const from = made.get(r.reader)!;
        return from >= r.reader.rows ? link.rows : along(r.path, { from, to: from + 1 }).from;
      });
      return [link, Math.min(link.rows, ...first)];
    }),
  );
}

const along = (path: readonly Step[], rows: Rows): Rows =>
  path.reduce<Rows>(
    (at, step) => ("reading" in step ? rowsRead(step.reading, at) : rowsInside(step.low, step.size, at)),
    rows,
  );

/** The most bytes that live during a step besides what is whole, if the first link has `before` rows and gets to `after`. */
function bytesInStep(links: readonly Link[], before: number, after: number): number {
  const had = madeAfter(links, before);
  const has = madeAfter(links, after);
  const kept = keptFrom(links, had);
  const left = keptFrom(links, has);
  // Links from the first one on; the last one is whole and not counted here.
  const order = [...links].reverse().slice(0, -1);
  const position = new Map([...links].reverse().map((l, i) => [l, i]));
  const live = new Array<number>(links.length).fill(0);
  for (const [i, link] of order.entries()) {
    const bytes = Math.max(0, has.get(link)! - kept.get(link)!) * link.rowBytes;
    const last = Math.max(...link.readers.map((r) => position.get(r.reader)!));
    const stays = left.get(link)! < has.get(link)! || kept.get(link)! < had.get(link)!;
    for (let at = stays ? 0 : i; at <= (stays ? links.length - 1 : last); at++) live[at]! += bytes;
  }
  return Math.max(0, ...live);
}

/** The most bytes of all steps; no less than `limit` if it is not below that. */
export function bytesInSteps(links: readonly Link[], rows: number, limit: number): number {
  const first = links[links.length - 1]!;
  let most = 0;
  for (let at = 0; at < first.rows && most < limit; at += rows)
    most = Math.max(most, bytesInStep(links, at, Math.min(first.rows, at + rows)));
  return most;
}
