/**
 * @file The one record behind all named structured ops: loops, accesses and body from a line of a table. Pretty text shows
 * operands only; maps follow from the line, and the body is built from it when an op is made or read.
 */
import { type AffineExpr, type AffineMap, add, affineMap, constant, dim, identityMap, mul } from "../../ir/affine.ts";
import type { AsmParser, ParsedOp } from "../../ir/asm.ts";
import { type Attr, attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import { Any, RankedTensor, Shaped } from "../../ir/constraints.ts";
import type { Operation, Region, Value } from "../../ir/core.ts";
import { arrayOfDense } from "../../ir/datum.ts";
import { type Attrs, defineOp } from "../../ir/define.ts";
import { many } from "../../ir/fields.ts";
import { type Fail, RecursiveEffects, SingleBlock } from "../../ir/traits.ts";
import {
  type Attribute,
  type AttributeOf,
  arrayAttribute,
  i64,
  isShaped,
  mapAttribute,
  sameAttribute,
  type Type,
  tensor,
} from "../../ir/types.ts";
import { invariant } from "../../support/diagnostic.ts";
import type { Location } from "../../support/location.ts";
import { memoizedMaps, parseCommonParts, printOperandGroups, tensorTypesOf } from "./asm.ts";
import { bodyRegion } from "./builders.ts";
import { structuredEffects } from "./effects.ts";
import { evaluateStructured } from "./evaluate.ts";
import { yield as yield_ } from "./generic.ts";
import { type CastFunction, castFunctions, NoSuchFunction } from "./scalar-ops.ts";
import { type IteratorType, shapeOf, structured } from "./structure.ts";
import { tiledByMaps } from "./tile.ts";
import { verifyOutputs, verifyStructured } from "./verify.ts";

/** Values of a named op's own attributes, as its body sees them. */
export interface BodyOptions {
  readonly cast: CastFunction;
  /** The function of elemwise_unary and elemwise_binary. */
  readonly fun: string | undefined;
}

/** The scalar body: from the elements of inputs and outputs to the new element of the output. */
export type NamedBody = (b: Builder, elements: readonly Value[], options: BodyOptions) => Value;

export interface Row<A extends Attrs> {
  readonly doc: string;
  /**
   * Loops by name, in order; bars switch from parallel to reduction and back ("m n | k"). `*` is one parallel loop for
   * each dimension of the output.
   */
  readonly loops: string;
  /**
   * One access per operand, the output's last, divided by semicolons: loops in the order of dimensions. `h+i` is a sum,
   * `h~i` a window: `h * stride + i * dilation` with the next of the op's strides and dilations. A blank one is a scalar.
   */
  readonly accesses: string;
  readonly body: NamedBody;
  readonly attrs: A;
  /** Checks before those of all structured ops; answers whether all is well. */
  readonly precondition?: (op: Operation, fail: Fail) => boolean;
}

// --- attributes -----------------------------------------------------------------------------------------------

/** Strides or dilations: `dense<…> : tensor<nxi64>`, kept as written. */
const windowAttr = (n: number): Attr<Attribute, true> =>
  attr.where(
    `64-bit signless int elements attribute of shape [${n}]`,
    (a) =>
      a.kind === "dense" &&
      isShaped(a.type) &&
      a.type.element === i64 &&
      a.type.shape.length === 1 &&
      a.type.shape[0] === n,
  );

/** `strides` and `dilations` of an op with windows along `n` dimensions. */
export const windowAttrs = (n: number) => ({ strides: windowAttr(n).optional(), dilations: windowAttr(n).optional() });
export const castAttr = { cast: attr.enumAttr("linalg.type_fn", castFunctions).optional() };

/** Numbers as the value of `strides` or `dilations`. */
export function windowSteps(steps: readonly number[]): AttributeOf<"dense"> {
  const bytes = new Uint8Array(BigInt64Array.from(steps, BigInt).buffer);
  const splat = steps.every((s) => s === steps[0]);
  return { kind: "dense", type: tensor([steps.length], i64), splat, bytes: splat ? bytes.slice(0, 8) : bytes };
}

const stepsOf = (a: Attribute | undefined): readonly number[] | undefined =>
  a?.kind === "dense" ? arrayOfDense(a)?.values().map(Number) : undefined;

// --- loops and maps -------------------------------------------------------------------------------------------

/** Loops and accesses of a named op, before strides and dilations are known. */
export interface NamedNest {
  readonly iterators: readonly IteratorType[];
  maps(strides: readonly number[] | undefined, dilations: readonly number[] | undefined): readonly AffineMap[];
}

function readNest(loops: string, accesses: string): NamedNest {
  const groups = loops.split("|").map((g) => g.split(" ").filter((l) => l !== ""));
  const names = groups.flat();
  const loop = (name: string): AffineExpr => {
    const i = names.indexOf(name);
    invariant(i >= 0, `'${name}' is one of the loops '${loops}'`);
    return dim(i);
  };
  const operands = accesses.split(";").map((a) => a.split(" ").filter((e) => e !== ""));
  const known = new Map<string, readonly AffineMap[]>();
  return {
    iterators: groups.flatMap((g, i) => g.map((): IteratorType => (i % 2 === 0 ? "parallel" : "reduction"))),
    maps(strides, dilations) {
      const key = `${strides ?? ""}/${dilations ?? ""}`;
      let maps = known.get(key);
      if (!maps) {
        maps = operands.map((dims) => {
          let window = 0;
          const results = dims.map((e) => {
            const [first = "", second] = e.split(/[+~]/);
            if (second === undefined) return loop(first);
            if (!e.includes("~")) return add(loop(first), loop(second));
            const [stride, dilation] = [strides?.[window] ?? 1, dilations?.[window] ?? 1];
            window++;
            return add(mul(loop(first), constant(stride)), mul(loop(second), constant(dilation)));
          });
          return affineMap(names.length, 0, results);
        });
        known.set(key, maps);
      }
      return maps;
    },
  };
}

const rankOf = (t: Type | undefined): number => (t ? shapeOf(t).length : 0);

// --- the record -----------------------------------------------------------------------------------------------

/** Defines a named op. Its builder takes inputs and outputs and makes the body. */
export function namedOp<const N extends string, const A extends Attrs>(name: N, row: Row<A>) {
  const { doc, attrs, body } = row;
  const anyRank = row.loops === "*";
  const inputs = row.accesses.split(";").length - 1;
  const nest = anyRank ? undefined : readNest(row.loops, row.accesses);
  const mapsFrom = (get: (name: string) => Attribute | undefined): readonly AffineMap[] | undefined =>
    nest?.maps(stepsOf(get("strides")), stepsOf(get("dilations")));
  const elementwiseMaps = (op: Operation): readonly AffineMap[] => {
    const loops = rankOf(op.uses[inputs]?.value.type);
    return op.uses.map((u) => (rankOf(u.value.type) === 0 ? affineMap(loops, 0, []) : identityMap(loops)));
  };
  const prop = (op: Operation, attribute: string): unknown => {
    const at = op.def.attrIndex.get(attribute);
    return at === undefined ? undefined : op.props[at];
  };
  const fill = (b: Builder, operands: readonly Value[], cast: unknown, fun: unknown): Region =>
    bodyRegion(b, operands, (inner, ...elements) =>
      body(inner, elements, {
        cast: cast === "cast_unsigned" ? "cast_unsigned" : "cast_signed",
        fun: fun as string | undefined,
      }),
    );
  const parse = (p: AsmParser, at: Location): ParsedOp => {
    const attributesAt = p.here();
    const common = parseCommonParts(p);
    const attributes = new Map([...common.attributes, ...p.attrDict()]);
    const resultTypes = p.optionalArrowTypes();
    const operands = [...common.inputs, ...common.outputs];
    if (operands.length !== inputs + 1) {
      p.fail(
        `[parseNamedStructuredOpRegion] ods-gen generated region expects ${inputs + 1} args, got ${operands.length}`,
      );
    }
    for (const [n, a] of attributes) {
      const codec = attrs[n];
      if (!codec || codec.from(a) !== undefined) continue;
      p.fail(`'linalg.${name}' op attribute '${n}' failed to satisfy constraint: ${codec.label}`, attributesAt);
    }
    const maps = mapsFrom((n) => attributes.get(n));
    if (maps) attributes.set(memoizedMaps, arrayAttribute(maps.map(mapAttribute)));
    const value = (n: string): unknown => attrs[n]?.from(attributes.get(n) ?? missing);
    try {
      const region = fill(new Builder(null, null, at), operands, value("cast"), value("fun"));
      return {
        operands,
        operandSegments: [common.inputs.length, common.outputs.length],
        attributes,
        regions: [region],
        resultTypes,
      };
    } catch (e) {
      if (e instanceof NoSuchFunction) return p.fail(e.message, at);
      throw e;
    }
  };
  const def = defineOp(`linalg.${name}`, {
    doc,
    attrs,
    operands: [many("inputs", Any), many("outputs", Shaped)],
    results: [many("result_tensors", RankedTensor)],
    regions: ["region"],
    traits: [SingleBlock, RecursiveEffects],
    interfaces: [
      structured({
        maps: (op) => mapsFrom((n) => prop(op, n) as Attribute | undefined) ?? elementwiseMaps(op),
        iterators: (op) =>
          nest?.iterators ??
          Array.from({ length: rankOf(op.uses[inputs]?.value.type) }, (): IteratorType => "parallel"),
        inputCount: (op) => op.operandSegments![0]!,
        outputsInBody: true,
      }),
      tiledByMaps,
    ],
    infer: (ins) => tensorTypesOf(ins.outputs),
    inferLoosely: true,
    terminator: () => yield_,
    effects: ({ op }) => structuredEffects(op),
    parse,
    print({ op }, p) {
      const [n] = op.operandSegments!;
      p.attrDict(op, [memoizedMaps]);
      printOperandGroups(p, op.operands.slice(0, n), op.operands.slice(n));
      p.optionalArrowTypes(op.results.map((r) => r.type));
    },
    complete(op, b) {
      if (!op.region().isEmpty) return;
      op.region().takeBlocks(fill(b, op.operands, prop(op, "cast"), prop(op, "fun")));
      const maps = mapsFrom((n) => prop(op, n) as Attribute | undefined);
      if (!maps) return;
      op.setAttribute(memoizedMaps, arrayAttribute(maps.map(mapAttribute)));
    },
    verify({ op }, fail) {
      if (row.precondition?.(op, fail) !== false) verifyOutputs(op, fail);
    },
    verifyBodies({ op }, fail) {
      const memoized = op.attributes?.get(memoizedMaps);
      const maps = mapsFrom((n) => prop(op, n) as Attribute | undefined);
      if (memoized && maps && !sameAttribute(memoized, arrayAttribute(maps.map(mapAttribute)))) {
        fail(`'${memoizedMaps}' are not the maps of the op`, { code: "verify/attribute" });
      } else verifyStructured(op, fail);
    },
    evaluate: (args, run) => evaluateStructured([...args.inputs, ...args.outputs], run),
  });
  return Object.assign(def, {
    /** Undefined for ops with one loop per dimension of the output. */
    nest,
    /** The body for some operands. */
    bodyFor: (b: Builder, operands: readonly Value[], cast: CastFunction): Region => fill(b, operands, cast, undefined),
  });
}

const missing: Attribute = { kind: "unit" };
