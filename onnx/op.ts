/**
 * @file defineImport: how an ONNX operator is said in graph ops. A row holds for the operator set versions from its
 * `since` to the next row's; opset versions end here.
 */
import type { Value } from "../ir/core.ts";
import type { TensorType } from "../ir/types.ts";
import type { Attribute, AttributeType, Graph, Tensor, ValueType } from "./model.ts";
import type { NodeBuilder } from "./node-builder.ts";

export type TensorValue = Value<TensorType>;

type Arity = "one" | "optional" | "many";
export interface Input<N extends string = string, A extends Arity = Arity> {
  readonly name: N;
  readonly arity: A;
}
export const one = <const N extends string>(name: N): Input<N, "one"> => ({ name, arity: "one" });
export const optional = <const N extends string>(name: N): Input<N, "optional"> => ({ name, arity: "optional" });
/** All inputs from here on. */
export const many = <const N extends string>(name: N): Input<N, "many"> => ({ name, arity: "many" });

type ValueOf<I> =
  I extends Input<string, infer A>
    ? A extends "many"
      ? readonly TensorValue[]
      : A extends "optional"
        ? TensorValue | undefined
        : TensorValue
    : never;

/** How an attribute of an operator is read. */
export interface AttrSpec<T = unknown> {
  readonly type: AttributeType;
  readonly required: boolean;
  readonly fallback: T | undefined;
  /** The value; undefined where the attribute's value is not one that we know (of an enumeration). */
  read(a: Attribute): T | undefined;
  /** What values are known, for messages. */
  readonly known?: string;
  default(value: T): AttrSpec<T>;
  optional(): AttrSpec<T | undefined>;
}

function spec<T>(type: AttributeType, read: (a: Attribute) => T | undefined, known?: string): AttrSpec<T> {
  const make = (required: boolean, fallback: T | undefined): AttrSpec<T> => ({
    type,
    required,
    fallback,
    read,
    ...(known === undefined ? {} : { known }),
    default: (value) => make(false, value),
    optional: () => make(false, undefined) as AttrSpec<T | undefined>,
  });
  return make(true, undefined);
}

const text = (a: Attribute): string | undefined =>
  a.type === "string"
    ? typeof a.value === "string"
      ? a.value
      : String.fromCharCode(...a.value.subarray(0, 200))
    : undefined;

/** Attributes by their type in the file. */
export const attr = {
  int: spec<number>("int", (a) => (a.type === "int" ? Number(a.value) : undefined)),
  /** An int that is 0 or not. */
  bool: spec<boolean>("int", (a) => (a.type === "int" ? a.value !== 0n : undefined)),
  ints: spec<readonly number[]>("ints", (a) => (a.type === "ints" ? Array.from(a.value, Number) : undefined)),
  float: spec<number>("float", (a) => (a.type === "float" ? a.value : undefined)),
  floats: spec<readonly number[]>("floats", (a) => (a.type === "floats" ? Array.from(a.value) : undefined)),
  string: spec<string>("string", text),
  strings: spec<readonly string[]>("strings", (a) => (a.type === "strings" ? a.value : undefined)),
  tensor: spec<Tensor>("tensor", (a) => (a.type === "tensor" ? a.value : undefined)),
  graph: spec<Graph>("graph", (a) => (a.type === "graph" ? a.value : undefined)),
  type: spec<ValueType>("type_proto", (a) => (a.type === "type_proto" ? a.value : undefined)),
  /** One of some words. */
  oneOf: <const W extends string>(...words: readonly W[]): AttrSpec<W> =>
    spec<W>("string", (a) => words.find((w) => w === text(a)), words.map((w) => JSON.stringify(w)).join(", ")),
};

export type AttrSpecs = Readonly<Record<string, AttrSpec>>;
type AttrOf<S> = S extends AttrSpec<infer T> ? T : never;

/** Inputs and attributes of a node, by name. */
export type Args<I extends readonly Input[], A extends AttrSpecs> = {
  readonly [F in I[number] as F["name"]]: ValueOf<F>;
} & { readonly [K in keyof A]: AttrOf<A[K]> };

/** The node's outputs in order; undefined where one is not made, or after a fault was reported. */
export type Imported = Value | readonly (Value | undefined)[] | undefined;

export interface ImportRow {
  readonly name: string;
  readonly domain: string;
  readonly since: number;
  readonly inputs: readonly Input[];
  readonly attrs: AttrSpecs;
  import(args: never, b: NodeBuilder): Imported;
}

export function defineImport<const I extends readonly Input[], const A extends AttrSpecs = {}>(
  name: string,
  row: {
    readonly since: number;
    readonly domain?: string;
    readonly inputs: I;
    readonly attrs?: A;
    import(args: Args<I, A>, b: NodeBuilder): Imported;
  },
): ImportRow {
  const { since, domain = "", inputs, attrs = {} } = row;
  return { name, domain, since, inputs, attrs, import: (args, b) => row.import(args, b) };
}
