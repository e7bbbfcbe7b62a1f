/** @file linalg-fuse: elementwise producers move into the bodies of their consumers. */
import { generic } from "../../dialects/linalg/generic.ts";
import { isArray, type Structure, type StructuredOperand, structureOf } from "../../dialects/linalg/structure.ts";
import { attr } from "../../ir/attributes.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { definePass, type PassContext } from "../../rewrite/pass.ts";
import { Rewriter } from "../../rewrite/rewriter.ts";
import { fuse as fuseLocations } from "../../support/location.ts";
import { canInline, inlineConstants, inlineProducer } from "./inline-body.ts";

export const fuse = definePass("linalg-fuse", {
  doc:
    "Inlines elementwise producers on tensors into the bodies of their consumers, and constants as scalars. A producer " +
    "is computed in its consumer only where each of its elements is asked for once, unless its body only moves elements; " +
    "one with several consumers is copied into each if its body is small.",
  options: {
    /** A producer with several consumers is copied into them if its body has no more scalar ops than this. */
    maxCopiedOps: attr.int.default(1),
    /** No body grows beyond this many scalar ops. */
    maxBodyOps: attr.int.default(64),
  },
  example: {
    before: `#id = affine_map<(i) -> (i)>
func.func @f(%x: tensor<4xf32>, %e: tensor<4xf32>) -> tensor<4xf32> {
  %0 = linalg.exp ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %1 = linalg.negf ins(%0 : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}`,
    after: `#map = affine_map<(d0) -> (d0)>
func.func @f(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xf32> {
  %0 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%arg0 : tensor<4xf32>) outs(%arg1 : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %1 = math.exp %in : f32
    %2 = arith.negf %1 : f32
    linalg.yield %2 : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}`,
  },
  run(root, { maxCopiedOps, maxBodyOps }, pass) {
    const fusion = new Fusion(pass, maxCopiedOps, maxBodyOps);
    root.walkPost((op) => {
      for (const region of op.regions) for (const block of region.blocks) fusion.block(block);
    });
    pass.count("fused", fusion.fused);
    pass.count("constants", fusion.constants);
    return fusion.fused + fusion.constants > 0;
  },
});

class Fusion {
  fused = 0;
  constants = 0;
  readonly #pass: PassContext;
  readonly #rw: Rewriter;
  readonly #maxCopied: number;
  readonly #maxBody: number;

  constructor(pass: PassContext, maxCopied: number, maxBody: number) {
    this.#pass = pass;
    this.#rw = new Rewriter(pass.context);
    this.#maxCopied = maxCopied;
    this.#maxBody = maxBody;
  }

  /** Producers stand before consumers, so each is as fused as can be when its consumers look at it. */
  block(block: Block): void {
    for (let op = block.first; op; ) {
      const next: Operation | null = op.next;
      this.#consumer(op);
      op = next;
    }
  }

  #consumer(start: Operation): void {
    let op = start;
    for (;;) {
      const s = structureOf(op);
      if (s?.form !== "tensor" || s.outputs.length === 0) return;
      const input = s.inputs.find((o) => this.#wants(s, o));
      this.#rw.focus(op);
      const producer = input?.value.definingOp;
      if (producer) this.#rw.loc = fuseLocations([op.loc, producer.loc]);
      const values = input ? inlineProducer(s, input, this.#rw) : this.#constants(s);
      if (!values) return;
      if (input) this.fused++;
      else this.constants++;
      const made = values[0]!.definingOp!;
      this.#rw.replace(op, values);
      if (producer?.isUnused) this.#rw.erase(producer);
      op = made;
    }
  }

  #constants(s: Structure): readonly Value[] | undefined {
    // A fill or a transposed constant is known for what it is by its name.
    return isNamed(s) || (workOf(s) === 0 && !generic.is(s.op)) ? undefined : inlineConstants(s, this.#rw);
  }

  /** The producer of an input should move into the body. */
  #wants(s: Structure, input: StructuredOperand): boolean {
    const producer = input.value.definingOp;
    const p = producer && isArray(input.value.type) ? structureOf(producer) : undefined;
    if (!producer || !p || producer.block !== s.op.block || !canInline(p, s, input)) return false;
    const work = workOf(p);
    if (work === 0 && !isNamed(s)) return true;
    if (!readsOnce(s, input)) return false;
    if (workOf(s) + work > this.#maxBody) {
      this.#pass.remark(s.op, `not fused with its producer '${producer.name}': the body would be too large`);
      return false;
    }
    if (work <= this.#maxCopied || onlyUsedBy(producer, s.op)) return true;
    this.#pass.remark(producer, "not fused: it has several consumers and is too large to be copied into each");
    return false;
  }
}

/** A contraction, convolution or pooling under its name, which other passes know best. */
const isNamed = (s: Structure): boolean => !generic.is(s.op) && s.loops.some((l) => l.kind !== "parallel");

/** Scalar ops of a body; none if it only moves elements. */
function workOf(s: Structure): number {
  let n = 0;
  for (const op of s.body) if (!op.def.isConstant && !op.def.isTerminator) n++;
  return n;
}

/** Each element of the operand is asked for at one point of the loops at most. */
function readsOnce(s: Structure, { map }: StructuredOperand): boolean {
  const alone = new Set(map.results.flatMap((e) => (e.kind === "dim" ? [e.index] : [])));
  return (
    s.loops.every((l, i) => l.extent === 1 || alone.has(i)) &&
    map.results.every((e) => e.kind === "dim" || e.kind === "constant")
  );
}

const onlyUsedBy = (producer: Operation, user: Operation): boolean =>
  producer.results.every((r) => [...r.uses()].every((u) => u.owner === user));
