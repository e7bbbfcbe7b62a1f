/**
 * @file The gpu dialect, as far as kernels need it: a launch of workgroups of threads, memory that a workgroup shares,
 * and the barrier at which its threads meet. A kernel is a function that launches; each launch is one dispatch.
 */

import type { Builder } from "../ir/builder.ts";
import { Any, Index } from "../ir/constraints.ts";
import type { Region, Value } from "../ir/core.ts";
import { defineDialect, defineOp, type OpInfo } from "../ir/define.ts";
import { reads, writes } from "../ir/effects.ts";
import { many, one, optional } from "../ir/fields.ts";
import { AutomaticAllocationScope, Barrier, hasParent, Pure, RecursiveEffects, Terminator } from "../ir/traits.ts";
import { i64, index, integerAttribute, type MemRefType, stringAttribute } from "../ir/types.ts";
import { invariant } from "../support/diagnostic.ts";
import { allocateMemref } from "./memref/memory.ts";
import { implied } from "./scf/yield.ts";
import { lane_id, subgroup_reduce, subgroup_size } from "./subgroups.ts";

export { lane_id, setSubgroupSize, subgroup_reduce, subgroup_size } from "./subgroups.ts";

/** The memory space of what a workgroup shares. */
export const workgroupSpace = stringAttribute("workgroup");

/** Arguments of the region in front of the shared buffers: ids of the workgroup and the thread, and both counts. */
const idCount = 12;
const axes = ["x", "y", "z"] as const;
/** The attribute beside the properties in which MLIR notes how many shared buffers there are. */
const attributions = "workgroup_attributions";

export const terminator = defineOp("gpu.terminator", {
  doc: "Ends the region of a launch.",
  traits: [Pure, Terminator, hasParent("gpu.launch")],
  assembly: "attr-dict",
});

export const launch = defineOp("gpu.launch", {
  doc:
    "Runs its region once for each thread of each workgroup, in no order. The region's arguments are the three numbers " +
    "of the workgroup, those of the thread in it, how many workgroups there are, how many threads each has (all for x, " +
    "y, z), and then buffers that the threads of a workgroup share, whose content is undefined at the start.",
  operands: [
    many("asyncDependencies", Any),
    one("gridSizeX", Index),
    one("gridSizeY", Index),
    one("gridSizeZ", Index),
    one("blockSizeX", Index),
    one("blockSizeY", Index),
    one("blockSizeZ", Index),
    optional("clusterSizeX", Index),
    optional("clusterSizeY", Index),
    optional("clusterSizeZ", Index),
    optional("dynamicSharedMemorySize", Index),
  ],
  regions: ["body"],
  traits: [RecursiveEffects, AutomaticAllocationScope],
  inferLoosely: true,
  infer: () => [],
  terminator: (): OpInfo => terminator,
  parse(p, at) {
    const ids = (word: string) => {
      p.keyword(word);
      const args = p.list("()", () => p.argument(false));
      p.keyword("in");
      const sizes = p.list("()", () => {
        const argument = p.argument(false);
        p.punct("=");
        return { argument, size: p.operand() };
      });
      return { args, sizes };
    };
    const blocks = ids("blocks");
    const threads = ids("threads");
    const shared = p.optionalKeyword("workgroup") ? p.arguments("()", true) : [];
    const counters = [blocks.args, threads.args, ...[blocks, threads].map((g) => g.sizes.map((s) => s.argument))];
    const args = [...counters.flat().map((a) => ({ ...a, type: index })), ...shared];
    const operands = p.resolveAll(
      [...blocks.sizes, ...threads.sizes].map((s) => s.size),
      index,
    );
    const region = p.region(args);
    const attributes = p.attrDict();
    p.ensureTerminator(region, implied(terminator, at));
    attributes.set(attributions, integerAttribute(shared.length, i64));
    return { operands, operandSegments: [0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0], regions: [region], attributes };
  },
  print({ op, body }, p) {
    const { args } = body.entry;
    const shared = args.length - idCount;
    const list = (word: string, first: number, sizes: number, operand: number): void => {
      p.write(` ${word}(`);
      p.operands(args.slice(first, first + 3));
      p.write(") in (");
      axes.forEach((_, i) => {
        p.operand(args[sizes + i]!);
        p.write(" = ");
        p.operand(op.operand(operand + i));
        if (i < 2) p.write(", ");
      });
      p.write(")");
    };
    list("blocks", 0, 6, 0);
    list("threads", 3, 9, 3);
    if (shared > 0) {
      p.write(" workgroup(");
      args.slice(idCount).forEach((a, i) => {
        if (i > 0) p.write(", ");
        p.argument(a);
      });
      p.write(")");
    }
    p.write(" ");
    p.region(body, { entryArgs: false });
    p.attrDict(op, [attributions]);
  },
  isPretty: (launch) =>
    launch.asyncDependencies.length === 0 && !launch.clusterSizeX && !launch.dynamicSharedMemorySize,
  argNames: () => ["bx", "by", "bz", "tx", "ty", "tz"],
  verify({ body }, fail) {
    const args = body.blocks[0]?.args ?? [];
    if (args.length < idCount) fail(`the region takes ${idCount} ids and counts`, { code: "verify/region" });
    args.forEach((a, i) => {
      const wanted = i < idCount ? a.type === index : a.type.kind === "memref";
      if (!wanted)
        fail(`argument ${i} of the region is an ${i < idCount ? "index" : "memref"}`, { code: "verify/region" });
    });
  },
  evaluate({ gridSizeX, gridSizeY, gridSizeZ, blockSizeX, blockSizeY, blockSizeZ, body }, run) {
    const grid = [gridSizeX, gridSizeY, gridSizeZ];
    const block = [blockSizeX, blockSizeY, blockSizeZ];
    const buffers = body.entry.args.slice(idCount).map((a) => a.type as MemRefType);
    for (const b of box(grid)) {
      const shared = buffers.map((t) => allocateMemref(t, t.shape, [], run));
      run.lockstep(
        body,
        box(block).map((t) => [...b, ...t, ...grid, ...block, ...shared]),
      );
    }
    return [];
  },
});

/** All points of a box, x fastest. */
function box([x = 1, y = 1, z = 1]: readonly number[]): number[][] {
  const points: number[][] = [];
  for (let k = 0; k < z; k++) for (let j = 0; j < y; j++) for (let i = 0; i < x; i++) points.push([i, j, k]);
  return points;
}

/**
 * A launch: three counts of workgroups and of threads, and types of the buffers that a workgroup shares; the body gets the
 * twelve ids and counts, then the buffers.
 */
export function launchThreads(
  b: Builder,
  [gx, gy, gz]: readonly [Value, Value, Value],
  [tx, ty, tz]: readonly [Value, Value, Value],
  fill: (inner: Builder, ids: readonly Value[], shared: readonly Value[]) => void,
  shared: readonly MemRefType[] = [],
): void {
  launch(b, [], gx, gy, gz, tx, ty, tz, undefined, undefined, undefined, undefined, {
    extra: new Map([[attributions, integerAttribute(shared.length, i64)]]),
    body: (inner) => {
      const { block } = inner;
      invariant(block, "the body of a launch has a block");
      fill(
        inner,
        Array.from({ length: idCount }, () => block.addArgument(index)),
        shared.map((t) => block.addArgument(t)),
      );
      return [];
    },
  });
}

export const barrier = defineOp("gpu.barrier", {
  doc: "All threads of the workgroup get here before one goes on; what they wrote is seen by all.",
  traits: [Barrier],
  effects: () => [reads(), writes()],
  assembly: "attr-dict",
  evaluate: () => [],
});

/** The parts of a launch's region by name. */
export function idsOf(body: Region): {
  readonly blocks: readonly Value[];
  readonly threads: readonly Value[];
  readonly grid: readonly Value[];
  readonly sizes: readonly Value[];
  readonly shared: readonly Value[];
} {
  const { args } = body.entry;
  return {
    blocks: args.slice(0, 3),
    threads: args.slice(3, 6),
    grid: args.slice(6, 9),
    sizes: args.slice(9, idCount),
    shared: args.slice(idCount),
  };
}

export const dialect = defineDialect("gpu", {
  doc: "Launches of workgroups of threads, the memory that a workgroup shares, barriers, and subgroups.",
  ops: [launch, terminator, barrier, subgroup_reduce, lane_id, subgroup_size],
  partial: true,
});
