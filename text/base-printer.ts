/**
 * @file What the printer and the collector of aliases have in common: the pretty form of an op is walked by both, once
 * to find out which aliases it needs and once to write it.
 */

import type { AffineExpr, AffineMap } from "../ir/affine.ts";
import type { AsmPrinter } from "../ir/asm.ts";
import type { Block, Operation, Region, Value } from "../ir/core.ts";
import { type Attribute, isDynamic, type Type } from "../ir/types.ts";
import { InternalError } from "../support/diagnostic.ts";
import type { Location } from "../support/location.ts";
import { attributeWriter, type FormatPrinter } from "./format-fields.ts";
import { type Entries, prettyEntries } from "./op-attributes.ts";

export type RegionOptions = NonNullable<Parameters<AsmPrinter["region"]>[1]>;
export type ArgumentOptions = NonNullable<Parameters<AsmPrinter["argument"]>[1]>;

export abstract class BasePrinter implements FormatPrinter {
  abstract readonly silent: boolean;

  abstract write(text: string): void;
  abstract newline(): void;
  abstract indented(write: () => void): void;
  abstract operand(v: Value): void;
  abstract nameOf(v: Value): string;
  abstract type(t: Type): void;
  abstract attribute(a: Attribute): void;
  abstract attributeWithoutType(a: Attribute): void;
  abstract symbolName(name: string): void;
  abstract string(text: string): void;
  abstract keywordOrString(word: string): void;
  abstract region(r: Region, options?: RegionOptions): void;
  abstract argument(v: Value, options?: ArgumentOptions): void;
  abstract op(op: Operation): void;
  abstract genericOp(op: Operation): void;
  abstract location(l: Location): void;
  abstract successor(b: Block): void;
  abstract affineExprOfOperands(expr: AffineExpr, dims: readonly Value[], symbols: readonly Value[]): void;
  /** ` {…}` or ` attributes {…}`; there is at least one entry. */
  protected abstract entries(entries: Entries, keyword: boolean): void;

  operands(vs: readonly Value[]): void {
    for (let i = 0; i < vs.length; i++) {
      if (i > 0) this.write(", ");
      this.operand(vs[i]!);
    }
  }

  types(ts: readonly Type[]): void {
    for (let i = 0; i < ts.length; i++) {
      if (i > 0) this.write(", ");
      this.type(ts[i]!);
    }
  }

  optionalArrowTypes(ts: readonly Type[]): void {
    if (ts.length === 0) return;
    this.write(" -> ");
    this.#resultTypes(ts);
  }

  functionType(inputs: readonly Type[], results: readonly Type[]): void {
    this.write("(");
    this.types(inputs);
    this.write(") -> ");
    this.#resultTypes(results);
  }

  #resultTypes(ts: readonly Type[]): void {
    const alone = ts.length === 1 && ts[0]!.kind !== "function";
    if (!alone) this.write("(");
    this.types(ts);
    if (!alone) this.write(")");
  }

  prop(op: Operation, name: string): void {
    const index = op.def.attrIndex.get(name);
    if (index === undefined) throw new InternalError(`${op.name} has no attribute '${name}'`, op.loc);
    attributeWriter(op.def.attrFields[index]!.codec, index)(op, this);
  }

  attrDict(op: Operation, except: readonly string[] = []): void {
    this.attrDictExcept(op, asSet(except), false);
  }

  attrDictWithKeyword(op: Operation, except: readonly string[] = []): void {
    this.attrDictExcept(op, asSet(except), true);
  }

  attrDictExcept(op: Operation, except: { has(name: string): boolean }, keyword: boolean): void {
    if (op.attributes === null && op.props.length === 0) return;
    const entries = prettyEntries(op, except);
    if (entries.length > 0) this.entries(entries, keyword);
  }

  dictionary(entries: ReadonlyMap<string, Attribute>, except: readonly string[] = []): void {
    if (entries.size === 0) return;
    const left = [...entries].filter(([name]) => !except.includes(name));
    left.sort((a, b) => (a[0] < b[0] ? -1 : 1));
    if (left.length > 0) this.entries(left, false);
  }

  successorWithOperands(b: Block, operands: readonly Value[]): void {
    this.successor(b);
    if (operands.length === 0) return;
    this.write("(");
    this.operands(operands);
    this.write(" : ");
    this.types(operands.map((v) => v.type));
    this.write(")");
  }

  affineMapOfOperands(map: AffineMap, dims: readonly Value[], symbols: readonly Value[]): void {
    map.results.forEach((e, i) => {
      if (i > 0) this.write(", ");
      this.affineExprOfOperands(e, dims, symbols);
    });
  }

  dynamicIndexList(
    statics: readonly number[],
    operands: readonly Value[],
    { scalable = [], delimiter = "[]" }: NonNullable<Parameters<AsmPrinter["dynamicIndexList"]>[2]> = {},
  ): void {
    let next = 0;
    this.write(delimiter[0]!);
    for (let i = 0; i < statics.length; i++) {
      if (i > 0) this.write(", ");
      if (scalable[i]) this.write("[");
      if (isDynamic(statics[i]!)) this.operand(operands[next++]!);
      else this.write(String(statics[i]));
      if (scalable[i]) this.write("]");
    }
    this.write(delimiter[1]!);
  }
}

const nothing: ReadonlySet<string> = new Set();

const asSet = (names: readonly string[]): { has(name: string): boolean } =>
  names.length === 0 ? nothing : { has: (name) => names.includes(name) };
