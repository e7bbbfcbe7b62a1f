/**
 * @file Simplification of regions: unreachable blocks go, a block whose only predecessor only leads to it is merged into
 * it, block arguments that nobody uses or that are always the same value go.
 */
import type { Block, Operation, Region, Value } from "../ir/core.ts";
import { branchLike } from "../ir/interfaces.ts";
import type { Rewriter } from "./rewriter.ts";

/** Simplifies all regions inside an operation. Answers whether anything changed. */
export function simplifyRegions(root: Operation, rw: Rewriter): boolean {
  let changed = false;
  const visit = (op: Operation): void => {
    for (const region of op.regions) {
      for (const block of region.blocks) for (let o = block.first; o; o = o.next) if (o.regions.length > 0) visit(o);
      if (region.blocks.length > 1) changed = simplifyRegion(region, rw) || changed;
    }
  };
  visit(root);
  return changed;
}

function simplifyRegion(region: Region, rw: Rewriter): boolean {
  let changed = removeUnreachable(region, rw);
  changed = mergeChains(region, rw) || changed;
  changed = removeArguments(region, rw) || changed;
  return changed;
}

function removeUnreachable(region: Region, rw: Rewriter): boolean {
  const seen = new Set<Block>([region.entry]);
  const stack = [region.entry];
  for (let b = stack.pop(); b; b = stack.pop()) {
    for (const s of b.last?.successors ?? []) {
      if (seen.has(s)) continue;
      seen.add(s);
      stack.push(s);
    }
  }
  const dead = region.blocks.filter((b) => !seen.has(b));
  if (dead.length === 0) return false;
  // Dead blocks may use each other's values in any order: cut all of that first.
  for (const b of dead) for (let o = b.first; o; o = o.next) o.dropReferences();
  for (const b of dead) rw.eraseBlock(b);
  return true;
}

/** The edges that lead to each block, as terminator and successor number. */
type Edges = Map<Block, { readonly from: Operation; readonly successor: number }[]>;

function edgesOf(region: Region): Edges {
  const edges: Edges = new Map(region.blocks.map((b) => [b, []]));
  for (const b of region.blocks) {
    b.last?.successors.forEach((s, successor) => {
      edges.get(s)?.push({ from: b.last!, successor });
    });
  }
  return edges;
}

function mergeChains(region: Region, rw: Rewriter): boolean {
  const edges = edgesOf(region);
  let changed = false;
  for (const block of region.blocks.slice()) {
    if (block === region.entry) continue;
    const incoming = edges.get(block)!;
    const [edge] = incoming;
    if (incoming.length !== 1 || edge!.from.successors.length !== 1) continue;
    const { from } = edge!;
    const before = from.block;
    const branch = branchLike.of(from);
    if (!branch || !before || before === block || from.results.length > 0) continue;
    const values = branch.operandsFor(from, 0);
    if (values.length !== block.args.length || from.uses.length !== values.length) continue;
    if (values.some((v) => v.block === block)) continue;
    rw.inlineBlock(block, from, values);
    rw.erase(from);
    changed = true;
  }
  return changed;
}

/** Arguments that are unused, or the same value on every edge. */
function removeArguments(region: Region, rw: Rewriter): boolean {
  const edges = edgesOf(region);
  let changed = false;
  for (const block of region.blocks) {
    if (block === region.entry || block.args.length === 0) continue;
    const incoming = edges.get(block)!;
    if (incoming.length === 0 || !incoming.every((e) => branchLike.of(e.from))) continue;
    for (let i = block.args.length - 1; i >= 0; i--) {
      const arg = block.args[i]!;
      const given = incoming.map((e) => branchLike.of(e.from)!.operandsFor(e.from, e.successor)[i]);
      if (given.some((g) => g === undefined)) break;
      const same = sameValue(arg, given as Value[]);
      if (arg.hasUses) {
        if (!same || !reaches(same, block)) continue;
        rw.replaceUses(arg, same);
      }
      if (!dropOperands(block, i, incoming, rw)) continue;
      block.eraseArgument(i);
      changed = true;
    }
  }
  return changed;
}

/** The one value that is handed over on every edge, apart from the argument itself. */
function sameValue(arg: Value, given: readonly Value[]): Value | undefined {
  let found: Value | undefined;
  for (const v of given) {
    if (v === arg) continue;
    if (found !== undefined && v !== found) return undefined;
    found = v;
  }
  return found;
}

/** The value is visible in the block without asking for dominators: it comes from outside of the region, or its entry. */
function reaches(v: Value, block: Block): boolean {
  const home = v.block;
  return home !== null && (home.parent !== block.parent || home === block.parent?.entry);
}

/** Removes operand `i` of what each edge hands over. */
function dropOperands(
  block: Block,
  i: number,
  incoming: readonly { readonly from: Operation; readonly successor: number }[],
  rw: Rewriter,
): boolean {
  const positions: { readonly from: Operation; readonly at: number; readonly field: number }[] = [];
  for (const { from, successor } of incoming) {
    const at = forwardedAt(from, successor, i, block);
    if (!at) return false;
    positions.push({ from, ...at });
  }
  // Two edges of one terminator: the later operand first, so that positions stay true.
  positions.sort((a, b) => b.at - a.at);
  for (const { from, at, field } of positions) {
    const segments = from.operandSegments?.slice() ?? null;
    if (segments) segments[field]!--;
    rw.setOperands(
      from,
      from.operands.filter((_, n) => n !== at),
      segments,
    );
  }
  return true;
}

/** Where the `i`th value that a terminator hands to a successor stands among its operands. */
function forwardedAt(
  from: Operation,
  successor: number,
  i: number,
  block: Block,
): { readonly at: number; readonly field: number } | undefined {
  const { def } = from;
  const fieldName = def.spec.successorOperands?.[def.spec.successors?.[successor] ?? ""];
  const field = def.operandFields.findIndex((f) => f.name === fieldName);
  if (field < 0) return undefined;
  const segments = from.operandSegments;
  let start = 0;
  for (let f = 0; f < field; f++) start += segments ? segments[f]! : 1;
  const count = segments ? segments[field]! : from.uses.length - start;
  return count === block.args.length ? { at: start + i, field } : undefined;
}
