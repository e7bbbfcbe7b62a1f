/**
 * @file Writes IR as MLIR text, byte for byte as `mlir-opt` does: pretty by default, or generic. (LLVM's
 * AsmPrinter is the reference; the rules are in its order: names, then aliases, then text.)
 */
import { type AffineExpr, exprText } from "../ir/affine.ts";
import type { MlirVersion } from "../ir/attributes.ts";
import type { Block, Operation, Region, Value } from "../ir/core.ts";
import { keyText, quote, Speller, type SpellerOptions, symbolText } from "../ir/spell.ts";
import { Isolated } from "../ir/traits.ts";
import type { Attribute, AttributeOf, Type } from "../ir/types.ts";
import type { Location } from "../support/location.ts";
import { AliasCollector } from "./alias-collector.ts";
import { AliasSpeller, AliasTable } from "./aliases.ts";
import { type ArgumentOptions, BasePrinter, type RegionOptions } from "./base-printer.ts";
import { writerOf } from "./format-write.ts";
import { ValueNames } from "./numbering.ts";
import { type Entries, genericEntries } from "./op-attributes.ts";
import { ResourceList } from "./resources.ts";
import { blockUsersComment, usersComment } from "./users.ts";

export interface PrintOptions {
  /** Every op in the generic form. */
  readonly generic?: boolean;
  /** Places, as `loc(…)`. */
  readonly debugInfo?: boolean;
  /** No aliases, and numbers that start at the nearest isolated op: each line can be read by itself. */
  readonly localScope?: boolean;
  /** Constants with more elements than this are written `dense_resource<__elided__>`. */
  readonly elideElementsAttrsIfLarger?: number;
  /** Leaves out resources whose text would be longer than this many characters. */
  readonly elideResourcesIfLarger?: number;
  /** Whether the bytes of big constants follow at the end of the text, or only their names are written. */
  readonly resources?: "names" | "inline";
  /** Which MLIR's generic form. */
  readonly mlirVersion?: MlirVersion;
  /** A comment after each op that names its users. */
  readonly valueUsers?: boolean;
  /** Values keep the names of the text they were read from, where those say more than a number. */
  readonly keepNames?: boolean;
}

/** The text of an op and everything in it, ending with a line break. */
export function print(op: Operation, options: PrintOptions = {}): string {
  const generic = options.generic ?? false;
  const names = new ValueNames(scopeOf(op, options.localScope ?? false), {
    generic,
    keepNames: options.keepNames ?? false,
    numberAllOps: options.valueUsers ?? false,
  });
  const isWhole = op.parentOp === null && !options.localScope;
  const aliases = new AliasTable();
  if (isWhole) {
    const version = options.mlirVersion ?? 19;
    new AliasCollector(aliases, { generic, locations: options.debugInfo ?? false, version }).op(op);
    aliases.finish();
  }
  const resources = new ResourceList();
  const speller = makeSpeller(aliases, options, resources);
  const printer = new Printer(names, speller, options);
  printer.line(op);
  const head = aliases.definitions(speller, false);
  const tail = aliases.definitions(speller, true);
  const data = options.resources === "inline" && isWhole ? resources.section(options.elideResourcesIfLarger) : "";
  return `${head}${printer.text()}\n${tail}${data}`;
}

/** The op from which on values are numbered. */
function scopeOf(op: Operation, local: boolean): Operation {
  let top = op;
  while (top.parentOp && !(local && top.def.has(Isolated))) top = top.parentOp;
  return top;
}

/** Spells without aliases or options; kept, so that it knows the text of every type. */
const plainSpeller = new Speller();

function makeSpeller(aliases: AliasTable, options: PrintOptions, resources: ResourceList): Speller {
  const spelling: SpellerOptions = { elideElementsIfLarger: options.elideElementsAttrsIfLarger };
  if (options.resources === "inline") return new RecordingSpeller(aliases, spelling, resources);
  if (!aliases.isEmpty) return new AliasSpeller(aliases, spelling);
  return options.elideElementsAttrsIfLarger === undefined ? plainSpeller : new Speller(spelling);
}

/** Takes down which resources the text names. */
class RecordingSpeller extends AliasSpeller {
  readonly #resources: ResourceList;

  constructor(aliases: AliasTable, options: SpellerOptions, resources: ResourceList) {
    super(aliases, options);
    this.#resources = resources;
  }

  protected override resource(a: AttributeOf<"resource">): void {
    this.#resources.add(a);
  }
}

const INDENT = "  ";

class Printer extends BasePrinter {
  override readonly silent = false;
  readonly #names: ValueNames;
  readonly #speller: Speller;
  readonly #generic: boolean;
  readonly #locations: boolean;
  readonly #users: boolean;
  readonly #version: MlirVersion;
  readonly #chunks: string[] = [];
  #indent = "";
  /** The dialect whose name is left out before ops; around everything it is the builtin one. */
  #dialect = "builtin";

  constructor(names: ValueNames, speller: Speller, options: PrintOptions) {
    super();
    this.#names = names;
    this.#speller = speller;
    this.#generic = options.generic ?? false;
    this.#locations = options.debugInfo ?? false;
    this.#users = options.valueUsers ?? false;
    this.#version = options.mlirVersion ?? 19;
  }

  text(): string {
    return this.#chunks.join("");
  }

  /** An op with the names of its results, without the line break. */
  line(op: Operation): void {
    this.write(this.#indent);
    if (op.results.length > 0) this.write(`${this.#names.definitions(op)} = `);
    this.op(op);
    this.location(op.loc);
    if (this.#users) this.write(usersComment(op, this.#names));
  }

  override op(op: Operation): void {
    const writer = this.#generic || !op.def.registered ? undefined : writerOf(op.def);
    if (!writer || op.def.spec.isPretty?.(op.def.of(op) as never) === false) {
      this.genericOp(op);
      return;
    }
    const { name } = op;
    const short = op.def.dialect === this.#dialect && name.indexOf(".") === name.lastIndexOf(".");
    this.write(short ? name.slice(this.#dialect.length + 1) : name);
    writer(op, this);
  }

  override genericOp(op: Operation): void {
    const { uses, results, successors, regions } = op;
    this.write(`"${op.name}"(`);
    for (let i = 0; i < uses.length; i++) {
      this.write(i > 0 ? `, ${this.#names.of(uses[i]!.value)}` : this.#names.of(uses[i]!.value));
    }
    this.write(")");
    if (successors.length > 0) this.write(`[${successors.map((b) => this.#names.ofBlock(b)).join(", ")}]`);
    const { properties, discardable } = genericEntries(op, this.#version);
    if (properties.length > 0) this.write(` <{${this.#list(properties)}}>`);
    if (regions.length > 0) {
      this.write(" (");
      for (let i = 0; i < regions.length; i++) {
        if (i > 0) this.write(", ");
        this.region(regions[i]!, { emptyBlock: true });
      }
      this.write(")");
    }
    if (discardable.length > 0) this.entries(discardable, false);
    this.write(" : (");
    for (let i = 0; i < uses.length; i++) {
      if (i > 0) this.write(", ");
      this.write(this.#speller.type(uses[i]!.value.type));
    }
    if (results.length === 1) this.write(`) -> ${this.#speller.resultTypes([results[0]!.type])}`);
    else this.write(results.length === 0 ? ") -> ()" : `) -> (${this.#speller.types(results.map((r) => r.type))})`);
  }

  override region(r: Region, { entryArgs = true, terminator = true, emptyBlock = false }: RegionOptions = {}): void {
    this.write("{\n");
    const outer = this.#dialect;
    this.#dialect = r.parent?.def.spec.defaultDialect ?? "";
    for (let i = 0; i < r.blocks.length; i++) {
      const block = r.blocks[i]!;
      const header = i > 0 || (emptyBlock && block.isEmpty) || (entryArgs && block.args.length > 0);
      this.#block(block, header, i > 0 || terminator);
    }
    this.#dialect = outer;
    this.write(`${this.#indent}}`);
  }

  #block(block: Block, header: boolean, terminator: boolean): void {
    if (header) this.#blockHeader(block);
    const outer = this.#indent;
    this.#indent += INDENT;
    if (this.#users) {
      for (const arg of block.args) this.write(`${this.#indent}${blockUsersComment(arg, this.#names)}\n`);
    }
    const end = terminator ? null : block.terminator;
    for (let op = block.first; op && op !== end; op = op.next) {
      this.line(op);
      this.write("\n");
    }
    this.#indent = outer;
  }

  #blockHeader(block: Block): void {
    this.write(this.#indent + this.#names.ofBlock(block));
    if (block.args.length > 0) {
      this.write("(");
      block.args.forEach((arg, i) => {
        if (i > 0) this.write(", ");
        this.argument(arg);
      });
      this.write(")");
    }
    this.write(`:${this.#predecessors(block)}\n`);
  }

  /** One entry for each edge, in the order of the blocks. */
  #predecessors(block: Block): string {
    const found = block.predecessors();
    if (found.length === 0) return block.parent?.blocks[0] === block ? "" : "  // no predecessors";
    const names = found.map((b) => this.#names.ofBlock(b)).join(", ");
    return found.length === 1 ? `  // pred: ${names}` : `  // ${found.length} preds: ${names}`;
  }

  override argument(v: Value, { type = true, attributes }: ArgumentOptions = {}): void {
    this.write(this.#names.of(v));
    if (type) this.write(`: ${this.#speller.type(v.type)}`);
    if (attributes) this.dictionary(attributes);
    // MLIR reads no aliases here.
    if (this.#locations) this.write(` loc(${this.#speller.locationBody(v.location)})`);
  }

  override write(text: string): void {
    this.#chunks.push(text);
  }

  override newline(): void {
    this.#chunks.push("\n", this.#indent);
  }

  override indented(write: () => void): void {
    const outer = this.#indent;
    this.#indent += INDENT;
    write();
    this.#indent = outer;
  }

  override operand(v: Value): void {
    this.write(this.#names.of(v));
  }

  override nameOf(v: Value): string {
    return this.#names.of(v);
  }

  override type(t: Type): void {
    this.write(this.#speller.type(t));
  }

  override attribute(a: Attribute): void {
    this.write(this.#speller.attribute(a));
  }

  override attributeWithoutType(a: Attribute): void {
    this.write(this.#speller.untyped(a));
  }

  override symbolName(name: string): void {
    this.write(symbolText(name));
  }

  override string(text: string): void {
    this.write(quote(text));
  }

  override keywordOrString(word: string): void {
    this.write(keyText(word));
  }

  override location(l: Location): void {
    if (this.#locations) this.write(` ${this.#speller.location(l)}`);
  }

  override successor(b: Block): void {
    this.write(this.#names.ofBlock(b));
  }

  override affineExprOfOperands(expr: AffineExpr, dims: readonly Value[], symbols: readonly Value[]): void {
    this.write(
      exprText(expr, false, (i, isSymbol) =>
        isSymbol ? `symbol(${this.#names.of(symbols[i]!)})` : this.#names.of(dims[i]!),
      ),
    );
  }

  protected override entries(entries: Entries, keyword: boolean): void {
    this.write(`${keyword ? " attributes" : ""} {${this.#list(entries)}}`);
  }

  #list(entries: Entries): string {
    const only = entries.length === 1 ? entries[0]! : undefined;
    if (only) return this.#speller.entry(only[0], only[1]);
    return entries.map(([name, value]) => this.#speller.entry(name, value)).join(", ");
  }
}
