/** @file Control flow: operators with subgraphs. */
import { if as if_, loop, partType, scan, yielded } from "../../dialects/graph/control.ts";
import { normalAxis } from "../../dialects/graph/op.ts";
import { concat, reshape, slice } from "../../dialects/graph/shape.ts";
import type { Region, Value } from "../../ir/core.ts";
import { dynamic, i1, i64, type TensorType, tensor } from "../../ir/types.ts";
import type { Graph } from "../model.ts";
import type { NodeBuilder } from "../node-builder.ts";
import { attr, defineImport, many, one, optional, type TensorValue } from "../op.ts";

/** A loop that makes at most so many nodes is written out: sizes may then change from turn to turn. */
const UNROLL_LIMIT = 256;

const typeOf = (v: Value): TensorType => v.type as TensorType;

export const If = defineImport("If", {
  since: 1,
  inputs: [one("cond")],
  attrs: { then_branch: attr.graph, else_branch: attr.graph },
  import({ cond, then_branch, else_branch }, b) {
    const chosen = b.known(cond);
    if (chosen) return b.graph.inline(chosen.values()[0] ? then_branch : else_branch, [], b);
    const thenRegion = b.graph.region(then_branch, [], b);
    const elseRegion = b.graph.region(else_branch, [], b);
    // A branch that is never taken need not make sense for the shapes that are compiled for.
    if (!thenRegion || !elseRegion) return void b.need(cond, "cond");
    const [types, others] = [thenRegion, elseRegion].map((r) => yielded(r).map(typeOf));
    // Branches of different shapes: which one it is decides about all shapes that follow.
    if (types!.some((t, i) => t !== others![i])) return void b.need(cond, "cond");
    return if_(b, cond, { types: types!, thenRegion, elseRegion });
  },
});

/** A value that must be known where it is an input of the model, as shapes depend on it. */
function knownOrNeeded(b: NodeBuilder, v: TensorValue, what: string): void {
  if (!b.known(v) && !v.definingOp && b.graph.inputsOf(v).length > 0) b.need(v, what);
}

export const Loop = defineImport("Loop", {
  since: 1,
  inputs: [optional("M"), optional("cond"), many("v_initial")],
  attrs: { body: attr.graph },
  import({ M, cond, v_initial, body }, b) {
    const carried = v_initial.length;
    if (body.outputs.length > carried + 1) {
      if (M) knownOrNeeded(b, M, "M");
      if (cond) knownOrNeeded(b, cond, "cond");
      if (b.failed) return undefined;
    }
    const known = M && b.known(M);
    const trip = known && Number(known.values()[0]);
    const holds = cond ? b.known(cond)?.values()[0] : 1;
    if (holds !== undefined && Number(holds) === 0 && body.outputs.length === carried + 1) return v_initial;
    const short = trip !== undefined && trip > 0 && trip * body.nodes.length <= UNROLL_LIMIT;
    if (short && holds && keepsCondition(body)) return unrolled(b, body, trip, v_initial);
    const region = b.graph.region(body, [tensor([], i64), tensor([], i1), ...v_initial.map(typeOf)], b);
    if (!region) return undefined;
    const [next, ...values] = yielded(region);
    const steady = isSteady(b, region, next!, holds);
    const types = values.slice(0, carried).map(typeOf);
    if (types.some((t, i) => t !== v_initial[i]!.type)) {
      return b.fail("onnx/shape", "the shape of a value that the loop carries changes from turn to turn");
    }
    const count = steady && trip !== undefined ? Math.max(0, trip) : dynamic;
    const outputs = values.slice(carried).map((v) => tensor([count, ...v.type.shape], v.type.element));
    const counts = trip === undefined ? M : undefined;
    return loop(b, counts, steady ? undefined : cond, v_initial, {
      types: [...types, ...outputs],
      body: region,
      steady,
      ...(trip === undefined ? {} : { trip }),
    });
  },
});

/** The body hands on the condition that it is given. */
function keepsCondition(body: Graph): boolean {
  let name = body.outputs[0]?.name;
  for (const node of body.nodes.slice().reverse()) {
    if (node.opType === "Identity" && node.outputs[0] === name) name = node.inputs[0];
  }
  return name !== undefined && name === body.inputs[1]?.name;
}

/** The condition holds at first, and the body hands it on or says that it holds. */
function isSteady(b: NodeBuilder, body: Region, next: TensorValue, holds: number | bigint | undefined): boolean {
  if (!holds) return false;
  const known = b.known(next);
  return next === body.entry.args[1] || (known !== undefined && Boolean(known.values()[0]));
}

/** The body, once for every turn. */
function unrolled(
  b: NodeBuilder,
  body: Graph,
  trip: number,
  inits: readonly TensorValue[],
): readonly Value[] | undefined {
  let carried: readonly Value[] = inits;
  const parts: Value[][] = body.outputs.slice(inits.length + 1).map(() => []);
  for (let i = 0; i < trip; i++) {
    const results = b.graph.inline(body, [b.filled([], BigInt(i), i64), b.filled([], 1, i1), ...carried], b);
    if (!results) return undefined;
    carried = results.slice(1, inits.length + 1);
    parts.forEach((p, n) => void p.push(results[inits.length + 1 + n]!));
  }
  const stacked = parts.map((p) => {
    const raised = p.map((v) => reshape(b, v, undefined, { shape: [1, ...typeOf(v).shape] }));
    return concat(b, raised, { axis: 0 });
  });
  return [...carried, ...stacked];
}

// --- scan -----------------------------------------------------------------------------------------------------------

interface ScanAttrs {
  readonly body: Graph;
  readonly num_scan_inputs: number;
  readonly scan_input_axes?: readonly number[] | undefined;
  readonly scan_input_directions?: readonly number[] | undefined;
  readonly scan_output_axes?: readonly number[] | undefined;
  readonly scan_output_directions?: readonly number[] | undefined;
}

function scanned(b: NodeBuilder, values: readonly TensorValue[], a: ScanAttrs): readonly Value[] | undefined {
  const states = values.length - a.num_scan_inputs;
  if (states < 0)
    return b.fail("onnx/graph", `has ${values.length} inputs, which cannot be ${a.num_scan_inputs} to scan`);
  const inits = values.slice(0, states);
  const inputs = values.slice(states);
  const axes = inputs.map((v, i) => normalAxis(a.scan_input_axes?.[i] ?? 0, v.type.shape.length));
  const fault = inputs.find((v, i) => axes[i]! < 0 || axes[i]! >= v.type.shape.length);
  if (fault) return b.fail("onnx/shape", "an input has not the axis that is scanned");
  const region = b.graph.region(a.body, [...inits.map(typeOf), ...inputs.map((v, i) => partType(v.type, axes[i]!))], b);
  if (!region) return undefined;
  const parts = yielded(region).slice(states);
  const count = inputs[0]?.type.shape[axes[0]!] ?? 0;
  const outputAxes = parts.map((v, i) => normalAxis(a.scan_output_axes?.[i] ?? 0, v.type.shape.length + 1));
  const outputs = parts.map((v, i) => {
    const { shape, element } = v.type;
    return tensor([...shape.slice(0, outputAxes[i]!), count, ...shape.slice(outputAxes[i]!)], element);
  });
  return scan(b, inits, inputs, {
    types: [...inits.map(typeOf), ...outputs],
    body: region,
    input_axes: axes,
    input_reverse: inputs.map((_, i) => a.scan_input_directions?.[i] === 1),
    output_axes: outputAxes,
    output_reverse: parts.map((_, i) => a.scan_output_directions?.[i] === 1),
  });
}

export const Scan = [
  // Of operator set 8: the first dimension of everything is a batch, the second is scanned.
  defineImport("Scan", {
    since: 8,
    inputs: [optional("sequence_lens"), many("values")],
    attrs: { body: attr.graph, num_scan_inputs: attr.int, directions: attr.ints.optional() },
    import({ sequence_lens, values, body, num_scan_inputs, directions }, b) {
      if (sequence_lens) return b.unsupported("sequence_lens is not supported");
      const batch = values[0]?.type.shape[0] ?? 0;
      const turns: (readonly Value[])[] = [];
      for (let n = 0; n < batch; n++) {
        const own = values.map((v) => row(b, v, n));
        const results = scanned(b, own, { body, num_scan_inputs, scan_input_directions: directions });
        if (!results) return undefined;
        turns.push(results.map((v) => reshape(b, v, undefined, { shape: [1, ...typeOf(v).shape] })));
      }
      return turns[0]?.map((_, i) =>
        concat(
          b,
          turns.map((t) => t[i]!),
          { axis: 0 },
        ),
      );
    },
  }),
  defineImport("Scan", {
    since: 9,
    inputs: [many("values")],
    attrs: {
      body: attr.graph,
      num_scan_inputs: attr.int,
      scan_input_axes: attr.ints.optional(),
      scan_input_directions: attr.ints.optional(),
      scan_output_axes: attr.ints.optional(),
      scan_output_directions: attr.ints.optional(),
    },
    import: ({ values, ...attrs }, b) => scanned(b, values, attrs),
  }),
];

/** One row of a tensor, without the first dimension. */
function row(b: NodeBuilder, v: TensorValue, n: number): TensorValue {
  const { shape } = v.type;
  const from = shape.map((_, i) => (i === 0 ? n : 0));
  const to = shape.map((d, i) => (i === 0 ? n + 1 : d));
  const cut = slice(b, v, undefined, { starts: from, ends: to, steps: shape.map(() => 1) });
  return reshape(b, cut, undefined, { shape: shape.slice(1) }) as TensorValue;
}
