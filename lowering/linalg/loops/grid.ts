/**
 * @file Tiles of results by threads instead of loops: tile number t belongs to thread t. Where the last workgroup is not
 * full, its threads beyond the last tile do nothing.
 */
import * as affine from "../../../dialects/affine/index.ts";
import * as arith from "../../../dialects/arith/ops.ts";
import * as gpu from "../../../dialects/gpu.ts";
import * as scf from "../../../dialects/scf/ops.ts";
import { type AffineExpr, add, affineMap, constant, dim, floordiv, mod, mul } from "../../../ir/affine.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Block, Value } from "../../../ir/core.ts";
import { invariant } from "../../../support/diagnostic.ts";
import type { RootSchedule } from "../schedule-attribute.ts";
import { Nest } from "./nest.ts";
import { type At, lane } from "./ranges.ts";

/** Some elements along one dimension of the results: first element, and how many; the lanes are inside. */
export interface Piece {
  readonly at: AffineExpr;
  readonly count: number;
}

/** Workgroups along one axis at most. */
const mostGroups = 65535;

/** Writes a launch with a thread for each tile; `body` writes what one thread does with its tile. */
export function onGrid(
  b: Builder,
  shape: readonly number[],
  { tile, order }: RootSchedule,
  workgroup: number,
  body: (nest: Nest, pieces: readonly Piece[]) => void,
): void {
  const counts = shape.map((n, d) => n / tile[d]!);
  invariant(counts.every(Number.isInteger), "tiles of threads divide the results", b.loc);
  const total = counts.reduce((n, c) => n * c, 1);
  const groups = Math.ceil(total / workgroup);
  const rows = Math.ceil(groups / mostGroups);
  const columns = Math.ceil(groups / rows);
  const index = (n: number): Value => arith.constantIndex(b, n);
  const one = index(1);
  gpu.launchThreads(b, [index(columns), index(rows), one], [index(workgroup), one, one], (inner, ids) => {
    const { block } = inner;
    invariant(block, "the body of a launch has a block");
    const [bx, by, , tx] = ids as readonly [Value, Value, Value, Value];
    // (by * columns + bx) * workgroup + tx
    const used = [...(rows > 1 ? [by] : []), ...(columns > 1 ? [bx] : []), tx];
    const group = used.slice(0, -1).reduce((e, _, i) => add(mul(e, constant(columns)), dim(i)), constant(0));
    const number = add(mul(group, constant(workgroup)), dim(used.length - 1));
    const id = affine.apply(inner, used, { map: affineMap(used.length, 0, [number]) });
    const inside = (at: Block): void => {
      const nest = new Nest(inner.setToEnd(at), at);
      body(nest, piecesOf(nest, id, counts, { tile, order }));
    };
    if (rows * columns * workgroup === total) inside(block);
    else {
      const inRange = arith.cmpi(inner, id, arith.constantIndex(inner, total), { predicate: "ult" });
      scf.if(inner, inRange, {
        types: [],
        thenRegion: (then) => {
          invariant(then.block, "a branch has a block");
          const saved = inner.block;
          inside(then.block);
          inner.setToEnd(saved!);
          return [];
        },
      });
    }
  });
}

/** Which tile the thread has: its number taken apart, the last dimension of the order fastest. */
export function piecesOf(
  nest: Nest,
  id: Value,
  counts: readonly number[],
  { tile, order }: Pick<RootSchedule, "tile" | "order">,
): Piece[] {
  const pieces: Piece[] = counts.map((_, d) => ({ at: constant(0), count: tile[d]! }));
  let rest: AffineExpr = dim(0);
  let left = counts.reduce((n, c) => n * c, 1);
  for (const d of [...order].reverse()) {
    const count = counts[d]!;
    if (count === 1) continue;
    left /= count;
    const coordinate = left === 1 ? rest : mod(rest, constant(count));
    rest = floordiv(rest, constant(count));
    const value = coordinate === dim(0) ? id : affine.apply(nest.b, [id], { map: affineMap(1, 0, [coordinate]) });
    pieces[d] = { at: mul(nest.given(value, count), constant(tile[d]!)), count: tile[d]! };
  }
  return pieces;
}

/** The elements of a piece: of the dimension that vectors lie along, if there is one, vectors of so many lanes. */
export function pointsIn(pieces: readonly Piece[], vector: number, lanes: number): At[] {
  let points: At[] = [[]];
  pieces.forEach((p, d) => {
    const along = d === vector;
    const offsets: AffineExpr[] = [];
    for (let o = 0; o < p.count; o += along ? lanes : 1) {
      const e = add(p.at, constant(o));
      offsets.push(along ? add(e, lane) : e);
    }
    points = points.flatMap((point) => offsets.map((o) => [...point, o]));
  });
  return points;
}
