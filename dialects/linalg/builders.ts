/**
 * @file `genericOf`: linalg.generic from loop names, accesses and a body.
 *
 *     const [y] = genericOf(b, {
 *       loops: "n o h w : c i j",                       // parallel : reduction
 *       inputs: [[x, `n, c, h * ${sh} + i, w * ${sw} + j`], [w, "o, c, i, j"]],
 *       outputs: [[init, "n, o, h, w"]],
 *       body: (b, px, pw, acc) => arith.addf(b, acc, arith.mulf(b, px, pw)),
 *     });
 */
import {
  type AffineExpr,
  type AffineMap,
  add,
  affineMap,
  ceildiv,
  constant,
  dim,
  floordiv,
  mod,
  mul,
  sub,
} from "../../ir/affine.ts";
import type { Builder } from "../../ir/builder.ts";
import { Block, Operation, Region, Value } from "../../ir/core.ts";
import type { Attribute } from "../../ir/types.ts";
import { InternalError, invariant } from "../../support/diagnostic.ts";
import { generic, yield as yield_ } from "./generic.ts";
import { elementTypeOf, type IteratorType } from "./structure.ts";

/** A value and how the loops address it: a map, or its results as text over the loop names ("n, h * 2 + i"). */
export type Access = readonly [value: Value, map: AffineMap | string];

export interface GenericParts {
  /**
   * Names of the loops, in order. Each colon switches from parallel to reduction and back: "m n : k", ": b : m n : k".
   * With `iterators` it only names them.
   */
  readonly loops?: string;
  readonly iterators?: readonly IteratorType[];
  readonly inputs: readonly Access[];
  readonly outputs: readonly Access[];
  /** From the elements of the inputs and outputs to the new elements of the outputs. */
  readonly body: (b: Builder, ...elements: Value[]) => Value | readonly Value[];
  /** Discardable attributes. */
  readonly extra?: ReadonlyMap<string, Attribute>;
}

/** Builds a linalg.generic; answers its results, none on buffers. */
export function genericOf(b: Builder, parts: GenericParts): readonly Value[] {
  const { names, kinds } = parseLoops(parts);
  const accesses = [...parts.inputs, ...parts.outputs];
  const maps = accesses.map(([, m]) => (typeof m === "string" ? parseAccess(m, names) : m));
  for (const m of maps) {
    invariant(m.numDims === kinds.length, `a map of ${m.numDims} dimensions among ${kinds.length} loops`, b.loc);
  }
  const region = bodyRegion(
    b,
    accesses.map(([v]) => v),
    parts.body,
  );
  return generic(
    b,
    parts.inputs.map(([v]) => v),
    parts.outputs.map(([v]) => v),
    {
      indexing_maps: maps,
      iterator_types: kinds,
      region,
      ...(parts.extra ? { extra: parts.extra } : {}),
    },
  );
}

/** A body block over the elements of the operands, ended by linalg.yield of what `fill` answers. */
export function bodyRegion(b: Builder, operands: readonly Value[], fill: GenericParts["body"]): Region {
  const block = new Block(operands.map((v) => elementTypeOf(v.type)));
  const inner = b.inside(block);
  const answer = fill(inner, ...block.args);
  inner.insert(new Operation(yield_, { operands: answer instanceof Value ? [answer] : answer, loc: b.loc }));
  return new Region([block]);
}

function parseLoops(parts: GenericParts): {
  readonly names: readonly string[];
  readonly kinds: readonly IteratorType[];
} {
  const groups = (parts.loops ?? "").split(":").map((g) => g.split(/[\s,]+/).filter((n) => n !== ""));
  const names = groups.flat();
  const kinds =
    parts.iterators ?? groups.flatMap((g, i) => g.map((): IteratorType => (i % 2 === 0 ? "parallel" : "reduction")));
  invariant(parts.loops === undefined || names.length === kinds.length, "each loop has a name and a kind");
  return { names, kinds };
}

const accessTokens = /\s*(?:(\d+)|([A-Za-z_]\w*)|([-+*(),]))/y;

const accesses = new Map<string, AffineMap>();

/** The affine map that a list of expressions over loop names denotes. The same few are read again and again. */
export function parseAccess(text: string, names: readonly string[]): AffineMap {
  const key = `${names.join(" ")}: ${text}`;
  let map = accesses.get(key);
  if (!map) {
    map = readAccess(text, names);
    accesses.set(key, map);
  }
  return map;
}

function readAccess(text: string, names: readonly string[]): AffineMap {
  const tokens: string[] = [];
  accessTokens.lastIndex = 0;
  while (accessTokens.lastIndex < text.trimEnd().length) {
    const m = accessTokens.exec(text);
    if (!m) throw new InternalError(`'${text}' is no list of affine expressions`);
    tokens.push(m[0].trim());
  }
  let at = 0;
  const take = (...wanted: string[]): string | undefined =>
    wanted.includes(tokens[at] ?? "") ? tokens[at++] : undefined;
  const atom = (): AffineExpr => {
    if (take("-")) return mul(atom(), constant(-1));
    if (take("(")) {
      const e = sum();
      invariant(take(")"), `'${text}' lacks a closing parenthesis`);
      return e;
    }
    const token = tokens[at++] ?? "";
    if (/^\d/.test(token)) return constant(Number(token));
    const loop = names.indexOf(token);
    invariant(loop >= 0, `'${token}' in '${text}' names no loop of '${names.join(" ")}'`);
    return dim(loop);
  };
  const operators = { "*": mul, floordiv, ceildiv, mod };
  const product = (): AffineExpr => {
    let e = atom();
    for (let op = take("*", "floordiv", "ceildiv", "mod"); op; op = take("*", "floordiv", "ceildiv", "mod")) {
      e = operators[op as keyof typeof operators](e, atom());
    }
    return e;
  };
  const sum = (): AffineExpr => {
    let e = product();
    for (let op = take("+", "-"); op; op = take("+", "-")) e = (op === "+" ? add : sub)(e, product());
    return e;
  };
  const results: AffineExpr[] = [];
  if (tokens.length > 0) {
    do results.push(sum());
    while (take(","));
  }
  invariant(at === tokens.length, `'${text}' is no list of affine expressions`);
  return affineMap(names.length, 0, results);
}
