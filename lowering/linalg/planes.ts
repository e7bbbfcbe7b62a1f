/**
 * @file Pads that stay in the kernel which reads them, instead of being a copy in memory. Windows over planes (pools and
 * depthwise convolutions of channels-first images) whose input comes from outside cut their results into those whose
 * windows lie inside, and a few at the borders, of which it is known which elements are padding.
 */
import { type Structure, type StructuredOperand, stepsOf, structureOf } from "../../dialects/linalg/structure.ts";
import { type AffineExpr, linear } from "../../ir/affine.ts";
import type { Operation } from "../../ir/core.ts";
import { f32, type TensorType } from "../../ir/types.ts";
import { staticPad } from "./static-pad.ts";

/** Elements of a window that may be written out for each result, and pieces that a dimension may be cut into. */
const most = { taps: 32, pieces: 8 } as const;

/** How an index moves along one loop of the results, and along those of the window. */
interface Slide {
  readonly loop: number;
  readonly step: number;
  readonly window: readonly { readonly loop: number; readonly step: number }[];
}

function slideOf(e: AffineExpr, s: Structure): Slide | undefined {
  const form = linear(e, s.loops.length);
  if (form?.offset !== 0 || form.factors.some((f) => f < 0)) return undefined;
  const moving = form.factors.flatMap((step, loop) => (step === 0 ? [] : [{ loop, step }]));
  const own = moving.filter((m) => s.loops[m.loop]!.kind === "parallel");
  if (own.length !== 1) return undefined;
  return { ...own[0]!, window: moving.filter((m) => m !== own[0]) };
}

/**
 * Windows over planes: the input moves with each dimension of the results, vectors lie along its rows, and whatever else
 * is read (weights) is the same for a whole plane. Every other element of a row can be had by shuffles, not every third.
 */
export function slidesOverPlanes(s: Structure): readonly Slide[] | undefined {
  const read = s.inputs.filter((i) => i.arg?.hasUses);
  const rank = s.outputs[0]?.shape.length ?? 0;
  if (
    s.outputs.length !== 1 ||
    rank < 3 ||
    !s.outputs[0]!.map.results.every((e, d) => e.kind === "dim" && e.index === d)
  )
    return undefined;
  const x = read.find((i) => i.shape.length === rank);
  if (!x) return undefined;
  const slides = x.map.results.map((e) => slideOf(e, s));
  if (slides.some((p, d) => p?.loop !== d)) return undefined;
  const along = slides as readonly Slide[];
  const moved = along.filter((p) => p.window.length > 0);
  const last = along[rank - 1]!;
  if (last.window.length === 0 || last.step > 2) return undefined;
  const inPlane = new Set(moved.map((p) => p.loop));
  const others = read.filter((i) => i !== x);
  if (others.some((i) => mentionsAny(i, inPlane, s.loops.length))) return undefined;
  return along;
}

const mentionsAny = (i: StructuredOperand, loops: ReadonlySet<number>, count: number): boolean =>
  i.map.results.some((e) => linear(e, count)?.factors.some((f, l) => f !== 0 && loops.has(l)) ?? true);

/** Where results of a dimension are cut, so that windows of a piece lie inside, or belong to one result. */
function cutsAlong({ step, window }: Slide, s: Structure, count: number, low: number, size: number): number[] {
  const reach = window.reduce((n, w) => n + (s.loops[w.loop]!.extent - 1) * w.step, 0);
  const begin = Math.min(count, Math.ceil(low / step));
  const end = Math.max(begin, Math.min(count, Math.floor((low + size - 1 - reach) / step) + 1));
  const cuts: number[] = [];
  for (let i = 1; i < count; i++) if (i <= begin || i >= end) cuts.push(i);
  return cuts;
}

/** Per dimension of a kernel's results, where they are cut for a pad that the op reads. */
export function cutsOf(s: Structure): number[][] | undefined {
  const slides = slidesOverPlanes(s);
  const x = slides && s.inputs.find((i) => i.arg?.hasUses && i.shape.length === slides.length);
  const pad = x?.value.definingOp && staticPad(x.value.definingOp);
  if (!slides || !pad) return undefined;
  const sizes = (pad.source.type as TensorType).shape;
  const out = s.outputs[0]!.shape;
  return slides.map((slide, d) =>
    pad.low[d] === 0 && pad.high[d] === 0 ? [] : cutsAlong(slide, s, out[d]!, pad.low[d]!, sizes[d]!),
  );
}

/** Whether a pad is better left to the op that reads it: no one could have written into the padded tensor. */
export function mayStay(op: Operation): boolean {
  const pad = staticPad(op);
  if (!pad || pad.type.element !== f32 || pad.source.definingOp || !op.result().hasOneUse) return false;
  if ([...pad.low, ...pad.high].some((n) => n < 0)) return false;
  const reader = structureOf(op.result().firstUse!.owner);
  const slides = reader && slidesOverPlanes(reader);
  const cuts = reader && slides && cutsOf(reader);
  if (!cuts) return false;
  return stepsOf(reader) <= most.taps && cuts.every((c) => c.length < most.pieces);
}
