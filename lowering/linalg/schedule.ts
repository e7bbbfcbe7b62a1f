/**
 * @file Chooses how each kernel runs on a machine, and writes it into the IR (schedule-attribute.ts). Nothing is
 * transformed here: what is chosen can be read, changed, and run again.
 */
import * as bufferization from "../../dialects/bufferization.ts";
import * as func from "../../dialects/func.ts";
import { widenedHalves } from "../../dialects/halves.ts";
import { isReducing, loopIndex, type Structure, stepsOf, structureOf } from "../../dialects/linalg/structure.ts";
import { constant, dim, isIdentityMap, substitute } from "../../ir/affine.ts";
import { attr } from "../../ir/attributes.ts";
import type { Operation } from "../../ir/core.ts";
import { stridedOf } from "../../ir/strided.ts";
import { f32, i8, i16, i32, isShaped, type MemRefType, type TensorType, type Type } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { compact, type Machine, machines, v8 } from "../../support/machine.ts";
import { packsBytes } from "./byte-words.ts";
import { interiorOf } from "./loops/borders.ts";
import { isKernel } from "./outline.ts";
import { panelFor } from "./panel.ts";
import { slidesOverPlanes } from "./planes.ts";
import { extentsOf, plainOrder, type RootSchedule, setSchedule } from "./schedule-attribute.ts";
import { takeGiven } from "./schedule-file.ts";
import { gathersRows } from "./schedule-gather.ts";
import { tileForThreads } from "./schedule-grid.ts";
import { readInputs, reductionLoops, runsAlong } from "./schedule-reduction.ts";
import { stripFor, stripOf } from "./schedule-strip.ts";
import { workgroupsFor } from "./schedule-workgroups.ts";
import { loopOfDim, mentions, stepAlong } from "./steps.ts";

export const schedule = definePass("linalg-schedule", {
  doc: "Chooses tiles, loop order and vectors of each kernel for a machine, and writes the choice as an attribute.",
  options: {
    machine: attr.oneOf(...machines.map((m) => m.name)).default(v8.name),
    /** Small code is preferred to quick code. */
    compact: attr.bool.default(false),
  },
  run(module, { machine: name, compact: small }, pass) {
    const known = machines.find((m) => m.name === name) ?? v8;
    const machine = small ? compact(known) : known;
    const kernels = new Map<string, { readonly fn: Operation; readonly shape: readonly number[] }>();
    for (const fn of module.region().entry) {
      if (isKernel(fn)) kernels.set(func.func.of(fn).sym_name, { fn, shape: scheduleKernel(fn, machine) });
    }
    takeGiven(module, machine.name, kernels, pass.diagnostics);
  },
});

interface Reduction {
  readonly op: Operation;
  readonly structure: Structure;
}

/** Schedules a kernel; answers the shape of the results that the schedule is about. */
export function scheduleKernel(fn: Operation, machine: Machine): readonly number[] {
  const block = fn.region().entry;
  const results: TensorType[] = [];
  const writes: MemRefType[] = [];
  const reductions: Reduction[] = [];
  const structures: Structure[] = [];
  let vectorizable = true;
  let work = 0;
  for (const op of block) {
    const write = bufferization.materialize_in_destination.match(op);
    if (write) results.push(write.source.type as TensorType);
    if (write) writes.push(write.dest.type as MemRefType);
    const structure = structureOf(op);
    if (structure && isReducing(structure)) reductions.push({ op, structure });
    if (structure) structures.push(structure);
    if (structure && !hasLanes(structure, machine)) vectorizable = false;
    if (structure) for (const inner of structure.body) work += inner.def.isConstant ? 0 : 1;
  }
  const shape = results.reduce<readonly number[]>((best, t) => (t.shape.length >= best.length ? t.shape : best), []);
  // Vectors are no wider than the panels of weights that they are read from.
  const columns = shape[shape.length - 1] ?? 1;
  const lanes = vectorizable ? Math.min(machine.lanes, panelFor(columns, Math.max(8, machine.lanes))) : 1;
  const across = reductions.filter((r) => isAcrossTiles(r.structure, shape));
  // What is summed last is made of what was summed before.
  const last = machine.grid ? across[across.length - 1] : across[0];
  const alone = !machine.grid && last !== undefined && columns < lanes && runsAlong(last.structure, lanes);
  const heavy = alone ? undefined : last;
  const together =
    machine.grid &&
    workgroupsFor(
      reductions.map((r) => r.structure),
      heavy ? reductions.indexOf(heavy) : -1,
      shape,
      lanes,
      machine.grid,
    );
  if (together?.sums) {
    setSchedule(fn, together.root);
    together.sums.forEach((s, i) => {
      setSchedule(reductions[i]!.op, s);
    });
    return shape;
  }
  const root = machine.grid
    ? (together?.root ?? tileForThreads(shape, lanes, heavy !== undefined, machine, machine.grid))
    : heavy
      ? tileReduction(
          heavy.structure,
          shape,
          lanes,
          machine,
          joinedRows(
            structures,
            results,
            writes,
            shape,
            machine,
            gathersRows(heavy.structure, machine) ? heavy.op : undefined,
          ),
        )
      : (tileAlongInput(structures, shape, machine, vectorizable, work) ??
        turnBlocks(tileElementwise(shape, lanes, work), structures, shape, machine));
  setSchedule(fn, root);
  for (const r of reductions) setSchedule(r.op, reductionLoops(r.structure, r === heavy, lanes, root, machine));
  return shape;
}

const wordTypes: ReadonlySet<Type> = new Set([f32, i32]);
const narrowTypes: ReadonlySet<Type> = new Set([f32, i32, i16, i8]);

/** What is in memory has vectors on the machine, and the body is arithmetic that vectors have. */
function hasLanes(s: Structure, machine: Machine): boolean {
  const types = machine.narrow ? narrowTypes : wordTypes;
  if (machine.words && packsBytes(s)) return true;
  if (machine.halves && widenedHalves(s.op)) return true;
  if (s.operands.some((o) => !types.has(o.element))) return false;
  for (const op of s.body) {
    for (const r of op.results) {
      if (isShaped(r.type)) return false;
      if (!types.has(r.type) && !(r.type.kind === "integer" && r.type.width === 1)) return false;
    }
  }
  return true;
}

/** Its results are as many as the kernel's: it is tiled with them (and not a sum over each row). */
const isAcrossTiles = (s: Structure, shape: readonly number[]): boolean => {
  const out = s.outputs[0]!;
  return out.shape.length === shape.length && out.shape.every((d, i) => d === shape[i]);
};

/** Scalar ops beyond which one vector at a time is enough: there is work to overlap within it. */
const longBody = 48;

function tileElementwise(shape: readonly number[], lanes: number, work = 0): RootSchedule {
  const rank = shape.length;
  const last = rank - 1;
  const wide = rank > 0 && lanes > 1 && shape[last]! >= lanes;
  const tile = new Array<number>(rank).fill(1);
  if (wide) tile[last] = Math.min((work > longBody ? 1 : 4) * lanes, Math.floor(shape[last]! / lanes) * lanes);
  return {
    order: plainOrder(rank),
    tile,
    block: new Array<number>(rank).fill(0),
    vector: wide ? last : -1,
    lanes: wide ? lanes : 1,
  };
}

/** Scalar ops of a body from which on vectors are worth it, though their lanes are stored one by one. */
const worthVectors = 6;

/** Where rows of the results are too short for vectors: along another dimension, if what is read lies along it. */
function tileAlongInput(
  structures: readonly Structure[],
  shape: readonly number[],
  machine: Machine,
  vectorizable: boolean,
  work: number,
): RootSchedule | undefined {
  const { lanes } = machine;
  const last = shape.length - 1;
  if (!vectorizable || lanes < 4 || last < 1 || shape[last]! >= lanes || work < worthVectors) return undefined;
  for (const s of structures) {
    const out = s.outputs[0];
    if (!out || out.shape.length !== shape.length || !isIdentityMap(out.map)) continue;
    for (const [i, { map, shape: own }] of s.inputs.entries()) {
      const at = own.length < 2 ? undefined : map.results[own.length - 1];
      if (at?.kind !== "dim" || at.index >= last || stepAlong(s, i, at.index) !== 1) continue;
      const along = at.index;
      if (shape[along]! < lanes) continue;
      const tile = shape.map((_, d) => (d === along ? lanes : 1));
      const order = [...plainOrder(shape.length).filter((d) => d !== along), along];
      return { order, tile, block: shape.map(() => 0), vector: along, lanes };
    }
  }
  return undefined;
}

/** Rows of a tile of windows over planes: with the weights of a window they fill the registers. */
const planeRows = 4;

/** Results of fewer elements are turned as they come; of more, in an order that uses up what is loaded. */
const manyElements = 1 << 14;

/**
 * Where something is read across its rows, whose rows lie along another dimension: square blocks are turned in registers.
 * Lines of both sides are as long as a line of the cache, and the loops go along the rows of what is read.
 */
function turnBlocks(
  base: RootSchedule,
  structures: readonly Structure[],
  shape: readonly number[],
  machine: Machine,
): RootSchedule {
  const { vector, lanes } = base;
  if (!machine.turns || vector < 0 || lanes < machine.lanes) return base;
  const along = structures.map((s) => turnedLoop(s, shape, vector)).find((d) => d !== undefined);
  if (along === undefined || shape[along]! < lanes) return base;
  const tile = [...base.tile];
  tile[along] = lanes;
  const large = shape.reduce((n, d) => n * d, 1) > manyElements;
  const order = large ? [...base.order.filter((d) => d !== along), along] : base.order;
  return { ...base, order, tile, turn: along };
}

/** The loop that an input is contiguous along, if it is not the one of the results' vectors and the input moves along both. */
function turnedLoop(s: Structure, shape: readonly number[], vector: number): number | undefined {
  const out = s.outputs[0];
  if (!out || out.shape.length !== shape.length || !isIdentityMap(out.map)) return undefined;
  for (const [i, { map, shape: own }] of s.inputs.entries()) {
    if (own.length < 2 || (stepAlong(s, i, vector) ?? 0) <= 1) continue;
    const last = map.results[own.length - 1]!;
    if (last.kind === "dim" && last.index !== vector && stepAlong(s, i, last.index) === 1) return last.index;
  }
  return undefined;
}

/**
 * The two dimensions in front of the last, if rows of them follow each other in all that is read and written, and nothing tells
 * them apart: an image of 5 columns, of which each point is computed by itself, is one long row. Results may be written with room
 * between their rows, if the machine is not to know where: each place is computed then.
 */
function joinedRows(
  structures: readonly Structure[],
  results: readonly TensorType[],
  writes: readonly MemRefType[],
  shape: readonly number[],
  machine: Machine,
  gathered: Operation | undefined,
): Joined | undefined {
  const rank = shape.length;
  const [h, w] = [rank - 3, rank - 2];
  if (machine.grid || h < 0 || shape[h] === 1 || shape[w] === 1) return undefined;
  const isRow = (strides: readonly number[] | undefined): boolean => strides?.[h] === strides![w]! * shape[w]!;
  const same = results.every((t) => t.shape.length === rank && t.shape.every((n, d) => n === shape[d]));
  const isEven = writes.every((t) => isRow(stridedOf(t)?.strides));
  if (!same || (machine.rowByRow && !isEven)) return undefined;
  for (const s of structures) {
    const out = s.outputs[0]!;
    const isPlain = out.shape.length === rank && out.shape.every((n, d) => n === shape[d] && loopOfDim(s, d) === d);
    if (!isPlain || [...s.body].some((op) => loopIndex.of(op))) return undefined;
    // Windows of one point do not move what they read.
    const turns = s.loops.map((l, i) => (l.extent === 1 ? constant(0) : dim(i)));
    for (const o of s.operands) {
      // Where rows are gathered, each is found by itself.
      if (s.op === gathered && o.index === 0) continue;
      const places = o.map.results.map((e) => substitute(e, turns));
      const at = places.findIndex((e) => mentions(e, h) || mentions(e, w));
      if (at < 0) continue;
      const [a, b] = [places[at]!, places[at + 1]];
      const named = a.kind === "dim" && a.index === h && b?.kind === "dim" && b.index === w;
      const rest = places.slice(at + 2).some((e) => mentions(e, h) || mentions(e, w));
      if (!named || rest || o.shape[at + 1] !== shape[w]) return undefined;
      if (stepAlong(s, o.index, h) !== stepAlong(s, o.index, w)! * shape[w]!) return undefined;
    }
  }
  return { dims: [h, w], isEven };
}

interface Joined {
  readonly dims: readonly number[];
  /** What is written lies as the rows do. */
  readonly isEven: boolean;
}

/** Steps of a reduction that pass while the place of a result is taken apart into row and column. */
const stepsOfPlace = 6;

function tileReduction(
  s: Structure,
  shape: readonly number[],
  lanes: number,
  machine: Machine,
  joinable?: Joined,
): RootSchedule {
  const rank = shape.length;
  const last = rank - 1;
  const base = tileElementwise(shape, lanes);
  // Machines without vectors tile their registers too.
  if (base.vector < 0 && (machine.lanes > 1 || rank === 0)) return base;
  const slides = machine.turns ? slidesOverPlanes(s) : undefined;
  if (slides) return tilePlanes(base, s, slides[last]!.step, machine);
  const along = loopOfDim(s, last);
  const inputs = readInputs(s).map((i) => stepAlong(s, i, along));
  // Something is the same for all columns: a product of matrices, whose rows share what the columns load.
  const shared = inputs.some((step) => step === 0);
  const columns = shape[last]!;
  // The rows of the tile: the innermost other dimension that has any extent.
  let row = last - 1;
  while (row > 0 && shape[row] === 1) row--;
  // Where windows reach over an edge, results are computed one by one.
  const inside = row >= 0 && !gathersRows(s, machine) ? interiorOf(s)[row] : undefined;
  const tiles = tilesFor(s, machine);
  // Tiles for gathered rows are nearly as good as each other: what leaves nothing over has half of the code.
  const even = machine.even || gathersRows(s, machine);
  const together = joinable && extentsOf({ joined: joinable.dims }, shape);
  const apart = together && {
    time: (together[row]! / shape[row]!) * chooseTile(shape[row]!, columns, lanes, tiles, even).time,
    joined: chooseTile(together[row]!, columns, lanes, tiles, even).time,
  };
  const pays = apart && apart.joined * (joinable.isEven ? 1 : 1 + stepsOfPlace / stepsOf(s)) <= apart.time;
  const joined = machine.rowByRow || (shared && pays) ? joinable?.dims : undefined;
  const extents = (joined && together) ?? shape;
  const rows = row < 0 ? 1 : inside ? inside.to - inside.from : extents[row]!;
  const tile = new Array<number>(rank).fill(1);
  const block = new Array<number>(rank).fill(0);
  if (shared) {
    const best = chooseTile(rows, columns, lanes, tiles, even);
    tile[last] = best.columns;
    if (row >= 0) tile[row] = best.rows;
    // Panels of columns outside of the rows, a block of rows outside of the panels.
    const order = plainOrder(rank);
    const others = order.filter((d) => d !== last);
    let outer = row - 1;
    while (outer > 0 && shape[outer] === 1) outer--;
    if (machine.rowByRow) return { order, tile, block, vector: base.vector, lanes, ...(joined && { joined }) };
    const isSplit = !joined && outer >= 0 && shape[outer]! > 1 && !isBatch(s, loopOfDim(s, outer));
    const parallel = isSplit ? outer : row;
    if (row >= 0) blockRows(s, extents, { row, outer: parallel, tile: best }, machine, block);
    return {
      order: [...others.filter((d) => d < parallel), last, ...others.filter((d) => d >= parallel)],
      tile,
      block,
      vector: base.vector,
      lanes,
      ...(joined && { joined }),
    };
  }
  // Channel by channel (depthwise, pooling): a strip of outputs shares its inputs.
  const overlaps = row >= 0 && isReducing(s) && rows > 1;
  if (overlaps) tile[row] = stripOf(rows, stripFor(s, loopOfDim(s, row), machine), inside !== undefined);
  const narrow = Math.min(lanes * machine.together, Math.floor(columns / lanes) * lanes);
  tile[last] = overlaps ? narrow : Math.min(4 * lanes, Math.floor(columns / lanes) * lanes);
  // Steps that ask whether they are inside do so for several columns.
  const edge = tile.map((t, d) => (d === last ? Math.max(t, Math.min(4 * lanes, columns)) : d === row ? 1 : t));
  return { order: plainOrder(rank), tile, block, vector: base.vector, lanes, ...(inside && { edge }) };
}

/** Windows over planes: a few rows, which share what they load; and one or two vectors. */
function tilePlanes(base: RootSchedule, s: Structure, step: number, machine: Machine): RootSchedule {
  const { shape } = s.outputs[0]!;
  const tile = new Array<number>(shape.length).fill(1);
  const [row, last] = [shape.length - 2, shape.length - 1];
  tile[row] = Math.min(planeRows, shape[row]!);
  tile[last] = Math.min(base.lanes * machine.together, Math.floor(shape[last]! / base.lanes) * base.lanes);
  return { ...base, tile, ...(step === 2 && { gaps: 2 }) };
}

/** All inputs move along the loop: nothing is shared between its turns. */
const isBatch = (s: Structure, loop: number): boolean =>
  loop >= 0 && s.inputs.every((o) => o.map.results.some((e) => mentions(e, loop)));

/**
 * Rows whose inputs and results stay in the second cache level while all panels of columns pass by. Blocks are even, so
 * that the last one is not much shorter than the others.
 */
function blockRows(
  s: Structure,
  shape: readonly number[],
  at: { readonly row: number; readonly outer: number; readonly tile: { readonly rows: number } },
  machine: Machine,
  block: number[],
): void {
  const rows = shape[at.row]!;
  const columns = shape[shape.length - 1]!;
  const depth = stepsOf(s);
  // Windows overlap: an input element is read for several rows, but lies in memory once.
  const shares = s.inputs.reduce((n, o) => Math.max(n, stepAlong(s, o.index, loopOfDim(s, at.row)) ?? 0), 0);
  const input = 4 * (shares > 0 ? Math.min(shares, depth) : depth);
  const total = at.outer === at.row ? rows : rows * shape[at.outer]!;
  // Where all rows stay, the panels, which are read from further away, pass by only once.
  if (total * input <= machine.l2 * 0.8) return;
  const fit = Math.max(48, Math.floor(machine.l2 / 3 / (input + 4 * columns)));
  if (total <= fit * 1.25) return;
  const count = Math.ceil(total / fit);
  if (at.outer === at.row) block[at.row] = Math.ceil(Math.ceil(rows / count) / at.tile.rows) * at.tile.rows;
  else block[at.outer] = Math.max(1, Math.ceil(shape[at.outer]! / count));
}

/** Sums of integers are held in other registers than those of floats, where there are no vectors. */
const tilesFor = (s: Structure, machine: Machine): Machine["tiles"] =>
  (s.outputs[0]!.element.kind === "float"
    ? undefined
    : gathersRows(s, machine)
      ? machine.gathers
      : machine.integerTiles) ?? machine.tiles;

/** The register tile with the least predicted time: full tiles at their speed, what is left over at a smaller one's. */
function chooseTile(
  rows: number,
  columns: number,
  lanes: number,
  tiles: Machine["tiles"],
  even = false,
): { readonly rows: number; readonly columns: number; readonly time: number } {
  // Tiles of one vector are for results of one vector, and of one number for those of one number, but for columns of many rows.
  const all = tiles.filter(
    (t) =>
      t.rows <= rows &&
      t.columns <= Math.max(lanes, columns) &&
      (t.columns > lanes || columns < 2 * lanes || (lanes === 1 && t.rows > 1)),
  );
  const whole = even ? all.filter((t) => rows % t.rows === 0 && columns % t.columns === 0) : [];
  const fits = whole.length > 0 ? whole : all;
  // A tile of fewer rows has fewer accumulators, and waits for them.
  const speedOf = (r: number, c: number): number =>
    (tiles.find((t) => t.rows === r && t.columns === c) ?? tiles.find((t) => t.rows === r) ?? tiles[tiles.length - 1]!)
      .gflops;
  let best = {
    rows: 1,
    columns: Math.min(8, Math.floor(columns / lanes) * lanes),
    time: Number.POSITIVE_INFINITY,
  };
  for (const t of fits) {
    const whole = Math.floor(rows / t.rows);
    const rest = rows - whole * t.rows;
    const left = columns % t.columns;
    const time =
      ((whole * t.rows) / t.gflops + (rest > 0 ? rest / speedOf(rest, t.columns) : 0)) * (columns - left + left * 1.5);
    if (time < best.time) best = { rows: t.rows, columns: t.columns, time };
  }
  return best;
}
