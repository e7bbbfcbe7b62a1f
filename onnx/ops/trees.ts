/**
 * @file Ensembles of decision trees (ai.onnx.ml): all trees are walked side by side, one level a step, by gathers from
 * tables of nodes; a leaf leads to itself.
 */
import { is_nan, sigmoid } from "../../dialects/graph/activations.ts";
import {
  add,
  and,
  div,
  equal,
  greater,
  greater_equal,
  less,
  less_equal,
  not,
  or,
  select,
} from "../../dialects/graph/elementwise.ts";
import { gather, gather_elements } from "../../dialects/graph/gather.ts";
import { softmax } from "../../dialects/graph/normalize.ts";
import { arg_extreme, reduce_sum } from "../../dialects/graph/reduce.ts";
import { expand } from "../../dialects/graph/shape.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { elementOf, f32, i1, i64, type Type } from "../../ir/types.ts";
import type { NodeBuilder } from "../node-builder.ts";
import { attr, defineImport, one, type TensorValue } from "../op.ts";

const domain = "ai.onnx.ml";

const tests: Readonly<Record<string, (b: Builder, x: Value, split: Value) => Value>> = {
  BRANCH_LEQ: less_equal,
  BRANCH_LT: less,
  BRANCH_GTE: greater_equal,
  BRANCH_GT: greater,
  BRANCH_EQ: equal,
  BRANCH_NEQ: (b, x, split) => not(b, equal(b, x, split)),
};

interface TreeNode {
  readonly mode: string;
  readonly feature: number;
  readonly split: number;
  /** Numbers of the nodes to go on to. */
  readonly yes: number;
  readonly no: number;
  /** Where NaN goes. */
  readonly missingIsYes: boolean;
  /** What a leaf adds to each target. */
  readonly weights: ReadonlyMap<number, number>;
}

interface Forest {
  readonly nodes: readonly TreeNode[];
  readonly roots: readonly number[];
  readonly targets: number;
}

/** The most branches on the way from a root to a leaf; undefined if some way never ends. */
function depthOf({ nodes, roots }: Forest): number | undefined {
  const depths = new Map<number, number>();
  const open = new Set<number>();
  // Children before parents; trees may be as deep as they have nodes.
  for (const root of roots) {
    const stack = [root];
    while (stack.length > 0) {
      const at = stack[stack.length - 1]!;
      const node = nodes[at]!;
      const children = node.mode === "LEAF" ? [] : [node.yes, node.no];
      const missing = children.filter((c) => !depths.has(c));
      if (missing.length === 0) {
        depths.set(at, children.length === 0 ? 0 : 1 + Math.max(...children.map((c) => depths.get(c)!)));
        open.delete(at);
        stack.pop();
      } else if (open.has(at)) return undefined;
      else {
        open.add(at);
        stack.push(...missing);
      }
    }
  }
  return Math.max(0, ...roots.map((r) => depths.get(r)!));
}

/** What the leaves that each row of x [N, F] arrives at add up to: [N, targets]. */
function walked(b: NodeBuilder, x: TensorValue, forest: Forest, element: Type): Value | undefined {
  const { nodes, roots, targets } = forest;
  const [rows = 1, features = 0] = x.type.shape;
  const outside = nodes.find((n) => n.mode !== "LEAF" && !(n.feature >= 0 && n.feature < features));
  if (outside) return b.fail("onnx/shape", `a node tests feature ${outside.feature} of ${features}`);
  const modes = [...new Set(nodes.map((n) => n.mode))].filter((m) => m !== "LEAF");
  const unknown = modes.find((m) => !Object.hasOwn(tests, m));
  if (unknown !== undefined) return b.unsupported(`nodes of mode ${unknown} are not supported`);
  const depth = depthOf(forest);
  if (depth === undefined) return b.fail("onnx/graph", "the nodes of a tree form a circle");
  const table = (of: (n: TreeNode, i: number) => number, type: Type): Value =>
    b.vector(nodes.map(of), [nodes.length], type);
  const columns = {
    feature: table((n) => (n.mode === "LEAF" ? 0 : n.feature), i64),
    split: table((n) => n.split, element),
    yes: table((n, i) => (n.mode === "LEAF" ? i : n.yes), i64),
    no: table((n, i) => (n.mode === "LEAF" ? i : n.no), i64),
  };
  const missing = nodes.some((n) => n.missingIsYes) ? table((n) => Number(n.missingIsYes), i1) : undefined;
  let at: Value = expand(b, b.vector(roots, [1, roots.length], i64), undefined, { shape: [rows, roots.length] });
  const look = (column: Value): Value => gather(b, column, at, { axis: 0 });
  for (let level = 0; level < depth; level++) {
    const value = gather_elements(b, b.cast(x, element), look(columns.feature), { axis: 1 });
    const split = look(columns.split);
    let goes = tests[modes[0]!]!(b, value, split);
    for (const mode of modes.slice(1)) {
      const here = look(table((n) => Number(n.mode === mode), i1));
      goes = select(b, here, tests[mode]!(b, value, split), goes);
    }
    if (missing) goes = or(b, goes, and(b, is_nan(b, value), look(missing)));
    at = select(b, goes, look(columns.yes), look(columns.no));
  }
  const weights = nodes.flatMap((n) => Array.from({ length: targets }, (_, t) => n.weights.get(t) ?? 0));
  const found = gather(b, b.vector(weights, [nodes.length, targets], element), at, { axis: 0 });
  return reduce_sum(b, found, { axes: [1], keepdims: false });
}

// --- the attributes of operator sets 1 to 4 -----------------------------------------------------------------------

const nodeAttrs = {
  nodes_treeids: attr.ints,
  nodes_nodeids: attr.ints,
  nodes_featureids: attr.ints,
  nodes_values: attr.floats,
  nodes_modes: attr.strings,
  nodes_truenodeids: attr.ints,
  nodes_falsenodeids: attr.ints,
  nodes_missing_value_tracks_true: attr.ints.optional(),
  nodes_hitrates: attr.floats.optional(),
  base_values: attr.floats.optional(),
  post_transform: attr.oneOf("NONE", "SOFTMAX", "LOGISTIC").default("NONE"),
};

interface NodeLists {
  readonly nodes_treeids: readonly number[];
  readonly nodes_nodeids: readonly number[];
  readonly nodes_featureids: readonly number[];
  readonly nodes_values: readonly number[];
  readonly nodes_modes: readonly string[];
  readonly nodes_truenodeids: readonly number[];
  readonly nodes_falsenodeids: readonly number[];
  readonly nodes_missing_value_tracks_true?: readonly number[] | undefined;
}

interface LeafLists {
  readonly trees: readonly number[];
  readonly nodes: readonly number[];
  readonly targets: readonly number[];
  readonly weights: readonly number[];
}

/** Trees from lists of nodes, which are named by their tree and their number in it; the first node of a tree is its root. */
function forestOf(b: NodeBuilder, a: NodeLists, leaves: LeafLists, targets: number): Forest | undefined {
  const count = a.nodes_nodeids.length;
  const lists = [
    a.nodes_treeids,
    a.nodes_featureids,
    a.nodes_values,
    a.nodes_modes,
    a.nodes_truenodeids,
    a.nodes_falsenodeids,
  ];
  if (lists.some((l) => l.length !== count)) return b.fail("onnx/attribute", "lists of nodes differ in length");
  const key = (tree: number, node: number): string => `${tree}/${node}`;
  const numbers = new Map(a.nodes_nodeids.map((id, i) => [key(a.nodes_treeids[i]!, id), i]));
  const weights = a.nodes_nodeids.map(() => new Map<number, number>());
  let lost = false;
  leaves.nodes.forEach((id, i) => {
    const to = weights[numbers.get(key(leaves.trees[i]!, id)) ?? -1];
    const target = leaves.targets[i]!;
    if (!to || !(target >= 0 && target < targets)) lost = true;
    else to.set(target, (to.get(target) ?? 0) + (leaves.weights[i] ?? 0));
  });
  const child = (i: number, id: number): number => {
    const found = numbers.get(key(a.nodes_treeids[i]!, id));
    if (found === undefined) lost = true;
    return found ?? 0;
  };
  const nodes = a.nodes_modes.map((mode, i): TreeNode => {
    const leaf = mode === "LEAF";
    return {
      mode,
      feature: a.nodes_featureids[i]!,
      split: a.nodes_values[i]!,
      yes: leaf ? i : child(i, a.nodes_truenodeids[i]!),
      no: leaf ? i : child(i, a.nodes_falsenodeids[i]!),
      missingIsYes: a.nodes_missing_value_tracks_true?.[i] === 1,
      weights: weights[i]!,
    };
  });
  if (lost) return b.fail("onnx/attribute", "a node or a target is named that does not exist");
  const roots = new Map<number, number>();
  a.nodes_treeids.forEach((tree, i) => {
    if (!roots.has(tree)) roots.set(tree, i);
  });
  return { nodes, roots: [...roots.values()], targets };
}

/** Sums of leaves plus the base, as scores. */
function scoresOf(
  b: NodeBuilder,
  sums: Value,
  base: readonly number[] | undefined,
  transform: "NONE" | "SOFTMAX" | "LOGISTIC",
): Value {
  const raised = base && base.length > 0 ? add(b, sums, b.vector(base, [1, base.length], elementOf(sums.type))) : sums;
  if (transform === "NONE") return raised;
  return transform === "SOFTMAX" ? softmax(b, raised, { axis: 1 }) : sigmoid(b, raised);
}

export const TreeEnsembleClassifier = defineImport("TreeEnsembleClassifier", {
  domain,
  since: 1,
  inputs: [one("X")],
  attrs: {
    ...nodeAttrs,
    class_treeids: attr.ints,
    class_nodeids: attr.ints,
    class_ids: attr.ints,
    class_weights: attr.floats,
    classlabels_int64s: attr.ints.optional(),
    classlabels_strings: attr.strings.optional(),
  },
  import({ X, ...a }, b) {
    const labels = a.classlabels_int64s;
    if (!labels || a.classlabels_strings?.length) return b.unsupported("labels that are strings are not supported");
    // Two classes of which one alone has weights are scored by rules of their own.
    if (labels.length < 2 || new Set(a.class_ids).size < 2) {
      return b.unsupported("an ensemble that scores only one of two classes is not supported");
    }
    const leaves = { trees: a.class_treeids, nodes: a.class_nodeids, targets: a.class_ids, weights: a.class_weights };
    const forest = forestOf(b, a, leaves, labels.length);
    const sums = forest && walked(b, X, forest, f32);
    if (!sums) return undefined;
    const scores = scoresOf(b, sums, a.base_values, a.post_transform);
    const best = arg_extreme(b, scores, { axis: 1, keepdims: false });
    return [gather(b, b.ints(labels), best, { axis: 0 }), scores];
  },
});

export const TreeEnsembleRegressor = defineImport("TreeEnsembleRegressor", {
  domain,
  since: 1,
  inputs: [one("X")],
  attrs: {
    ...nodeAttrs,
    target_treeids: attr.ints,
    target_nodeids: attr.ints,
    target_ids: attr.ints,
    target_weights: attr.floats,
    n_targets: attr.int,
    aggregate_function: attr.oneOf("SUM", "AVERAGE").default("SUM"),
  },
  import({ X, n_targets, aggregate_function, ...a }, b) {
    const leaves = {
      trees: a.target_treeids,
      nodes: a.target_nodeids,
      targets: a.target_ids,
      weights: a.target_weights,
    };
    const forest = forestOf(b, a, leaves, n_targets);
    const sums = forest && walked(b, X, forest, f32);
    if (!sums) return undefined;
    const means = aggregate_function === "AVERAGE" ? div(b, sums, b.scalar(forest.roots.length, sums)) : sums;
    return scoresOf(b, means, a.base_values, a.post_transform);
  },
});
