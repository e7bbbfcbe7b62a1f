/**
 * @file defineOp and defineDialect: one record in; builder, typed view and matcher out. Parser, printer, verifier,
 * folder, interpreter, lowerings and docs read the record.
 */
import { invariant } from "../support/diagnostic.ts";
import type { Location } from "../support/location.ts";
import type { AsmParser, AsmPrinter, ParsedOp } from "./asm.ts";
import type { Attr } from "./attributes.ts";
import type { Builder } from "./builder.ts";
import { Block, Operation, Region, Value } from "./core.ts";
import type { Effect } from "./effects.ts";
import type { Datum, Evaluator, ScalarFactory } from "./evaluate.ts";
import { type Field, type Fields, fieldRange, needsSegments } from "./fields.ts";
import type { Implementation } from "./interface.ts";
import type { SymbolScope } from "./symbols.ts";
import {
  ConstantLike,
  type Fail,
  SameVariadicOperandSize,
  SameVariadicResultSize,
  Terminator,
  type Trait,
} from "./traits.ts";
import type { Attribute, Type } from "./types.ts";

export type Attrs = Readonly<Record<string, Attr>>;

type Arg<F> =
  F extends Field<string, infer T, infer A>
    ? A extends "many"
      ? readonly Value<T>[]
      : A extends "optional"
        ? Value<T> | undefined
        : Value<T>
    : never;
type In<F> =
  F extends Field<string, Type, infer A>
    ? A extends "many"
      ? readonly Value[]
      : A extends "optional"
        ? Value | undefined
        : Value
    : never;
type Run<F> =
  F extends Field<string, infer T, infer A>
    ? A extends "many"
      ? readonly Datum<T>[]
      : A extends "optional"
        ? Datum<T> | undefined
        : Datum<T>
    : never;
type Named<Fs extends Fields> = { readonly [F in Fs[number] as F["name"]]: Arg<F> };
type RunNamed<Fs extends Fields> = { readonly [F in Fs[number] as F["name"]]: Run<F> };
type AttrValues<A extends Attrs> = { readonly [K in keyof A]: A[K] extends Attr<infer T> ? T : never };
type RequiredKeys<A extends Attrs> = { [K in keyof A]: A[K]["required"] extends true ? K : never }[keyof A];
type AttrInput<A extends Attrs> = { readonly [K in RequiredKeys<A>]: A[K] extends Attr<infer T> ? T : never } & {
  readonly [K in Exclude<keyof A, RequiredKeys<A>>]?: A[K] extends Attr<infer T> ? T | undefined : never;
};

/** Operands and attributes by name: what `infer` and `enter` see, before there is an op. */
export type Ins<O extends Fields, A extends Attrs> = Named<O> & AttrValues<A>;
/** A typed window on an operation: operands, attributes, results and regions by name. */
export type View<O extends Fields, A extends Attrs, R extends Fields, G extends readonly string[]> = {
  readonly op: Operation;
} & Named<O> &
  AttrValues<A> &
  Named<R> & { readonly [K in G[number]]: Region };
/** Operands as run-time data, attributes, and regions to call. */
export type RunArgs<O extends Fields, A extends Attrs, G extends readonly string[]> = RunNamed<O> &
  AttrValues<A> & { readonly [K in G[number]]: Region };
type Out<R extends Fields> = R extends readonly [Field<string, infer T, "one">]
  ? Value<T>
  : R extends readonly [Field<string, infer T, "many">]
    ? readonly Value<T>[]
    : R extends readonly []
      ? Operation
      : { readonly [K in keyof R]: Arg<R[K]> };

/**
 * Fills a region: its arguments in, what its terminator hands over out. A body that ends its block itself answers
 * nothing. A ready Region is taken as it is.
 */
export type Body = ((b: Builder, ...args: Value[]) => readonly Value[] | undefined) | Region;
type Bodies<G extends readonly string[]> = { readonly [K in G[number]]?: Body };
interface Extra {
  /** Discardable attributes. */
  readonly extra?: ReadonlyMap<string, Attribute>;
  readonly successors?: readonly Block[];
  /** Further regions of an op whose last region field is open (see `openRegions`). */
  readonly moreRegions?: readonly Region[];
}
/** Result types may be given even where they can be inferred (`inferLoosely`). */
interface Types {
  readonly types?: readonly Type[];
}
type Rest<A extends Attrs, G extends readonly string[], I extends boolean> = I extends true
  ? [RequiredKeys<A>] extends [never]
    ? [rest?: AttrInput<A> & Bodies<G> & Extra & Types]
    : [rest: AttrInput<A> & Bodies<G> & Extra & Types]
  : [rest: AttrInput<A> & Bodies<G> & Extra & { readonly types: readonly Type[] }];

/** The record of an op. */
export interface Spec<O extends Fields, A extends Attrs, R extends Fields, G extends readonly string[]> {
  /** One or more sentences; the first is the summary. */
  readonly doc: string;
  readonly operands?: O;
  readonly attrs?: A;
  readonly results?: R;
  readonly regions?: G;
  /** The last region field may stand for any number of regions. */
  readonly openRegions?: boolean;
  readonly successors?: readonly string[];
  /** There may be any number of successors (the last name stands for the rest). */
  readonly openSuccessors?: boolean;
  /** For branches: the operand field that is handed to each successor. */
  readonly successorOperands?: Readonly<Record<string, string>>;
  readonly traits?: readonly Trait[];
  readonly interfaces?: readonly Implementation[];
  /** Directly inside its regions, ops of this dialect are written without the dialect's name (`return` for `func.return`). */
  readonly defaultDialect?: string;
  /** Declarative assembly format, in the language of MLIR's ODS. */
  readonly assembly?: string;
  /** Types that the text need not write, from those already known (operands, results and attributes by name). */
  readonly deduce?: Readonly<Record<string, (known: KnownTypes) => Type | readonly Type[] | undefined>>;
  /** A syntax beyond the declarative format: reads what stands after the op's name. */
  parse?(p: AsmParser, at: Location): ParsedOp;
  /** Whether the pretty form can say all of an op; where it cannot, the generic form is written. */
  isPretty?(view: View<O, A, R, G>): boolean;
  /** Writes what stands after the op's name, the blank before it included. */
  print?(view: View<O, A, R, G>, p: AsmPrinter): void;
  /**
   * Names that the printer may give to the results (`alloc`, printed `%alloc`, `%alloc_0`, …), and to arguments of the
   * regions' entry blocks. A result with a name begins a group of its own; without one it belongs to the group before.
   */
  names?(view: View<O, A, R, G>): readonly (string | undefined)[];
  argNames?(view: View<O, A, R, G>, region: number): readonly (string | undefined)[];
  /** Result types from operands and attributes. With it builders need no types; undefined is "cannot say, verify will". */
  infer?(ins: Ins<O, A>): readonly Type[] | undefined;
  /** The written result types need not be those that `infer` gives (only compatible with them; `verify` checks). */
  readonly inferLoosely?: boolean;
  /** What types and traits cannot say. `symbols` looks symbols up, as seen from an op. */
  verify?(view: View<O, A, R, G>, fail: Fail, symbols: SymbolScope): void;
  /** How the regions fit the op, asked once what stands in them is well formed. */
  verifyBodies?(view: View<O, A, R, G>, fail: Fail): void;
  effects?(view: View<O, A, R, G>): readonly Effect[];
  /** Types of the arguments with which each region starts. */
  enter?(ins: Ins<O, A>): { readonly [K in G[number]]?: readonly Type[] };
  /** Fills in what a builder was not given and what follows from the rest: bodies of empty regions. */
  complete?(op: Operation, b: Builder): void;
  /** The terminator that regions end with, where the text may leave it out and builders add it. */
  terminator?(): OpInfo;
  /** The meaning of an elementwise op on single elements. */
  readonly scalar?: ScalarFactory;
  /** The meaning of any other op. Constant folding is this, applied to constants. */
  evaluate?(args: RunArgs<O, A, G>, run: Evaluator): readonly unknown[] | unknown;
  /** The same said in lower words: the values that replace the results. */
  expand?(view: View<O, A, R, G>, b: Builder): readonly Value[] | undefined;
}

/** Types and attributes known so far while a text is read. Fields of open length give arrays. */
export interface KnownTypes {
  type(field: string): Type | undefined;
  typesOf(field: string): readonly Type[] | undefined;
  attr(name: string): unknown;
}

export interface AttrField {
  readonly name: string;
  readonly codec: Attr;
}

/** The record as shared code sees it: the same fields, without the static types. */
export type ErasedSpec = Spec<Fields, Attrs, Fields, readonly string[]>;

/** What shared code knows of an op. */
export interface OpInfo {
  readonly opName: string;
  readonly dialect: string;
  /** The dialect it is listed in; undefined until there is one. */
  readonly home: Dialect | undefined;
  /** False for ops of dialects that are not known; they have a name and nothing else. */
  readonly registered: boolean;
  readonly spec: ErasedSpec;
  readonly operandFields: Fields;
  readonly resultFields: Fields;
  readonly attrFields: readonly AttrField[];
  readonly attrIndex: ReadonlyMap<string, number>;
  /** The attributes of an op that is given none. */
  readonly fallbacks: readonly unknown[];
  readonly regionNames: readonly string[];
  readonly traits: ReadonlySet<Trait>;
  readonly interfaces: ReadonlyMap<symbol, object>;
  readonly isTerminator: boolean;
  readonly isConstant: boolean;
  /** Several operand (result) fields are open, so ops store how long each is. */
  readonly hasOperandSegments: boolean;
  readonly hasResultSegments: boolean;
  has(trait: Trait): boolean;
  is(op: Operation): boolean;
  of(op: Operation): object;
  effects(op: Operation): readonly Effect[] | undefined;
}

export interface OpDef<
  N extends string,
  O extends Fields,
  A extends Attrs,
  R extends Fields,
  G extends readonly string[],
  I extends boolean,
> extends Omit<OpInfo, "of" | "opName"> {
  (b: Builder, ...args: [...{ [K in keyof O]: In<O[K]> }, ...Rest<A, G, I>]): Out<R>;
  readonly opName: N;
  is(op: Operation): boolean;
  /** The view of an operation known to be of this kind. */
  of(op: Operation): View<O, A, R, G>;
  /** The view, if the value comes from (or the operation is) an op of this kind. */
  match(v: Value | Operation | null | undefined): View<O, A, R, G> | undefined;
}

/** The view of an op definition: `ViewOf<typeof addf>`. */
export type ViewOf<D> = D extends { of(op: Operation): infer V } ? V : never;

type NoFields = readonly [];

export function defineOp<
  const N extends string,
  const O extends Fields = NoFields,
  const A extends Attrs = {},
  const R extends Fields = NoFields,
  const G extends readonly string[] = NoFields,
>(name: N, spec: Spec<O, A, R, G> & { infer(ins: Ins<O, A>): readonly Type[] | undefined }): OpDef<N, O, A, R, G, true>;
export function defineOp<
  const N extends string,
  const O extends Fields = NoFields,
  const A extends Attrs = {},
  const G extends readonly string[] = NoFields,
>(name: N, spec: Spec<O, A, NoFields, G> & { readonly results?: NoFields }): OpDef<N, O, A, NoFields, G, true>;
export function defineOp<
  const N extends string,
  const O extends Fields = NoFields,
  const A extends Attrs = {},
  const R extends Fields = NoFields,
  const G extends readonly string[] = NoFields,
>(name: N, spec: Spec<O, A, R, G>): OpDef<N, O, A, R, G, false>;
export function defineOp(name: string, spec: ErasedSpec): unknown {
  const info = describe(name, spec);
  const build = (b: Builder, ...args: unknown[]): unknown => buildOp(def, b, args);
  const View = makeView(info);
  const def: OpInfo = attach(build as never, {
    ...info,
    is: (op: Operation) => op.def === def,
    of: (op: Operation) => new View(op),
    effects: (op: Operation) => spec.effects?.(new View(op) as never),
  });
  (def as { match?: unknown }).match = (v: Value | Operation | null | undefined): unknown => {
    const op = v instanceof Value ? v.definingOp : v;
    return op && op.def === def ? new View(op) : undefined;
  };
  return def;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Gives a builder function the fields of a definition. They are written one by one: so all definitions have one hidden
 * class, and `op.def.x` costs a load. With Object.assign or defineProperty each becomes a hash table.
 */
function attach(to: Writable<OpInfo>, info: OpInfo): OpInfo {
  to.opName = info.opName;
  to.dialect = info.dialect;
  to.home = info.home;
  to.registered = info.registered;
  to.spec = info.spec;
  to.operandFields = info.operandFields;
  to.resultFields = info.resultFields;
  to.attrFields = info.attrFields;
  to.attrIndex = info.attrIndex;
  to.fallbacks = info.fallbacks;
  to.regionNames = info.regionNames;
  to.traits = info.traits;
  to.interfaces = info.interfaces;
  to.isTerminator = info.isTerminator;
  to.isConstant = info.isConstant;
  to.hasOperandSegments = info.hasOperandSegments;
  to.hasResultSegments = info.hasResultSegments;
  to.has = info.has;
  to.is = info.is;
  to.of = info.of;
  to.effects = info.effects;
  return to;
}

const emptySpec: ErasedSpec = Object.freeze({ doc: "" });

/** The definition of an op of which nothing is known but its name. Its one prop is the `<{…}>` dictionary of its text. */
export function unregisteredOp(name: string): OpInfo {
  const info: OpInfo = {
    ...describe(name, emptySpec),
    registered: false,
    is: (op) => op.def === info,
    of: (op) => ({ op }),
    effects: () => undefined,
  };
  return info;
}

function describe(name: string, spec: ErasedSpec): Omit<OpInfo, "is" | "of" | "effects"> {
  const traits = new Set(spec.traits ?? []);
  const attrFields = Object.entries(spec.attrs ?? {}).map(([n, codec]) => ({ name: n, codec }));
  return {
    opName: name,
    dialect: name.slice(0, Math.max(0, name.indexOf("."))),
    home: undefined,
    registered: true,
    spec,
    operandFields: spec.operands ?? [],
    resultFields: spec.results ?? [],
    attrFields,
    attrIndex: new Map(attrFields.map((f, i) => [f.name, i])),
    fallbacks: Object.freeze(attrFields.map((f) => f.codec.fallback)),
    regionNames: spec.regions ?? [],
    traits,
    interfaces: new Map((spec.interfaces ?? []).map((i) => [i.iface, i.methods])),
    isTerminator: traits.has(Terminator),
    isConstant: traits.has(ConstantLike),
    hasOperandSegments: needsSegments(spec.operands ?? []) && !traits.has(SameVariadicOperandSize),
    hasResultSegments: needsSegments(spec.results ?? []) && !traits.has(SameVariadicResultSize),
    has: (t) => traits.has(t),
  };
}

/** The values of each field, by name. */
function nameValues(
  fields: Fields,
  values: readonly unknown[],
  segments: readonly number[] | null,
  into: Record<string, unknown>,
): void {
  for (let i = 0; i < fields.length; i++) {
    const f = fields[i]!;
    const [start, end] = fieldRange(fields, i, values.length, segments);
    into[f.name] = f.arity === "many" ? values.slice(start, end) : start < end ? values[start] : undefined;
  }
}

/** Operands and attributes by name, for `infer` and `enter`, before the op exists. */
export function insOf(
  def: OpInfo,
  operands: readonly Value[],
  props: readonly unknown[],
  segments: readonly number[] | null,
): Record<string, unknown> {
  const ins: Record<string, unknown> = {};
  nameValues(def.operandFields, operands, segments, ins);
  for (let i = 0; i < def.attrFields.length; i++) ins[def.attrFields[i]!.name] = props[i];
  return ins;
}

const nothingGiven: Extra & Record<string, unknown> & { types?: readonly Type[] } = Object.freeze({});
const noTypes: readonly Type[] = Object.freeze([]);
const noIns = Object.freeze({});

function buildOp(def: OpInfo, b: Builder, args: readonly unknown[]): unknown {
  const { spec, operandFields, resultFields, attrFields, regionNames } = def;
  const rest = (args[operandFields.length] ?? nothingGiven) as typeof nothingGiven;
  const operands: Value[] = [];
  const segments: number[] | null = def.hasOperandSegments ? [] : null;
  for (let i = 0; i < operandFields.length; i++) {
    const given = args[i] as Value | readonly Value[] | undefined;
    const before = operands.length;
    if (given instanceof Value) operands.push(given);
    else if (given !== undefined) for (let k = 0; k < given.length; k++) operands.push(given[k]!);
    segments?.push(operands.length - before);
  }
  const operandSegments = segments;
  const props = new Array<unknown>(attrFields.length);
  for (let i = 0; i < attrFields.length; i++) {
    const f = attrFields[i]!;
    const given = rest[f.name];
    props[i] = given === undefined ? f.codec.fallback : given;
  }
  const needIns = (rest.types === undefined && spec.infer !== undefined) || spec.enter !== undefined;
  const ins = needIns ? insOf(def, operands, props, operandSegments) : noIns;
  const types = rest.types ?? spec.infer?.(ins as never) ?? noTypes;
  invariant(
    types.length > 0 || resultFields.every((f) => f.arity !== "one"),
    `${def.opName}: the result types cannot be inferred and were not given`,
    b.loc,
  );
  const entered = spec.enter?.(ins as never) as Record<string, readonly Type[]> | undefined;
  const regions: Region[] = [];
  for (const name of regionNames) {
    const body = rest[name] as Body | undefined;
    if (body === undefined && spec.openRegions && name === regionNames[regionNames.length - 1]) continue;
    regions.push(body instanceof Region ? body : fillRegion(def, b, body, entered?.[name] ?? []));
  }
  if (rest.moreRegions) regions.push(...rest.moreRegions);
  const op = new Operation(def, {
    operands,
    props,
    resultTypes: types,
    regions,
    successors: rest.successors ?? [],
    attributes: rest.extra ? new Map(rest.extra) : null,
    operandSegments,
    resultSegments: def.hasResultSegments
      ? resultFields.map((f) => (f.arity === "one" ? 1 : types.length - resultFields.length + 1))
      : null,
    loc: b.loc,
  });
  spec.complete?.(op, b);
  b.insert(op);
  if (resultFields.length === 0) return op;
  if (resultFields.length === 1) return resultFields[0]!.arity === "one" ? op.results[0] : op.results;
  return op.results;
}

function fillRegion(
  def: OpInfo,
  b: Builder,
  body: Exclude<Body, Region> | undefined,
  argTypes: readonly Type[],
): Region {
  const region = new Region();
  if (!body) return region;
  const block = new Block(argTypes);
  region.append(block);
  const inner = b.inside(block);
  const answer = body(inner, ...block.args);
  const end = def.spec.terminator?.();
  if (!block.terminator && end && answer !== undefined) {
    inner.insert(new Operation(end, { operands: answer, props: end.fallbacks.slice(), loc: b.loc }));
  }
  return region;
}

/** A class of views, one per definition, with its getters on the prototype. */
function makeView(
  info: Pick<OpInfo, "operandFields" | "resultFields" | "attrFields" | "regionNames">,
): new (
  op: Operation,
) => object {
  class View {
    // Only declared: fields of a class that is made at run time are initialised slowly.
    declare readonly op: Operation;
    constructor(op: Operation) {
      this.op = op;
    }
  }
  const getter = (name: string, get: (op: Operation) => unknown): void => {
    Object.defineProperty(View.prototype, name, {
      get(this: View) {
        return get(this.op);
      },
      enumerable: true,
      configurable: true,
    });
  };
  const { operandFields, resultFields, attrFields, regionNames } = info;
  regionNames.forEach((name, i) => {
    getter(name, (op) => op.regions[i]);
  });
  resultFields.forEach((f, i) => {
    const simple = resultFields.slice(0, i + 1).every((x) => x.arity === "one");
    getter(
      f.name,
      simple
        ? (op) => op.results[i]
        : (op) => pick(f, op.results, fieldRange(resultFields, i, op.results.length, op.resultSegments)),
    );
  });
  operandFields.forEach((f, i) => {
    const simple = operandFields.slice(0, i + 1).every((x) => x.arity === "one");
    getter(
      f.name,
      simple
        ? (op) => op.uses[i]?.value
        : (op) => {
            const range = fieldRange(operandFields, i, op.uses.length, op.operandSegments);
            if (f.arity === "many") return op.uses.slice(range[0], range[1]).map((u) => u.value);
            return range[0] < range[1] ? op.uses[range[0]]?.value : undefined;
          },
    );
  });
  attrFields.forEach((f, i) => {
    getter(f.name, (op) => op.props[i]);
  });
  return View;
}

function pick(f: Field, values: readonly Value[], [start, end]: readonly [number, number]): unknown {
  return f.arity === "many" ? values.slice(start, end) : start < end ? values[start] : undefined;
}

// --- dialects -------------------------------------------------------------------------------------------------

/** A rewrite as dialects list it; `rewrite/` gives it its form. */
export interface RuleLike {
  readonly root: OpInfo;
  readonly doc: string;
}

export interface Dialect {
  readonly name: string;
  readonly doc: string;
  readonly ops: readonly OpInfo[];
  readonly rules: readonly RuleLike[];
  /**
   * Not a dialect of MLIR: stock tools know it through IRDL, whose ops have no `<{properties}>`. The generic form
   * writes their attributes with the others.
   */
  readonly extension: boolean;
  /** MLIR has ops in it that are not in `ops`: where unknown dialects are allowed, so are they. */
  readonly partial: boolean;
  /** The op that stands around a whole program; a text of several ops has one around it. */
  readonly top?: OpInfo;
  /** How the dialect writes down a known value: for folding. Undefined if it cannot write this one. */
  constant?(b: Builder, value: Attribute, type: Type): Value | undefined;
}

export function defineDialect(
  name: string,
  parts: {
    readonly doc: string;
    readonly ops: readonly OpInfo[];
    readonly rules?: readonly RuleLike[];
    readonly extension?: boolean;
    readonly partial?: boolean;
    readonly top?: OpInfo;
    readonly constant?: (b: Builder, value: Attribute, type: Type) => Value | undefined;
  },
): Dialect {
  for (const op of parts.ops) invariant(op.dialect === name, `${op.opName} is no op of ${name}`);
  const { doc, ops, rules = [], extension = false, partial = false, top, constant } = parts;
  const more = { ...(top && { top }), ...(constant && { constant }) };
  const dialect: Dialect = { name, doc, ops, rules, extension, partial, ...more };
  for (const op of ops) (op as { home: Dialect }).home = dialect;
  return dialect;
}
