/**
 * @file Aliases: what is written once at the top (or, for places, at the end) of a text and named wherever it is
 * used. MLIR gives them to affine maps, sets, places and long tuples, numbers them in the order in which printing
 * meets them, and sorts them so that what an alias needs comes before it.
 */
import type { AffineMap, AffineSet } from "../ir/affine.ts";
import { isType, Speller, type SpellerOptions } from "../ir/spell.ts";
import { type Attribute, attributeKey, type OpaqueAttribute, type OpaqueType, type Type } from "../ir/types.ts";
import type { Location } from "../support/location.ts";

interface Alias {
  readonly stem: string;
  readonly of: Attribute | Type | Location;
  readonly sort: "attribute" | "type" | "location";
  /** How deep aliases nest below it, itself counted. */
  depth: number;
  /** May be defined after its uses. Only places may, and only where all their uses are places of ops. */
  deferrable: boolean;
  readonly children: Set<Alias>;
  /** `#map1`; known when all are collected. */
  name: string;
}

/** MLIR gives tuples with more elements than this an alias. */
const LONG_TUPLE = 16;

/** Attributes of other dialects of MLIR that it gives aliases, which are named after their mnemonics. */
const ALIASED = /^#llvm\.(access_group|alias_scope(?:_domain)?|di_(?!expression)\w+|loop_\w+|tbaa_\w+)(?![\w.])/;

/** What the alias of an opaque attribute is called; undefined for the others, which have none. */
function stemOf({ text }: OpaqueAttribute): string | undefined {
  if (text.startsWith("#sparse_tensor.encoding<")) return "sparse";
  if (text.startsWith("#llvm.")) return ALIASED.exec(text)?.[1];
  return text.startsWith("distinct[") && !text.endsWith("]<>") ? "distinct" : undefined;
}

const spelled = new Speller();

export class AliasTable {
  readonly #all: Alias[] = [];
  readonly #maps = new Map<AffineMap | AffineSet, Alias>();
  readonly #types = new Map<Type, Alias>();
  readonly #opaque = new Map<string, Alias>();
  readonly #locations = new Map<Location, Alias>();
  readonly #locationTexts = new Map<string, Alias>();
  /** How deep aliases nest in a type already seen. */
  readonly #typeDepths = new Map<Type, number>();
  /** The aliases inside which we are. */
  readonly #inside: Alias[] = [];

  // --- collecting ---------------------------------------------------------------------------------------------

  /** Meets a type. Answers how deep aliases nest in it, 0 for none; the other visits do the same. */
  visitType(t: Type): number {
    const known = this.#typeDepths.get(t);
    if (known !== undefined && (known === 0 || this.#inside.length === 0)) return known;
    const alias =
      t.kind === "tuple" && t.elements.length > LONG_TUPLE
        ? this.#enter(this.#types, t, "tuple", t, "type", false)
        : undefined;
    const depth = this.#leave(alias, this.#visitInsideType(t));
    this.#typeDepths.set(t, depth);
    return depth;
  }

  visitTypes(ts: readonly Type[]): number {
    let depth = 0;
    for (const t of ts) depth = Math.max(depth, this.visitType(t));
    return depth;
  }

  visitAttribute(a: Attribute): number {
    switch (a.kind) {
      case "integer":
      case "float":
      case "bool":
      case "unit":
      case "denseArray":
      case "symbol":
      case "strided":
        return 0;
      case "map":
        return this.#leave(this.#enter(this.#maps, a.map, "map", a, "attribute", false), 0);
      case "set":
        return this.#leave(this.#enter(this.#maps, a.set, "set", a, "attribute", false), 0);
      case "string":
        return a.type ? above(this.visitType(a.type)) : 0;
      case "type":
      case "dense":
      case "resource":
        return above(this.visitType(a.type));
      case "array": {
        let depth = 0;
        for (const e of a.elements) depth = Math.max(depth, this.visitAttribute(e));
        return above(depth);
      }
      case "dictionary":
        return above(this.visitEntries(a.entries));
      case "location":
        return this.visitLocation(a.location, false);
      case "opaque": {
        const stem = stemOf(a);
        const alias =
          stem === undefined ? undefined : this.#enter(this.#opaque, attributeKey(a), stem, a, "attribute", false);
        const inside = Math.max(this.#visitParts(a), a.type ? this.visitType(a.type) : 0);
        return this.#leave(alias, inside);
      }
    }
  }

  visitEntries(entries: ReadonlyMap<string, Attribute>): number {
    let depth = 0;
    for (const name of [...entries.keys()].sort()) depth = Math.max(depth, this.visitAttribute(entries.get(name)!));
    return depth;
  }

  /** `deferrable`: the place of an op, whose alias may be defined later. */
  visitLocation(l: Location, deferrable: boolean): number {
    const known = this.#locations.get(l);
    if (known && (deferrable || !known.deferrable) && this.#inside.length === 0) return known.depth;
    const text = spelled.locationBody(l);
    const alias = this.#enter(this.#locationTexts, text, "loc", l, "location", deferrable);
    this.#locations.set(l, alias);
    let depth = 0;
    switch (l.kind) {
      case "name":
        if (l.child && l.child.kind !== "unknown") depth = this.visitLocation(l.child, deferrable);
        break;
      case "call":
        depth = Math.max(this.visitLocation(l.callee, deferrable), this.visitLocation(l.caller, deferrable));
        break;
      case "fused":
        for (const inner of l.locations) depth = Math.max(depth, this.visitLocation(inner, deferrable));
        break;
      default:
        break;
    }
    return this.#leave(alias, depth);
  }

  #visitInsideType(t: Type): number {
    switch (t.kind) {
      case "complex":
      case "vector":
        return this.visitType(t.element);
      case "tuple":
        return this.visitTypes(t.elements);
      case "function":
        return Math.max(this.visitTypes(t.inputs), this.visitTypes(t.results));
      case "tensor":
        return Math.max(this.visitType(t.element), t.encoding ? this.visitAttribute(t.encoding) : 0);
      case "memref": {
        const element = this.visitType(t.element);
        const layout = t.layout ? this.visitAttribute(t.layout) : 0;
        return Math.max(element, layout, t.memorySpace ? this.visitAttribute(t.memorySpace) : 0);
      }
      case "opaque":
        return this.#visitParts(t);
      default:
        return 0;
    }
  }

  #visitParts(x: OpaqueAttribute | OpaqueType): number {
    let depth = 0;
    for (const p of x.parts ?? []) {
      if (typeof p === "string") continue;
      depth = Math.max(depth, isType(p) ? this.visitType(p) : this.visitAttribute(p));
    }
    return depth;
  }

  #enter<K>(
    table: Map<K, Alias>,
    key: K,
    stem: string,
    of: Alias["of"],
    sort: Alias["sort"],
    deferrable: boolean,
  ): Alias {
    let alias = table.get(key);
    if (!alias) {
      alias = { stem, of, sort, depth: 1, deferrable, children: new Set(), name: "" };
      table.set(key, alias);
      this.#all.push(alias);
    } else if (!deferrable) undefer(alias);
    this.#inside.at(-1)?.children.add(alias);
    this.#inside.push(alias);
    return alias;
  }

  #leave(alias: Alias | undefined, inside: number): number {
    if (!alias) return above(inside);
    this.#inside.pop();
    alias.depth = Math.max(alias.depth, inside + 1);
    return alias.depth;
  }

  // --- naming and printing ------------------------------------------------------------------------------------

  /** Gives the names, once everything has been met. */
  finish(): void {
    // Array.prototype.sort keeps the order of what compares equal: that of meeting.
    this.#all.sort(
      (a, b) =>
        a.depth - b.depth ||
        Number(b.sort === "type") - Number(a.sort === "type") ||
        (a.stem < b.stem ? -1 : Number(a.stem > b.stem)),
    );
    const counts = new Map<string, number>();
    for (const alias of this.#all) {
      const n = counts.get(alias.stem) ?? 0;
      counts.set(alias.stem, n + 1);
      alias.name = `${alias.sort === "type" ? "!" : "#"}${alias.stem}${n === 0 ? "" : n}`;
    }
  }

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  nameOfType(t: Type): string | undefined {
    return this.#types.get(t)?.name;
  }

  nameOfAttribute(a: Attribute): string | undefined {
    switch (a.kind) {
      case "map":
        return this.#maps.get(a.map)?.name;
      case "set":
        return this.#maps.get(a.set)?.name;
      case "location":
        return this.nameOfLocation(a.location);
      case "opaque":
        return this.#opaque.size === 0 ? undefined : this.#opaque.get(attributeKey(a))?.name;
      default:
        return undefined;
    }
  }

  nameOfLocation(l: Location): string | undefined {
    return (this.#locations.get(l) ?? this.#locationTexts.get(spelled.locationBody(l)))?.name;
  }

  /** The lines that define the aliases; deferred ones stand at the end of the text. */
  definitions(speller: Speller, deferred: boolean): string {
    let text = "";
    for (const { name, of, sort, deferrable } of this.#all) {
      if (deferrable !== deferred) continue;
      const body =
        sort === "location"
          ? `loc(${speller.locationBody(of as Location)})`
          : sort === "type"
            ? speller.typeBody(of as Type)
            : speller.attributeBody(of as Attribute);
      text += `${name} = ${body}\n`;
    }
    return text;
  }
}

/** What contains an alias is one deeper than the alias, whether or not it has one of its own. */
const above = (depth: number): number => (depth === 0 ? 0 : depth + 1);

function undefer(alias: Alias): void {
  if (!alias.deferrable) return;
  alias.deferrable = false;
  for (const child of alias.children) undefer(child);
}

/** Spells with the aliases of a table. */
export class AliasSpeller extends Speller {
  readonly #aliases: AliasTable;

  constructor(aliases: AliasTable, options: SpellerOptions = {}) {
    super(options);
    this.#aliases = aliases;
  }

  override typeAlias(t: Type): string | undefined {
    return t.kind === "tuple" ? this.#aliases.nameOfType(t) : undefined;
  }

  override attributeAlias(a: Attribute): string | undefined {
    return this.#aliases.nameOfAttribute(a);
  }

  override locationAlias(l: Location): string | undefined {
    return this.#aliases.nameOfLocation(l);
  }
}
