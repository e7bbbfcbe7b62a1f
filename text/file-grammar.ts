/** @file The grammar of a whole text: ops, aliases, file metadata, and places that are defined at its end. */
import type { Context } from "../ir/context.ts";
import { Block } from "../ir/core.ts";
import type { Diagnostics } from "../support/diagnostic.ts";
import type { Location } from "../support/location.ts";
import type { Source } from "../support/source.ts";
import { BlockGrammar } from "./block-grammar.ts";
import { FAULT_LIMIT, TooManyFaults } from "./op-grammar.ts";
import { Fault } from "./token-parser.ts";
import * as T from "./tokens.ts";

export abstract class FileGrammar extends BlockGrammar {
  readonly #deferred = new Map<Location, { readonly name: string; readonly at: number }>();

  /**
   * Reads a text; answers its ops in a block, or nothing if it has faults. They are reported as they are found: names
   * that nothing defines last, as with mlir-opt, which stops before it comes to them.
   */
  readText(source: Source, context: Context, diagnostics: Diagnostics): Block | undefined {
    const before = diagnostics.errorCount;
    this.begin(source, context, diagnostics);
    const top = new Block();
    this.block = top;
    this.names.enterRegion(true);
    try {
      this.file();
      this.missingBlocks(this.names.leaveRegion());
      this.#undefinedNames();
      this.#settleLocations();
    } catch (e) {
      if (!(e instanceof TooManyFaults)) throw e;
      diagnostics.remark("parse/syntax", this.here(), `the text has ${FAULT_LIMIT} faults and is read no further`);
    }
    return diagnostics.errorCount === before ? top : undefined;
  }

  protected override begin(source: Source, context: Context, diagnostics: Diagnostics): void {
    super.begin(source, context, diagnostics);
    this.#deferred.clear();
  }

  /** Read by hand like the statements; a rule so that Chevrotain knows of one around those that it reads. */
  protected readonly file = this.RULE("file", (): void => {
    if (this.RECORDING_PHASE) return;
    do {
      for (;;) {
        if (this.startsStatement()) this.statement();
        else if (this.isNext(T.HashId) || this.isNext(T.TypeId) || this.isNext(T.MetadataOpen)) this.definition();
        else break;
      }
    } while (this.stray(true));
  });

  /** An alias or the file's metadata. */
  protected readonly definition = this.RULE("definition", (): void => {
    const mark = this.ACTION(() => this.mark());
    try {
      this.OR([
        { ALT: () => this.SUBRULE(this.attributeDefinition) },
        { ALT: () => this.SUBRULE(this.typeDefinition) },
        { ALT: () => this.SUBRULE(this.metadata) },
      ]);
    } catch (e) {
      this.recover(e, mark);
    }
  });

  protected readonly attributeDefinition = this.RULE("attributeDefinition", (): void => {
    const id = this.CONSUME(T.HashId);
    const name = this.ACTION(() => this.#aliasName(id.image, id.startOffset, "attribute")) ?? "";
    this.CONSUME(T.Equal, { ERR_MSG: "expected '=' in attribute alias definition" });
    const value = this.SUBRULE(this.attribute);
    this.ACTION(() => this.attributeAliases.set(name, value));
  });

  protected readonly typeDefinition = this.RULE("typeDefinition", (): void => {
    const id = this.CONSUME(T.TypeId);
    const name = this.ACTION(() => this.#aliasName(id.image, id.startOffset, "type")) ?? "";
    this.CONSUME(T.Equal, { ERR_MSG: "expected '=' in type alias definition" });
    const value = this.SUBRULE(this.type);
    this.ACTION(() => this.typeAliases.set(name, value));
  });

  #aliasName(image: string, at: number, what: "attribute" | "type"): string {
    const name = image.slice(1);
    const aliases: ReadonlyMap<string, unknown> = what === "type" ? this.typeAliases : this.attributeAliases;
    if (aliases.has(name)) {
      this.fail("parse/redefinition", `redefinition of ${what} alias id '${name}'`, at, at + image.length);
    }
    if (name.includes(".")) {
      this.fail(
        "parse/syntax",
        `${what} names with a '.' are reserved for dialect-defined names`,
        at,
        at + image.length,
      );
    }
    return name;
  }

  /** `{-# section: { group: { key: value } } #-}`. */
  protected readonly metadata = this.RULE("metadata", (): void => {
    this.CONSUME(T.MetadataOpen);
    this.MANY_SEP({
      SEP: T.Comma,
      DEF: () => {
        const sectionAt = this.token.startOffset;
        const section = this.SUBRULE(this.metadataKey);
        this.ACTION(() => this.resourceSection(section, sectionAt));
        this.CONSUME(T.LBrace);
        this.ACTION(() => this.#resourceKey());
        this.MANY_SEP2({
          SEP: T.Comma,
          DEF: () => {
            const groupAt = this.token.startOffset;
            const group = this.SUBRULE2(this.metadataKey);
            this.ACTION(() => this.resourceGroup(section, group, groupAt));
            this.CONSUME2(T.LBrace);
            this.ACTION(() => this.#resourceKey());
            this.MANY_SEP3({
              SEP: T.Comma,
              DEF: () => {
                const key = this.SUBRULE3(this.metadataKey);
                const at = this.token.startOffset;
                const value = this.SUBRULE(this.metadataValue);
                this.ACTION(() => this.resourceEntry(section, group, key, value, at));
              },
            });
            this.CONSUME2(T.RBrace);
          },
        });
        this.CONSUME(T.RBrace);
      },
    });
    this.CONSUME(T.MetadataClose, { ERR_MSG: "expected '#-}' at the end of the file metadata" });
  });

  #resourceKey(): void {
    if (this.isWord() || this.isNext(T.StringLiteral) || this.isNext(T.RBrace)) return;
    this.fail("parse/syntax", "expected identifier key for 'resource' entry");
  }

  protected readonly metadataKey = this.RULE("metadataKey", (): string => {
    const name = this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.string) },
        {
          ALT: () => {
            const word = this.CONSUME(T.Word);
            return this.ACTION(() => word.image);
          },
        },
      ],
      ERR_MSG: "identifier key in file metadata dictionary",
    });
    this.CONSUME(T.Colon);
    return name;
  });

  protected readonly metadataValue = this.RULE("metadataValue", (): string | boolean =>
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.string) },
        { ALT: () => this.consumeAs(T.Key.true, true) },
        { ALT: () => this.consumeAs(T.Key.false, false) },
      ],
      ERR_MSG: "string, 'true' or 'false'",
    }),
  );

  protected abstract resourceSection(section: string, at: number): void;
  protected abstract resourceGroup(section: string, group: string, at: number): void;
  protected abstract resourceEntry(
    section: string,
    group: string,
    key: string,
    value: string | boolean,
    at: number,
  ): void;

  // --- locations that are defined at the end --------------------------------------------------------------------

  protected override locationAlias(name: string, at: number): Location {
    const found = this.attributeAliases.get(name);
    if (found) return super.locationAlias(name, at);
    const later: Location = { kind: "unknown" };
    this.#deferred.set(later, { name, at });
    return later;
  }

  #settleLocations(): void {
    for (const [later, { name, at }] of this.#deferred) {
      const found = this.attributeAliases.get(name);
      if (found?.kind === "location") Object.assign(later, found.location);
      else {
        const message = found ? `expected location, but found '${name}'` : "operation location alias was never defined";
        this.report(new Fault("parse/undefined-name", message, at, at + name.length + 1));
      }
    }
  }

  #undefinedNames(): void {
    for (const { name, at } of this.names.undefinedUses()) {
      this.report(new Fault("parse/undefined-name", "use of undeclared SSA value name", at, at + name.length + 1));
    }
  }
}
