/** @file The grammar of regions and blocks. */
import { Block, Region } from "../ir/core.ts";
import { keyOfName } from "./names.ts";
import { type EntryArgument, OpGrammar, type RegionArguments, wantedOperand } from "./op-grammar.ts";
import { Fault } from "./token-parser.ts";
import * as T from "./tokens.ts";

const noEntry: readonly EntryArgument[] = [];

export abstract class BlockGrammar extends OpGrammar {
  protected readonly statements = this.RULE("statements", (): void => {
    do this.MANY(this.#oneStatement);
    while (!this.RECORDING_PHASE && this.stray(false));
  });
  readonly #oneStatement = (): void => this.SUBRULE(this.statement);

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

  /** A region in braces; `entry` are the arguments of its first block. */
  readonly region = this.RULE(
    "region",
    (...[entry = noEntry, isolated = false, defaultDialect]: RegionArguments): Region => {
      const open = this.CONSUME(T.LBrace, regionOpen).startOffset;
      const region = this.ACTION(() => new Region()) as Region;
      const outer = this.block;
      this.ACTION(() => {
        this.enter();
        this.names.enterRegion(isolated);
        this.defaultDialects.push(defaultDialect ?? "");
        this.#enterEntry(region, entry);
      });
      this.SUBRULE(this.statements);
      this.ACTION(() => this.#dropEmptyEntry(region, entry));
      this.MANY(() => {
        this.SUBRULE(this.blockLabel, { ARGS: [region] });
        this.SUBRULE2(this.statements);
      });
      this.ACTION(() => {
        if (!this.isNext(T.RBrace)) this.#unclosed(open);
      });
      this.CONSUME(T.RBrace);
      this.ACTION(() => {
        this.defaultDialects.pop();
        this.missingBlocks(this.names.leaveRegion());
        this.block = outer;
        this.leave();
      });
      return region;
    },
  );

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
  protected readonly blockLabel = this.RULE("blockLabel", (region?: Region): void => {
    const mark = this.ACTION(() => this.mark());
    try {
      const id = this.CONSUME(T.BlockId);
      const block = this.ACTION(() => {
        const made = this.names.defineBlock(id.image.slice(1), id.startOffset);
        region!.append(made);
        this.block = made;
        return made;
      });
      this.OPTION(() => {
        this.CONSUME(T.LParen);
        this.OPTION2(() => {
          this.SUBRULE(this.blockArgument, { ARGS: [block] });
          this.MANY(() => {
            this.CONSUME(T.Comma);
            this.SUBRULE2(this.blockArgument, { ARGS: [block] });
          });
        });
        this.CONSUME(T.RParen);
      });
      this.CONSUME(T.Colon, { ERR_MSG: "expected ':' after block name" });
    } catch (e) {
      const block = this.block;
      this.recover(e, mark);
      this.block = block;
    }
  });

  protected readonly blockArgument = this.RULE("blockArgument", (block?: Block): void => {
    const id = this.CONSUME(T.ValueId, wantedOperand);
    const at = id.startOffset;
    const end = this.beforeEnd;
    this.CONSUME(T.Colon, { ERR_MSG: "expected ':' and type for SSA operand" });
    const type = this.SUBRULE(this.type);
    const loc = this.OPTION(() => this.SUBRULE(this.location));
    this.ACTION(() => {
      const value = block!.addArgument(type, loc ?? this.spanOf(at, end));
      this.names.define(this.keyAt(at + 1, end), [value], 0, 1, at);
    });
  });
}

const regionOpen = { ERR_MSG: "expected '{' to begin a region" };
