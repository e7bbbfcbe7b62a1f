/** @file Nodes so that each comes after those whose results it uses. */
import type { Attribute, Graph, Node } from "./model.ts";

/**
 * The numbers of the nodes in an order in which they can be computed: their own, where that is one (ONNX asks for it).
 *
 * @param isGiven the name has a value before the first node
 * @param circular told the numbers of nodes that depend on each other, which are left out
 */
export function sortNodes(
  nodes: readonly Node[],
  isGiven: (name: string) => boolean,
  circular: (nodes: readonly number[]) => void,
): readonly number[] {
  const definedBy = new Map<string, number>();
  nodes.forEach((n, i) => {
    for (const o of n.outputs) if (o !== "" && !definedBy.has(o) && !isGiven(o)) definedBy.set(o, i);
  });
  const before = nodes.map((n, i) => {
    const needed = new Set<number>();
    for (const name of namesUsed(n)) {
      const by = definedBy.get(name);
      if (by !== undefined) needed.add(by);
    }
    // A node that uses its own result is a circle of one.
    return { needed, sorted: [...needed].every((d) => d < i) };
  });
  if (before.every((b) => b.sorted)) return nodes.map((_, i) => i);
  const users = nodes.map((): number[] => []);
  const open = before.map(({ needed }, i) => {
    for (const d of needed) users[d]!.push(i);
    return needed.size;
  });
  const order: number[] = [];
  const ready = open.flatMap((n, i) => (n === 0 ? [i] : []));
  for (let at = 0; at < ready.length; at++) {
    const i = ready[at]!;
    order.push(i);
    for (const u of users[i]!) if (--open[u]! === 0) ready.push(u);
  }
  if (order.length < nodes.length) {
    const done = new Set(order);
    circular(nodes.flatMap((_, i) => (done.has(i) ? [] : [i])));
  }
  return order;
}

/** The names that a node uses, those that its subgraphs take from outside included. */
function* namesUsed(node: Node): Generator<string> {
  for (const name of node.inputs) if (name !== "") yield name;
  for (const a of node.attributes.values()) for (const g of graphsOf(a)) yield* captured(g);
}

function graphsOf(a: Attribute): readonly Graph[] {
  return a.type === "graph" ? [a.value] : a.type === "graphs" ? a.value : [];
}

function* captured(graph: Graph): Generator<string> {
  const own = new Set<string>(graph.inputs.map((i) => i.name));
  for (const t of graph.initializers) own.add(t.name);
  for (const n of graph.nodes) for (const o of n.outputs) own.add(o);
  for (const n of graph.nodes) for (const name of namesUsed(n)) if (!own.has(name)) yield name;
  for (const o of graph.outputs) if (!own.has(o.name)) yield o.name;
}
