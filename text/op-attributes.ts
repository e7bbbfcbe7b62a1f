/** @file The attributes of an op as its text shows them: which of them, in which order, as MLIR attributes. */
import type { Attr, MlirVersion } from "../ir/attributes.ts";
import type { Operation } from "../ir/core.ts";
import type { OpInfo } from "../ir/define.ts";
import { type Attribute, i32, sameAttribute } from "../ir/types.ts";

export type Entries = readonly (readonly [name: string, value: Attribute])[];

const none: Entries = Object.freeze([]);

/** The value is what absence of the attribute means. */
export function isDefault(codec: Attr, value: unknown): boolean {
  const { fallback } = codec;
  if (value === fallback) return true;
  if (value === undefined || fallback === undefined) return false;
  if (typeof value !== "object" || typeof fallback !== "object") return false;
  const a = codec.to(value);
  const b = codec.to(fallback);
  return a !== undefined && b !== undefined && sameAttribute(a, b);
}

const byName = (a: readonly [string, unknown], b: readonly [string, unknown]): number =>
  a[0] < b[0] ? -1 : Number(a[0] > b[0]);

/** What `attr-dict` shows: discardable attributes and declared ones that are not the default, without those excepted. */
export function prettyEntries(op: Operation, except: { has(name: string): boolean }): Entries {
  const { attrFields } = op.def;
  let found: [string, Attribute][] | undefined;
  for (let i = 0; i < attrFields.length; i++) {
    const value = op.props[i];
    if (value === undefined) continue;
    const { name, codec } = attrFields[i]!;
    if (except.has(name) || isDefault(codec, value)) continue;
    const a = codec.to(value);
    if (!a) continue;
    found ??= [];
    found.push([name, a]);
  }
  if (op.attributes) {
    for (const [name, a] of op.attributes) {
      if (except.has(name)) continue;
      found ??= [];
      found.push([name, a]);
    }
  }
  if (!found) return none;
  return found.length === 1 ? found : found.sort(byName);
}

export interface GenericEntries {
  /** What stands in `<{…}>`. */
  readonly properties: Entries;
  /** What stands in `{…}` at the end. */
  readonly discardable: Entries;
}

/** The fields of an op's record in the order in which dictionaries list them. */
interface Plan {
  /** Indices of the record's attributes; -1 and -2 stand for the segment sizes of operands and results. */
  readonly order: readonly number[];
  readonly names: readonly string[];
}

const plans = new WeakMap<OpInfo, Plan>();
const OPERANDS = -1;
const RESULTS = -2;

function planOf(def: OpInfo): Plan {
  let plan = plans.get(def);
  if (!plan) {
    const all: [string, number][] = def.attrFields.map((f, i) => [f.name, i]);
    if (def.hasOperandSegments) all.push(["operandSegmentSizes", OPERANDS]);
    if (def.hasResultSegments) all.push(["resultSegmentSizes", RESULTS]);
    all.sort(byName);
    plan = { order: all.map((a) => a[1]), names: all.map((a) => a[0]) };
    plans.set(def, plan);
  }
  return plan;
}

/** What the generic form shows: all there is, defaults included, and how many operands each field has. */
export function genericEntries(op: Operation, version: MlirVersion): GenericEntries {
  const discardable = op.attributes ? [...op.attributes].sort(byName) : none;
  if (!op.def.registered) {
    const props = op.props[0] as Attribute | undefined;
    if (props?.kind !== "dictionary") return { properties: none, discardable };
    return { properties: [...props.entries].sort(byName), discardable };
  }
  const properties = declared(op, version);
  if (!op.def.home?.extension) return { properties, discardable };
  const named = version === 19 ? properties.map(withIrdlName) : properties;
  return { properties: none, discardable: [...named, ...discardable].sort(byName) };
}

/** The names by which MLIR 19 knows the sizes of an op's fields if the op comes from IRDL. */
const irdlNames: Readonly<Record<string, string>> = {
  operandSegmentSizes: "operand_segment_sizes",
  resultSegmentSizes: "result_segment_sizes",
};

const withIrdlName = ([name, a]: readonly [string, Attribute]): readonly [string, Attribute] => [
  irdlNames[name] ?? name,
  a,
];

function declared(op: Operation, version: MlirVersion): Entries {
  const { order, names } = planOf(op.def);
  if (order.length === 0) return none;
  const found: [string, Attribute][] = [];
  for (let i = 0; i < order.length; i++) {
    const field = order[i]!;
    const a =
      field === OPERANDS
        ? segments(op.operandSegments)
        : field === RESULTS
          ? segments(op.resultSegments)
          : spelledIn(op.def.attrFields[field]!.codec, op.props[field], version);
    if (a) found.push([names[i]!, a]);
  }
  return found;
}

function spelledIn(codec: Attr, value: unknown, version: MlirVersion): Attribute | undefined {
  if (value === undefined) return undefined;
  if ((codec.hidesDefault || codec.since > version) && isDefault(codec, value)) return undefined;
  return (version === 22 && codec.later ? codec.later : codec).to(value);
}

const segments = (sizes: readonly number[] | null): Attribute | undefined =>
  sizes ? { kind: "denseArray", element: i32, values: sizes } : undefined;
