/**
 * @file Attribute codecs: how a native value (a number, a list of numbers, a keyword) is written as an MLIR attribute and
 * read back. Records declare their attributes with these; pass options use the same ones.
 */
import type { AffineMap } from "./affine.ts";
import {
  type Attribute,
  type AttributeOf,
  boolAttribute,
  dynamic,
  float as floatType,
  type IntegerType,
  i1,
  i32,
  i64,
  index as indexType,
  integer,
  integerAttribute,
  mapAttribute,
  stringAttribute,
  type Type,
  typeAttribute,
  unitAttribute,
} from "./types.ts";

/** How the attribute stands in a pretty form. */
export type AttrAsm =
  /** As any attribute, with its type. */
  | { readonly kind: "full" }
  /** The type is implied: `4`, not `4 : i64`. */
  | { readonly kind: "untyped"; readonly type: Type }
  /** Present or absent; present it is `unit`, or nothing at all where its presence is told by a keyword. */
  | { readonly kind: "unit" }
  /** A bare word, which is the native value. */
  | { readonly kind: "keyword"; readonly words: readonly string[] }
  /** `<word>` or `<word, word>` after the mnemonic, which pretty forms leave out. */
  | { readonly kind: "angle"; readonly mnemonic: string; readonly words: readonly string[]; readonly many: boolean }
  /** `@name`. */
  | { readonly kind: "symbol" }
  /** `[1, 2]`, integers, floats or booleans of a dense array. */
  | { readonly kind: "list" };

/** Versions of MLIR whose generic form is written. */
export type MlirVersion = 19 | 22;

export interface Attr<T = unknown, Required extends boolean = boolean> {
  readonly required: Required;
  readonly fallback: T | undefined;
  /** What it must be, for messages: "64-bit signless integer attribute". */
  readonly label: string;
  readonly asm: AttrAsm;
  /** The generic form leaves the default out (ODS: DefaultValuedOptionalAttr; else DefaultValuedAttr). */
  readonly hidesDefault: boolean;
  /** The version of MLIR that knows the attribute first; older ones are not told of its default. */
  readonly since: MlirVersion;
  /** How MLIR 22 writes it, where that is another attribute. `from` takes both. */
  readonly later: Attr<T> | undefined;
  /** Whether a value of the right kind is one that the op may have; any is without. */
  check?(value: T): boolean;
  /** The attribute of a value; undefined where the value is written by absence. */
  to(value: T): Attribute | undefined;
  /** The value of an attribute; undefined if it is not of this kind. */
  from(a: Attribute): T | undefined;
  /** The same attribute, absent meaning this value. The generic form writes it all the same. */
  default(value: T): Attr<T, false>;
  /** The same attribute, absent meaning this value; the generic form writes it only where it is another. */
  ifAbsent(value: T): Attr<T, false>;
  /** The same attribute, possibly absent. */
  optional(): Attr<T | undefined, false>;
  /** The same attribute, which MLIR 19 does not have yet: its generic form shows it only where it is not the default. */
  since22(): Attr<T, Required>;
  /** The same attribute, which MLIR 22 writes with another codec. */
  in22(codec: Attr<T>): Attr<T, Required>;
}

const full: AttrAsm = { kind: "full" };

function codec<T>(
  label: string,
  asm: AttrAsm,
  to: (value: T) => Attribute | undefined,
  from: (a: Attribute) => T | undefined,
): Attr<T, true> {
  return make({
    label,
    asm,
    to,
    from,
    required: true,
    fallback: undefined,
    hidesDefault: false,
    since: 19,
    later: undefined,
  });
}

type Parts<T, R extends boolean> = Omit<Attr<T, R>, "default" | "ifAbsent" | "optional" | "since22" | "in22">;

/** The codec with its methods, each of which answers a changed copy. */
function make<T, R extends boolean>(parts: Parts<T, R>): Attr<T, R> {
  return {
    ...parts,
    default: (fallback) => make({ ...parts, required: false, fallback }),
    ifAbsent: (fallback) => make({ ...parts, required: false, fallback, hidesDefault: true }),
    optional: () =>
      make<T | undefined, false>({ ...(parts as Parts<T | undefined, R>), required: false, fallback: undefined }),
    since22: () => make({ ...parts, since: 22 }),
    in22: (later) => make({ ...parts, later, from: (a) => parts.from(a) ?? later.from(a) }),
  };
}

const integerOf = (type: Type, label: string): Attr<number, true> =>
  codec(
    label,
    { kind: "untyped", type },
    (v) => integerAttribute(v, type),
    (a) => (a.kind === "integer" && a.type === type ? Number(a.value) : undefined),
  );

/** How MLIR writes `dynamic` in a list of 64-bit integers. */
const dynamicText = -(2n ** 63n);

const denseArray = (element: Type, label: string): Attr<readonly number[], true> =>
  codec(
    label,
    { kind: "list" },
    (v) => ({
      kind: "denseArray",
      element,
      values: element === i64 ? v.map((x) => (x === dynamic ? dynamicText : BigInt(x))) : v,
    }),
    (a) =>
      a.kind === "denseArray" && a.element === element
        ? a.values.map((x) => (x === dynamicText ? dynamic : Number(x)))
        : undefined,
  );

const arrayOf = <T>(label: string, to: (v: T) => Attribute, from: (a: Attribute) => T | undefined) =>
  codec<readonly T[]>(
    label,
    full,
    (v) => ({ kind: "array", elements: v.map(to) }),
    (a) => {
      if (a.kind !== "array") return undefined;
      const out: T[] = [];
      for (const e of a.elements) {
        const one = from(e);
        if (one === undefined) return undefined;
        out.push(one);
      }
      return out;
    },
  );

/** A reference to a symbol: `@root::@nested`. */
export interface SymbolRef {
  readonly root: string;
  readonly nested: readonly string[];
}

/** Builders of codecs. Each is MLIR's attribute constraint of the same meaning. */
export const attr = {
  /** I64Attr. */
  int: integerOf(i64, "64-bit signless integer attribute"),
  i32: integerOf(i32, "32-bit signless integer attribute"),
  i8: integerOf(integer(8), "8-bit signless integer attribute"),
  index: integerOf(indexType, "index attribute"),
  /** DenseI64ArrayAttr. */
  ints: denseArray(i64, "i64 dense array attribute"),
  i32s: denseArray(i32, "i32 dense array attribute"),
  bools: codec<readonly boolean[]>(
    "i1 dense array attribute",
    { kind: "list" },
    (v) => ({ kind: "denseArray", element: i1, values: v.map(Number) }),
    (a) => (a.kind === "denseArray" && a.element === i1 ? a.values.map(Boolean) : undefined),
  ),
  f32s: denseArray(floatType("f32"), "f32 dense array attribute"),
  f64s: denseArray(floatType("f64"), "f64 dense array attribute"),
  /** I64ArrayAttr, `[1, 2]`. */
  intArray: arrayOf<number>(
    "64-bit integer array attribute",
    (v) => integerAttribute(v, i64),
    (a) => (a.kind === "integer" && a.type === i64 ? Number(a.value) : undefined),
  ),
  /** ReassociationIndices, `[[0, 1], [2]]`: which dimensions of the longer shape form each one of the shorter. */
  reassociation: arrayOf<readonly number[]>(
    "Array of 64-bit integer array attributes",
    (v) => ({ kind: "array", elements: v.map((n) => integerAttribute(n, i64)) }),
    (a) => {
      if (a.kind !== "array") return undefined;
      const out: number[] = [];
      for (const e of a.elements) {
        if (e.kind !== "integer" || e.type !== i64) return undefined;
        out.push(Number(e.value));
      }
      return out;
    },
  ),
  boolArray: arrayOf<boolean>("1-bit boolean array attribute", boolAttribute, (a) =>
    a.kind === "bool" ? a.value : undefined,
  ),
  strings: arrayOf<string>("string array attribute", stringAttribute, (a) =>
    a.kind === "string" ? a.value : undefined,
  ),
  maps: arrayOf<AffineMap>("AffineMap array attribute", mapAttribute, (a) => (a.kind === "map" ? a.map : undefined)),
  array: arrayOf<Attribute>(
    "array attribute",
    (a) => a,
    (a) => a,
  ),
  bool: codec<boolean>("bool attribute", full, boolAttribute, (a) => (a.kind === "bool" ? a.value : undefined)),
  f32: codec<number>(
    "32-bit float attribute",
    { kind: "untyped", type: floatType("f32") },
    (v) => ({ kind: "float", value: v, type: floatType("f32") }),
    (a) => (a.kind === "float" && a.type === floatType("f32") ? a.value : undefined),
  ),
  f64: codec<number>(
    "64-bit float attribute",
    { kind: "untyped", type: floatType("f64") },
    (v) => ({ kind: "float", value: v, type: floatType("f64") }),
    (a) => (a.kind === "float" && a.type === floatType("f64") ? a.value : undefined),
  ),
  string: codec<string>("string attribute", full, stringAttribute, (a) => (a.kind === "string" ? a.value : undefined)),
  /** SymbolNameAttr: a string that pretty forms write `@name`. */
  symbolName: codec<string>("string attribute", { kind: "symbol" }, stringAttribute, (a) =>
    a.kind === "string" ? a.value : undefined,
  ),
  /** FlatSymbolRefAttr. */
  symbol: codec<string>(
    "flat symbol reference attribute",
    full,
    (v) => ({ kind: "symbol", root: v, nested: [] }),
    (a) => (a.kind === "symbol" && a.nested.length === 0 ? a.root : undefined),
  ),
  /** SymbolRefAttr. */
  symbolRef: codec<SymbolRef>(
    "symbol reference attribute",
    full,
    (v) => ({ kind: "symbol", root: v.root, nested: v.nested }),
    (a) => (a.kind === "symbol" ? a : undefined),
  ),
  type: codec<Type>("any type attribute", full, typeAttribute, (a) => (a.kind === "type" ? a.type : undefined)),
  map: codec<AffineMap>("AffineMap attribute", full, mapAttribute, (a) => (a.kind === "map" ? a.map : undefined)),
  set: codec<AttributeOf<"set">>(
    "IntegerSet attribute",
    full,
    (a) => a,
    (a) => (a.kind === "set" ? a : undefined),
  ),
  /** UnitAttr: present is true, absent is false. */
  unit: codec<boolean>(
    "unit attribute",
    { kind: "unit" },
    (v) => (v ? unitAttribute : undefined),
    (a) => (a.kind === "unit" ? true : undefined),
  ).default(false),
  dictionary: codec<ReadonlyMap<string, Attribute>>(
    "dictionary attribute",
    full,
    (v) => ({ kind: "dictionary", entries: v }),
    (a) => (a.kind === "dictionary" ? a.entries : undefined),
  ),
  any: codec<Attribute>(
    "any attribute",
    full,
    (a) => a,
    (a) => a,
  ),
  /** An attribute that satisfies a predicate, kept as an attribute. */
  where: (label: string, test: (a: Attribute) => boolean): Attr<Attribute, true> =>
    codec<Attribute>(
      label,
      full,
      (a) => a,
      (a) => (test(a) ? a : undefined),
    ),
  /** One of some words, written as a string; for pass options and our own dialects. */
  oneOf: <const V extends string>(...words: readonly V[]): Attr<V, true> =>
    codec<V>(
      `one of ${words.join(", ")}`,
      { kind: "keyword", words },
      (v) => stringAttribute(v),
      (a) => (a.kind === "string" ? words.find((w) => w === a.value) : undefined),
    ),
  /** An enumeration stored as an integer (`predicate = 2 : i64`), a bare word in pretty forms. */
  enumInt: <const V extends string>(words: readonly V[], type: IntegerType = i64): Attr<V, true> =>
    codec<V>(
      `allowed ${type.width}-bit signless integer cases: ${words.map((_, i) => i).join(", ")}`,
      { kind: "keyword", words },
      (v) => integerAttribute(words.indexOf(v), type),
      (a) => (a.kind === "integer" && a.type === type ? words[Number(a.value)] : undefined),
    ),
  /** A dialect's enumeration attribute: `#vector.kind<add>`. */
  enumAttr: <const V extends string>(mnemonic: string, words: readonly V[]): Attr<V, true> =>
    codec<V>(
      `${mnemonic} attribute`,
      { kind: "angle", mnemonic, words, many: false },
      (v) => ({ kind: "opaque", text: `#${mnemonic}<${v}>` }),
      (a) => {
        const body = dialectBody(a, mnemonic);
        return words.find((w) => w === body);
      },
    ),
  /**
   * A dialect's set of flags: `#arith.fastmath<nnan,ninf>`; the empty set is `none`, all of them may have a word.
   * MLIR separates the words of some sets by `,`, of others by `, `.
   */
  flags: <const V extends string>(
    mnemonic: string,
    words: readonly V[],
    all?: string,
    separator = ",",
  ): Attr<readonly V[], true> =>
    codec<readonly V[]>(
      `${mnemonic} attribute`,
      { kind: "angle", mnemonic, words: ["none", ...words, ...(all ? [all] : [])], many: true },
      (v) => {
        const body =
          v.length === 0
            ? "none"
            : all && v.length === words.length
              ? all
              : words.filter((w) => v.includes(w)).join(separator);
        return { kind: "opaque", text: `#${mnemonic}<${body}>` };
      },
      (a) => {
        const body = dialectBody(a, mnemonic);
        if (body === undefined) return undefined;
        if (body === "none") return [];
        if (body === all) return words;
        const given = body.split(/\s*,\s*/);
        return given.every((g) => words.some((w) => w === g)) ? words.filter((w) => given.includes(w)) : undefined;
      },
    ),
  /** A codec of one's own. */
  custom: codec,
};

/** The text inside `#mnemonic<…>`, if the attribute is that. */
export function dialectBody(a: Attribute, mnemonic: string): string | undefined {
  if (a.kind !== "opaque" || !a.text.startsWith(`#${mnemonic}<`) || !a.text.endsWith(">")) return undefined;
  return a.text.slice(mnemonic.length + 2, -1).trim();
}

/** An attribute that may have only some of the values of another one; the verifier checks. */
export const bounded = <T>(base: Attr<T, true>, label: string, check: (value: T) => boolean): Attr<T, true> =>
  make({ ...base, label, check });
