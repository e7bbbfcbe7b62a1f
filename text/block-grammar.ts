/** @file The grammar of regions and blocks, read by hand as statements are (op-grammar.ts). */
import { Block, Region } from "../ir/core.ts";
import { keyOfName } from "./names.ts";
import { type EntryArgument, OpGrammar } from "./op-grammar.ts";
import { Fault } from "./token-parser.ts";
import * as T from "./tokens.ts";

const noEntry: readonly EntryArgument[] = [];

export abstract class BlockGrammar extends OpGrammar {
  protected statements(): void {
    do while (this.startsStatement()) this.statement();
    while (this.stray(false));
  }

  /** The next token may start an op. */
  protected startsStatement(): boolean {
    return this.isNext(T.ValueId) || this.isNext(T.StringLiteral) || this.isWord();
  }

  /** Something stands here that starts no statement and ends no block; it is reported and skipped. */
  protected stray(top: boolean): boolean {
    if (this.isNext(T.End) || (!top && (this.isNext(T.RBrace) || this.isNext(T.BlockId)))) return false;
    const mark = this.mark();
    try {
      this.wrongToken("expected operation name in quotes");
    } catch (e) {
      this.recover(e, mark);
    }
    return true;
  }

  override region(entry = noEntry, isolated = false, defaultDialect = ""): Region {
    const open = this.token.startOffset;
    this.expect(T.LBrace, "expected '{' to begin a region");
    const region = new Region();
    const outer = this.block;
    this.enter();
    this.names.enterRegion(isolated);
    this.defaultDialects.push(defaultDialect);
    // A region may begin with a label: it has no block before that.
    if (entry.length > 0 || !(this.isNext(T.BlockId) || this.isNext(T.RBrace))) {
      this.#enterEntry(region, entry);
      this.statements();
      this.#dropEmptyEntry(region, entry);
    }
    while (this.isNext(T.BlockId)) {
      this.#blockLabel(region);
      this.statements();
    }
    if (!this.isNext(T.RBrace)) this.#unclosed(open);
    this.consumeToken();
    this.defaultDialects.pop();
    this.missingBlocks(this.names.leaveRegion());
    this.block = outer;
    this.leave();
    return region;
  }

  /** MLIR says only what it wants at the end of the text; where the region began is more use. */
  #unclosed(open: number): never {
    const at = this.beforeEnd;
    const notes = [{ message: "the region that opens here is not closed", at: this.spanOf(open, open + 1) }];
    throw new Fault("parse/syntax", "expected operation name in quotes", at, at + 1, { notes });
  }

  #enterEntry(region: Region, entry: readonly EntryArgument[]): void {
    if (entry.length > 0 && this.isNext(T.BlockId)) {
      this.fail("parse/syntax", "invalid block name in region with named arguments");
    }
    const block = new Block();
    for (const a of entry) {
      const before = this.names.placeOf(keyOfName(a.name));
      if (before !== undefined) this.#alreadyInUse(a, before);
      const value = block.addArgument(a.type, a.loc);
      this.names.define(keyOfName(a.name), [value], 0, 1, a.at);
    }
    region.append(block);
    this.block = block;
  }

  #alreadyInUse({ name, at }: EntryArgument, before: number): never {
    const notes = [{ message: "previously referenced here", at: this.spanOf(before, before + name.length + 1) }];
    const message = `region entry argument '%${name}' is already in use`;
    throw new Fault("parse/redefinition", message, at, at + name.length + 1, { notes });
  }

  /** The block before the first label counts only if something stands in it. */
  #dropEmptyEntry(region: Region, entry: readonly EntryArgument[]): void {
    const { entry: block } = region;
    if (block.isEmpty && entry.length === 0) region.remove(block);
  }

  protected missingBlocks(missing: readonly { readonly name: string; readonly at: number }[]): void {
    for (const { name, at } of missing) {
      this.report(new Fault("parse/undefined-name", "reference to an undefined block", at, at + name.length + 1));
    }
  }

  /** `^bb(%a: T):`. */
  #blockLabel(region: Region): void {
    const mark = this.mark();
    try {
      const { startOffset: at, end } = this.token;
      this.consumeToken();
      const block = this.names.defineBlock(this.source.text.slice(at + 1, end), at);
      region.append(block);
      this.block = block;
      if (this.takeIf(T.LParen)) {
        if (this.isNext(T.ValueId)) {
          do this.#blockArgument(block);
          while (this.takeIf(T.Comma));
        }
        this.expect(T.RParen);
      }
      this.expect(T.Colon, "expected ':' after block name");
    } catch (e) {
      this.recover(e, mark);
      this.block = region.blocks.at(-1) ?? new Block();
    }
  }

  #blockArgument(block: Block): void {
    const at = this.token.startOffset;
    this.expect(T.ValueId, "expected SSA operand");
    const end = this.beforeEnd;
    this.expect(T.Colon, "expected ':' and type for SSA operand");
    const type = this.typeHere();
    const loc = this.isNext(T.Key.loc) ? this.location() : this.spanOf(at, end);
    const value = block.addArgument(type, loc);
    this.names.define(this.keyAt(at + 1, end), [value], 0, 1, at);
  }
}
