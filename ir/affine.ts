/**
 * @file Affine expressions, maps and integer sets (MLIR's affine dialect, builtin `affine_map` and `affine_set`).
 * All are interned: equal means `===`. Building an expression simplifies it the way MLIR's AffineExpr does.
 */
import { invariant } from "../support/diagnostic.ts";

/** What is known of every expression from when it is made. */
interface Facts {
  readonly key: string;
  /** A number of its own: what is keyed by expressions is keyed by these. Not the same from run to run. */
  readonly id: number;
  /** The largest index of a dimension that occurs, or -1. */
  readonly lastDim: number;
  readonly hasSymbols: boolean;
  /** Some part is a quotient or a remainder. */
  readonly divides: boolean;
}

export type AffineExpr =
  | ({ readonly kind: "dim"; readonly index: number } & Facts)
  | ({ readonly kind: "symbol"; readonly index: number } & Facts)
  | ({ readonly kind: "constant"; readonly value: number } & Facts)
  | ({ readonly kind: AffineBinaryKind; readonly lhs: AffineExpr; readonly rhs: AffineExpr } & Facts);

export type AffineBinaryKind = "+" | "*" | "mod" | "floordiv" | "ceildiv";

/** Ids are smaller than this, so that two of them make one number. */
const mostExpressions = 2 ** 26;
let expressions = 0;
function nextId(): number {
  invariant(expressions < mostExpressions, "there are few affine expressions");
  return expressions++;
}

const dims: AffineExpr[] = [];
const symbols: AffineExpr[] = [];
const constants = new Map<number, AffineExpr>();
/** By kind, then by the ids of both sides. */
const binaries: Readonly<Record<AffineBinaryKind, Map<number, AffineExpr>>> = {
  "+": new Map(),
  "*": new Map(),
  mod: new Map(),
  floordiv: new Map(),
  ceildiv: new Map(),
};

export function dim(index: number): AffineExpr {
  for (let i = dims.length; i <= index; i++) {
    dims.push({ kind: "dim", index: i, key: `d${i}`, id: nextId(), lastDim: i, hasSymbols: false, divides: false });
  }
  return dims[index]!;
}

export function symbol(index: number): AffineExpr {
  for (let i = symbols.length; i <= index; i++) {
    symbols.push({
      kind: "symbol",
      index: i,
      key: `s${i}`,
      id: nextId(),
      lastDim: -1,
      hasSymbols: true,
      divides: false,
    });
  }
  return symbols[index]!;
}

export function constant(value: number): AffineExpr {
  // As V8's small integer wherever it is one (a quotient need not be), and 0 for -0: then all expressions have one shape.
  const small = value | 0;
  const v = small === value ? small : value;
  let e = constants.get(v);
  if (!e) {
    e = { kind: "constant", value: v, key: `${v}`, id: nextId(), lastDim: -1, hasSymbols: false, divides: false };
    constants.set(v, e);
  }
  return e;
}

function binary(kind: AffineBinaryKind, lhs: AffineExpr, rhs: AffineExpr): AffineExpr {
  const known = binaries[kind];
  const key = lhs.id * mostExpressions + rhs.id;
  let e = known.get(key);
  if (!e) {
    e = {
      kind,
      lhs,
      rhs,
      key: `(${lhs.key} ${kind} ${rhs.key})`,
      id: nextId(),
      lastDim: Math.max(lhs.lastDim, rhs.lastDim),
      hasSymbols: lhs.hasSymbols || rhs.hasSymbols,
      divides: (kind !== "+" && kind !== "*") || lhs.divides || rhs.divides,
    };
    known.set(key, e);
  }
  return e;
}

/** No dimension occurs in the expression. */
export const isSymbolic = (e: AffineExpr): boolean => e.lastDim < 0;

const isBinary = (e: AffineExpr): e is Extract<AffineExpr, { lhs: AffineExpr }> => "lhs" in e;

/** Splits `e` into a term and its constant factor: `d0 * 3` is [d0, 3], `d0` is [d0, 1]. */
function term(e: AffineExpr): readonly [AffineExpr, number] {
  return e.kind === "*" && e.rhs.kind === "constant" ? [e.lhs, e.rhs.value] : [e, 1];
}

export function add(a: AffineExpr, b: AffineExpr): AffineExpr {
  if (a.kind === "constant" && b.kind === "constant") return constant(a.value + b.value);
  // Constants and symbolic terms go to the right.
  if (a.kind === "constant" || (isSymbolic(a) && !isSymbolic(b))) return add(b, a);
  if (b.kind === "constant" && b.value === 0) return a;
  if (a.kind === "+" && a.rhs.kind === "constant" && b.kind === "constant") {
    return add(a.lhs, constant(a.rhs.value + b.value));
  }
  const [ta, ca] = term(a);
  const [tb, cb] = term(b);
  if (ta === tb) return mul(ta, constant(ca + cb));
  // (x + c) + y = (x + y) + c
  if (a.kind === "+" && a.rhs.kind === "constant") return add(add(a.lhs, b), a.rhs);
  // x + (y + c) = (x + y) + c
  if (b.kind === "+" && b.rhs.kind === "constant") return add(add(a, b.lhs), b.rhs);
  // (x floordiv c) * -c + x = x mod c
  const modulo = asModulo(a, b) ?? asModulo(b, a);
  if (modulo) return modulo;
  return binary("+", a, b);
}

function asModulo(x: AffineExpr, product: AffineExpr): AffineExpr | undefined {
  if (product.kind !== "*" || product.rhs.kind !== "constant") return undefined;
  const { lhs, rhs } = product;
  if (lhs.kind !== "floordiv" || lhs.rhs.kind !== "constant" || lhs.lhs !== x) return undefined;
  return lhs.rhs.value > 0 && rhs.value === -lhs.rhs.value ? mod(x, lhs.rhs) : undefined;
}

export const sub = (a: AffineExpr, b: AffineExpr): AffineExpr => add(a, mul(b, constant(-1)));

export function mul(a: AffineExpr, b: AffineExpr): AffineExpr {
  if (a.kind === "constant" && b.kind === "constant") return constant(a.value * b.value);
  if (a.kind === "constant" || (isSymbolic(a) && !isSymbolic(b))) return mul(b, a);
  if (b.kind === "constant") {
    if (b.value === 0) return b;
    if (b.value === 1) return a;
    if (a.kind === "*" && a.rhs.kind === "constant") return mul(a.lhs, constant(a.rhs.value * b.value));
  }
  if (a.kind === "*" && a.rhs.kind === "constant") return mul(mul(a.lhs, b), a.rhs);
  return binary("*", a, b);
}

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));

/** A positive number that divides every value of the expression. */
export function largestKnownDivisor(e: AffineExpr): number {
  switch (e.kind) {
    case "dim":
    case "symbol":
      return 1;
    case "constant":
      return Math.abs(e.value);
    case "*":
      return largestKnownDivisor(e.lhs) * largestKnownDivisor(e.rhs);
    case "+":
    case "mod":
      return gcd(largestKnownDivisor(e.lhs), largestKnownDivisor(e.rhs));
    default: {
      if (e.rhs.kind !== "constant" || e.rhs.value === 0) return 1;
      const d = largestKnownDivisor(e.lhs);
      return d % e.rhs.value === 0 ? Math.max(1, Math.abs(d / e.rhs.value)) : 1;
    }
  }
}

export const floorDivide = (a: number, b: number): number => Math.floor(a / b);
export const ceilDivide = (a: number, b: number): number => Math.ceil(a / b);
export const modulo = (a: number, b: number): number => a - b * Math.floor(a / b);

export function mod(a: AffineExpr, b: AffineExpr): AffineExpr {
  if (b.kind !== "constant" || b.value < 1) return binary("mod", a, b);
  if (a.kind === "constant") return constant(modulo(a.value, b.value));
  if (largestKnownDivisor(a) % b.value === 0) return constant(0);
  if (a.kind === "+") {
    if (largestKnownDivisor(a.lhs) % b.value === 0) return mod(a.rhs, b);
    if (largestKnownDivisor(a.rhs) % b.value === 0) return mod(a.lhs, b);
  }
  if (a.kind === "mod" && a.rhs.kind === "constant" && a.rhs.value % b.value === 0) return mod(a.lhs, b);
  return binary("mod", a, b);
}

export function floordiv(a: AffineExpr, b: AffineExpr): AffineExpr {
  if (b.kind !== "constant" || b.value === 0) return binary("floordiv", a, b);
  if (a.kind === "constant") return constant(floorDivide(a.value, b.value));
  if (b.value === 1) return a;
  if (a.kind === "*" && a.rhs.kind === "constant" && a.rhs.value % b.value === 0) {
    return mul(a.lhs, constant(a.rhs.value / b.value));
  }
  if (a.kind === "+" && b.value > 0) {
    if (largestKnownDivisor(a.lhs) % b.value === 0 || largestKnownDivisor(a.rhs) % b.value === 0) {
      return add(floordiv(a.lhs, b), floordiv(a.rhs, b));
    }
  }
  return binary("floordiv", a, b);
}

export function ceildiv(a: AffineExpr, b: AffineExpr): AffineExpr {
  if (b.kind !== "constant" || b.value === 0) return binary("ceildiv", a, b);
  if (a.kind === "constant") return constant(ceilDivide(a.value, b.value));
  if (b.value === 1) return a;
  if (a.kind === "*" && a.rhs.kind === "constant" && a.rhs.value % b.value === 0) {
    return mul(a.lhs, constant(a.rhs.value / b.value));
  }
  return binary("ceildiv", a, b);
}

const builders = { "+": add, "*": mul, mod, floordiv, ceildiv };

/** Builds (and simplifies) the binary expression of a kind. */
export const combine = (kind: AffineBinaryKind, a: AffineExpr, b: AffineExpr): AffineExpr => builders[kind](a, b);

/** The expression with dimensions and symbols replaced; what is not given stays. */
export function substitute(
  e: AffineExpr,
  dims: readonly (AffineExpr | undefined)[],
  symbols: readonly (AffineExpr | undefined)[] = [],
): AffineExpr {
  switch (e.kind) {
    case "dim":
      return dims[e.index] ?? e;
    case "symbol":
      return symbols[e.index] ?? e;
    case "constant":
      return e;
    default: {
      if (e.lastDim < 0 && !e.hasSymbols) return e;
      const lhs = substitute(e.lhs, dims, symbols);
      const rhs = substitute(e.rhs, dims, symbols);
      return lhs === e.lhs && rhs === e.rhs ? e : combine(e.kind, lhs, rhs);
    }
  }
}

/** The value of an expression; division and remainder round towards minus infinity, as MLIR's do. */
export function evaluateExpr(e: AffineExpr, dims: readonly number[], symbols: readonly number[] = []): number {
  switch (e.kind) {
    case "dim":
      return dims[e.index]!;
    case "symbol":
      return symbols[e.index]!;
    case "constant":
      return e.value;
    default: {
      const a = evaluateExpr(e.lhs, dims, symbols);
      const b = evaluateExpr(e.rhs, dims, symbols);
      switch (e.kind) {
        case "+":
          return a + b;
        case "*":
          return a * b;
        case "mod":
          return modulo(a, b);
        case "floordiv":
          return floorDivide(a, b);
        case "ceildiv":
          return ceilDivide(a, b);
      }
    }
  }
}

/** Calls `visit` on the expression and everything inside it. */
export function walkExpr(e: AffineExpr, visit: (e: AffineExpr) => void): void {
  visit(e);
  if (isBinary(e)) {
    walkExpr(e.lhs, visit);
    walkExpr(e.rhs, visit);
  }
}

/** The factor of each dimension and the constant rest of a purely linear expression, or undefined if it is not linear. */
export function linear(
  e: AffineExpr,
  numDims: number,
): { readonly factors: readonly number[]; readonly offset: number } | undefined {
  const factors = new Array<number>(numDims).fill(0);
  let offset = 0;
  const visit = (x: AffineExpr, scale: number): boolean => {
    switch (x.kind) {
      case "dim":
        factors[x.index] = factors[x.index]! + scale;
        return true;
      case "constant":
        offset += scale * x.value;
        return true;
      case "+":
        return visit(x.lhs, scale) && visit(x.rhs, scale);
      case "*":
        return x.rhs.kind === "constant" && visit(x.lhs, scale * x.rhs.value);
      default:
        return false;
    }
  };
  return visit(e, 1) ? { factors, offset } : undefined;
}

// --- maps and sets --------------------------------------------------------------------------------------------

export interface AffineMap {
  readonly numDims: number;
  readonly numSymbols: number;
  readonly results: readonly AffineExpr[];
  /** The text between `affine_map<` and `>`. */
  readonly text: string;
}

export interface AffineSet {
  readonly numDims: number;
  readonly numSymbols: number;
  readonly constraints: readonly { readonly expr: AffineExpr; readonly equality: boolean }[];
  /** The text between `affine_set<` and `>`. */
  readonly text: string;
}

const maps = new Map<string, AffineMap>();
const sets = new Map<string, AffineSet>();

function spaceText(numDims: number, numSymbols: number): string {
  const dims = Array.from({ length: numDims }, (_, i) => `d${i}`).join(", ");
  const symbols = numSymbols ? `[${Array.from({ length: numSymbols }, (_, i) => `s${i}`).join(", ")}]` : "";
  return `(${dims})${symbols}`;
}

export function affineMap(numDims: number, numSymbols: number, results: readonly AffineExpr[]): AffineMap {
  let key = `${numDims} ${numSymbols}`;
  for (const r of results) key += ` ${r.id}`;
  let m = maps.get(key);
  if (!m) {
    const text = `${spaceText(numDims, numSymbols)} -> (${results.map((r) => exprText(r)).join(", ")})`;
    m = Object.freeze({ numDims, numSymbols, results: Object.freeze(results.slice()), text });
    maps.set(key, m);
  }
  return m;
}

export function affineSet(
  numDims: number,
  numSymbols: number,
  constraints: readonly { readonly expr: AffineExpr; readonly equality: boolean }[],
): AffineSet {
  const body = constraints.map((c) => `${exprText(c.expr)} ${c.equality ? "==" : ">="} 0`).join(", ");
  const text = `${spaceText(numDims, numSymbols)} : (${body})`;
  let s = sets.get(text);
  if (!s) {
    s = Object.freeze({ numDims, numSymbols, constraints: Object.freeze(constraints.slice()), text });
    sets.set(text, s);
  }
  return s;
}

export const identityMap = (rank: number): AffineMap =>
  affineMap(
    rank,
    0,
    Array.from({ length: rank }, (_, i) => dim(i)),
  );

export const permutationMap = (permutation: readonly number[]): AffineMap =>
  affineMap(permutation.length, 0, permutation.map(dim));

export const isIdentityMap = (m: AffineMap): boolean => m === identityMap(m.numDims) && m.numSymbols === 0;

/** Each dimension occurs exactly once, alone. */
export function isPermutation(m: AffineMap): boolean {
  const seen = new Set<number>();
  for (const r of m.results) if (r.kind === "dim") seen.add(r.index);
  return m.numSymbols === 0 && m.results.length === m.numDims && seen.size === m.numDims;
}

/** The results are distinct dimensions (some may be missing). */
export function isProjectedPermutation(m: AffineMap): boolean {
  const seen = new Set<number>();
  for (const r of m.results) {
    if (r.kind !== "dim" || seen.has(r.index)) return false;
    seen.add(r.index);
  }
  return m.numSymbols === 0;
}

/** The values of a map's results. */
export const evaluateMap = (m: AffineMap, dims: readonly number[], symbols: readonly number[] = []): number[] =>
  m.results.map((r) => evaluateExpr(r, dims, symbols));

/** `outer ∘ inner`: applies `inner`, then `outer` to its results; the symbols of both are kept, the outer's first. */
export function compose(outer: AffineMap, inner: AffineMap): AffineMap {
  invariant(outer.numDims === inner.results.length, "composed maps must fit");
  const shifted = Array.from({ length: inner.numSymbols }, (_, i) => symbol(outer.numSymbols + i));
  const inputs = inner.results.map((r) => substitute(r, [], shifted));
  return affineMap(
    inner.numDims,
    outer.numSymbols + inner.numSymbols,
    outer.results.map((r) => substitute(r, inputs)),
  );
}

/** What stands for a dimension or symbol in the text of an expression. */
export type AffineNaming = (index: number, isSymbol: boolean) => string;
const plainNames: AffineNaming = (index, isSymbol) => `${isSymbol ? "s" : "d"}${index}`;

/** The text of an expression as MLIR prints it (`d0 * 2 + d1 - 1`). */
export function exprText(e: AffineExpr, strong = false, name: AffineNaming = plainNames): string {
  switch (e.kind) {
    case "dim":
      return name(e.index, false);
    case "symbol":
      return name(e.index, true);
    case "constant":
      return `${e.value}`;
    case "+":
      return parenthesized(sumText(e.lhs, e.rhs, name), strong);
    case "*":
      if (e.rhs.kind === "constant" && e.rhs.value === -1) {
        return parenthesized(`-${exprText(e.lhs, true, name)}`, strong);
      }
      return parenthesized(`${exprText(e.lhs, true, name)} * ${exprText(e.rhs, true, name)}`, strong);
    default:
      return parenthesized(`${exprText(e.lhs, true, name)} ${e.kind} ${exprText(e.rhs, true, name)}`, strong);
  }
}

const parenthesized = (text: string, strong: boolean): string => (strong ? `(${text})` : text);

function sumText(a: AffineExpr, b: AffineExpr, name: AffineNaming): string {
  const left = exprText(a, false, name);
  if (b.kind === "constant" && b.value < 0) return `${left} - ${-b.value}`;
  if (b.kind === "*" && b.rhs.kind === "constant" && b.rhs.value < 0) {
    if (b.rhs.value === -1) return `${left} - ${exprText(b.lhs, b.lhs.kind === "+", name)}`;
    return `${left} - ${exprText(b.lhs, true, name)} * ${-b.rhs.value}`;
  }
  return `${left} + ${exprText(b, false, name)}`;
}
