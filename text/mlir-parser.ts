/** @file The whole parser: the grammar, tied to the ops' own syntax. */
import type { Context } from "../ir/context.ts";
import type { Operation } from "../ir/core.ts";
import type { OpInfo } from "../ir/define.ts";
import { Resource } from "../ir/resource.ts";
import type { Attribute, Type } from "../ir/types.ts";
import type { Diagnostics } from "../support/diagnostic.ts";
import type { Source } from "../support/source.ts";
import { AsmReader } from "./asm-parser.ts";
import { hexBytes } from "./dense.ts";
import { FileGrammar } from "./file-grammar.ts";
import { readerOf } from "./format-read.ts";
import * as T from "./tokens.ts";

export class MlirParser extends FileGrammar {
  constructor(options: { readonly validate?: boolean } = {}) {
    super(options);
    this.performSelfAnalysis();
  }

  readonly asm: AsmReader = new AsmReader(this);

  /** Reads a text that is one type. */
  readType(source: Source, context: Context, diagnostics: Diagnostics): Type | undefined {
    return this.#one(source, context, diagnostics, () => this.onlyType());
  }

  readAttribute(source: Source, context: Context, diagnostics: Diagnostics): Attribute | undefined {
    return this.#one(source, context, diagnostics, () => this.onlyAttribute());
  }

  #one<R>(source: Source, context: Context, diagnostics: Diagnostics, run: () => R | undefined): R | undefined {
    const before = diagnostics.errorCount;
    this.begin(source, context, diagnostics);
    const result = run();
    return diagnostics.errorCount === before ? result : undefined;
  }

  protected readonly onlyType = this.RULE("onlyType", (): Type | undefined => {
    try {
      const type = this.SUBRULE(this.type);
      this.CONSUME(T.End);
      return type;
    } catch (e) {
      this.report(this.faultOf(e));
      return undefined;
    }
  });

  protected readonly onlyAttribute = this.RULE("onlyAttribute", (): Attribute | undefined => {
    try {
      const attribute = this.SUBRULE(this.attribute);
      this.CONSUME(T.End);
      return attribute;
    } catch (e) {
      this.report(this.faultOf(e));
      return undefined;
    }
  });

  protected override resourceSection(section: string, at: number): void {
    if (section === "dialect_resources" || section === "external_resources") return;
    const message = `unknown key '${section}' in file metadata dictionary`;
    this.fail("parse/syntax", message, at, at + section.length);
  }

  protected override resourceGroup(section: string, group: string, at: number): void {
    if (section !== "dialect_resources") return;
    if (this.context.allowUnregistered || this.context.dialects.has(group)) return;
    this.fail("parse/unregistered", `dialect '${group}' is unknown`, at, at + group.length);
  }

  protected override resourceEntry(
    section: string,
    group: string,
    key: string,
    value: string | boolean,
    at: number,
  ): void {
    if (section !== "dialect_resources" || group !== "builtin") return;
    const bytes = typeof value === "string" ? hexBytes(value) : undefined;
    const wanted = `expected hex string blob for key '${key}'`;
    if (!bytes) this.fail("parse/attribute", wanted, at, this.beforeEnd);
    // The first four bytes are the alignment of the rest.
    if (bytes.length < 4) {
      this.fail("parse/attribute", `${wanted} to encode alignment in first 4 bytes`, at, this.beforeEnd);
    }
    const resource = Resource.of(key, bytes.subarray(4));
    resource.alignment = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    for (const r of this.resources) if (r.key === key) Object.assign(r, { resource });
  }

  protected override readCustom(def: OpInfo, start: number): Operation {
    const { asm } = this;
    const at = this.spanOf(start, this.beforeEnd);
    const read = def.spec.parse ?? readerOf(def);
    if (!read) {
      return this.fail("parse/unknown-op", `op '${def.opName}' has no custom assembly form`, start, this.beforeEnd);
    }
    asm.defaultDialect = def.spec.defaultDialect;
    asm.opName = def.opName;
    const parsed = read(asm, at);
    return this.makeOp(def, parsed, undefined, start);
  }
}
