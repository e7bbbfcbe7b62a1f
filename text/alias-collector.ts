/** @file Finds the aliases that a text will need, by walking the IR in the order in which it will be written. */

import type { MlirVersion } from "../ir/attributes.ts";
import type { Block, Operation, Region, Value } from "../ir/core.ts";
import type { Attribute, Type } from "../ir/types.ts";
import type { Location } from "../support/location.ts";
import type { AliasTable } from "./aliases.ts";
import { type ArgumentOptions, BasePrinter, type RegionOptions } from "./base-printer.ts";
import { writerOf } from "./format-write.ts";
import { type Entries, genericEntries } from "./op-attributes.ts";

export interface CollectOptions {
  readonly generic: boolean;
  readonly locations: boolean;
  readonly version: MlirVersion;
}

export class AliasCollector extends BasePrinter {
  override readonly silent = true;
  readonly #aliases: AliasTable;
  readonly #options: CollectOptions;

  constructor(aliases: AliasTable, options: CollectOptions) {
    super();
    this.#aliases = aliases;
    this.#options = options;
  }

  override op(op: Operation): void {
    if (this.#options.locations) this.#aliases.visitLocation(op.loc, true);
    const writer = this.#options.generic || !op.def.registered ? undefined : writerOf(op.def);
    if (writer) writer(op, this);
    else this.genericOp(op);
  }

  override genericOp(op: Operation): void {
    for (const r of op.regions) this.region(r);
    for (const u of op.uses) this.type(u.value.type);
    for (const r of op.results) this.type(r.type);
    const { properties, discardable } = genericEntries(op, this.#options.version);
    if (properties.length === 0) this.#visit(discardable);
    else if (discardable.length === 0) this.#visit(properties);
    else this.#visit([...properties, ...discardable].sort((a, b) => (a[0] < b[0] ? -1 : 1)));
  }

  override region(r: Region, { entryArgs = true, terminator = true }: RegionOptions = {}): void {
    for (const [i, block] of r.blocks.entries()) {
      if (i > 0 || entryArgs) for (const arg of block.args) this.argument(arg);
      const end = i === 0 && !terminator ? block.terminator : null;
      for (let op = block.first; op && op !== end; op = op.next) this.op(op);
    }
  }

  override argument(v: Value, _options?: ArgumentOptions): void {
    this.type(v.type);
    if (this.#options.locations) this.#aliases.visitLocation(v.location, false);
  }

  override type(t: Type): void {
    this.#aliases.visitType(t);
  }

  override types(ts: readonly Type[]): void {
    this.#aliases.visitTypes(ts);
  }

  override attribute(a: Attribute): void {
    this.#aliases.visitAttribute(a);
  }

  override attributeWithoutType(a: Attribute): void {
    this.#aliases.visitAttribute(a);
  }

  override location(l: Location): void {
    if (this.#options.locations) this.#aliases.visitLocation(l, false);
  }

  protected override entries(entries: Entries): void {
    this.#visit(entries);
  }

  #visit(entries: Entries): void {
    for (let i = 0; i < entries.length; i++) this.#aliases.visitAttribute(entries[i]![1]);
  }

  // Text, values and blocks have no aliases.
  override write(): void {}
  override newline(): void {}
  override indented(write: () => void): void {
    write();
  }
  override operand(): void {}
  override operands(): void {}
  override nameOf(): string {
    return "";
  }
  override symbolName(): void {}
  override string(): void {}
  override keywordOrString(): void {}
  override successor(_: Block): void {}
  override affineMapOfOperands(): void {}
  override affineExprOfOperands(): void {}
  override dynamicIndexList(): void {}
}
