/** @file Is this IR well formed? Everything that is wrong is reported, each with its place. */

import type { Code } from "../support/codes.ts";
import type { Diagnostics } from "../support/diagnostic.ts";
import type { Block, Operation, Value } from "./core.ts";
import { insOf } from "./define.ts";
import { Dominance } from "./dominance.ts";
import { type Fields, fieldRange } from "./fields.ts";
import { branchLike, symbolLike } from "./interfaces.ts";
import { typeText } from "./spell.ts";
import { SymbolScope, symbolName } from "./symbols.ts";
import { type FailAt, Isolated, NoTerminator, SymbolTable } from "./traits.ts";
import type { Type } from "./types.ts";

/** Verifies an op and everything in it. Answers whether it is well formed. */
export function verify(op: Operation, diagnostics: Diagnostics): boolean {
  const before = diagnostics.errorCount;
  new Verifier(diagnostics).verify(op);
  return diagnostics.errorCount === before;
}

class Verifier {
  readonly #diagnostics: Diagnostics;
  readonly #dominance = new Dominance();
  readonly #symbols = new SymbolScope();

  constructor(diagnostics: Diagnostics) {
    this.#diagnostics = diagnostics;
  }

  verify(op: Operation): void {
    const before = this.#diagnostics.errorCount;
    // What stands inside is looked at even when the op itself is at fault: all faults in one run.
    const sound = op.def.registered && this.#structure(op);
    if (sound) this.#semantics(op);
    const ownErrors = this.#diagnostics.errorCount;
    for (const region of op.regions) {
      const many = region.blocks.length > 1;
      for (const block of region.blocks) {
        for (let o = block.first; o; o = o.next) this.verify(o);
        this.#block(op, block, many);
      }
    }
    if (op.def.has(SymbolTable)) this.#symbolTable(op);
    if (sound && ownErrors === before) this.#bodies(op);
    if (op.parentOp === null || op.def.has(Isolated)) {
      // Dominance is asked once per isolated op, and only where the structure is sound.
      if (this.#diagnostics.errorCount === before) this.#uses(op, op);
    }
  }

  #fail(op: Operation, code: Code, message: string, at: FailAt = {}): void {
    const where = at.op ?? op;
    const text = at.plain ? message : `'${where.name}' op ${message}`;
    const notes = at.notes ?? [];
    this.#diagnostics.error(
      at.code ?? code,
      where.loc,
      text,
      at.help === undefined ? { notes } : { notes, help: at.help },
    );
  }

  /** Counts, constraints and attributes: what the views rely on. */
  #structure(op: Operation): boolean {
    const { def } = op;
    const operands = this.#fields(
      op,
      "operand",
      def.operandFields,
      op.uses.map((u) => u.value),
      op.operandSegments,
    );
    const results = this.#fields(op, "result", def.resultFields, op.results, op.resultSegments);
    let ok = operands && results;
    for (let i = 0; i < def.attrFields.length; i++) {
      const { name, codec } = def.attrFields[i]!;
      if (op.props[i] === undefined && codec.required) {
        this.#fail(op, "verify/attribute", `requires attribute '${name}'`);
        ok = false;
      } else if (codec.check && op.props[i] !== undefined && !codec.check(op.props[i])) {
        this.#fail(op, "verify/attribute", `attribute '${name}' failed to satisfy constraint: ${codec.label}`);
        ok = false;
      }
    }
    const wanted = def.regionNames.length;
    const has = op.regions.length;
    if (def.spec.openRegions ? has < wanted - 1 : has !== wanted) {
      const count =
        wanted === 0 ? "requires zero regions" : wanted === 1 ? "requires one region" : `expected ${wanted} regions`;
      this.#fail(op, "verify/region", count);
      ok = false;
    }
    const successors = def.spec.successors?.length ?? 0;
    if (def.spec.openSuccessors ? op.successors.length < successors - 1 : op.successors.length !== successors) {
      this.#fail(
        op,
        "verify/operands",
        `requires ${successors} successor${successors === 1 ? "" : "s"} but found ${op.successors.length}`,
      );
      ok = false;
    }
    return ok;
  }

  #fields(
    op: Operation,
    kind: "operand" | "result",
    fields: Fields,
    values: readonly Value[],
    segments: readonly number[] | null,
  ): boolean {
    const counted = kind === "operand" ? op.def.hasOperandSegments : op.def.hasResultSegments;
    const message = countFault(kind, fields, values.length, counted, segments);
    if (message !== undefined) {
      this.#fail(op, "verify/operands", message);
      return false;
    }
    let ok = true;
    fields.forEach((f, i) => {
      const [start, end] = fieldRange(fields, i, values.length, segments);
      if (f.arity !== "many" && end - start > 1) {
        this.#fail(
          op,
          "verify/operands",
          `${kind} group starting at #${start} requires 0 or 1 element, but found ${end - start}`,
        );
        ok = false;
      }
      if (f.arity === "one" && end - start !== 1) {
        this.#fail(op, "verify/operands", `${kind} group '${f.name}' requires 1 element, but found ${end - start}`);
        ok = false;
      }
      for (let n = start; n < end; n++) {
        const t = values[n]!.type;
        if (f.is.test(t)) continue;
        ok = false;
        const what =
          f.arity === "many"
            ? `${kind} #${n} must be variadic of ${f.is.label}`
            : `${kind} #${n} must be ${f.is.label}`;
        this.#fail(
          op,
          kind === "operand" ? "verify/operand-type" : "verify/result-type",
          `${what}, but got '${typeText(t)}'`,
        );
      }
    });
    return ok;
  }

  /** Traits, inferred types, region entries, and the op's own check. */
  #semantics(op: Operation): void {
    const { def } = op;
    const before = this.#diagnostics.errorCount;
    const fail = (message: string, at?: FailAt): void => this.#fail(op, "verify/op", message, at);
    for (const t of def.traits) {
      t.verify?.(op, fail);
      if (this.#diagnostics.errorCount > before) return;
    }
    const table = op.parentOp?.def;
    if (symbolLike.of(op) && table?.registered && !table.has(SymbolTable)) {
      fail("symbol's parent must have the SymbolTable trait", { code: "verify/symbol" });
      return;
    }
    const branch = branchLike.of(op);
    if (branch) {
      for (let i = 0; i < op.successors.length; i++) {
        this.#branch(op, i, op.successors[i]!, branch.operandsFor(op, i));
      }
    }
    const { spec } = def;
    if (spec.infer && !spec.inferLoosely) {
      this.#inferred(op, spec.infer(insOf(def, op.operands, op.props, op.operandSegments) as never));
    }
    if (this.#diagnostics.errorCount > before) return;
    spec.verify?.(def.of(op) as never, fail, this.#symbols);
  }

  /** How the regions fit the op: after what stands in them, which tells its faults in its own words. */
  #bodies(op: Operation): void {
    const { def } = op;
    const { spec } = def;
    const before = this.#diagnostics.errorCount;
    spec.verifyBodies?.(def.of(op) as never, (message, at) => this.#fail(op, "verify/region", message, at));
    if (this.#diagnostics.errorCount > before || !spec.enter) return;
    const ins = insOf(def, op.operands, op.props, op.operandSegments);
    const entered = spec.enter(ins as never) as Record<string, readonly Type[] | undefined> | undefined;
    if (entered) this.#entries(op, entered);
  }

  /** What a branch hands to a block fits the block's arguments. */
  #branch(op: Operation, successor: number, to: Block, handed: readonly Value[]): void {
    if (handed.length !== to.args.length) {
      this.#fail(
        op,
        "verify/operands",
        `branch has ${handed.length} operands for successor #${successor}, but target block has ${to.args.length}`,
        { plain: true },
      );
      return;
    }
    const other = handed.findIndex((v, i) => v.type !== to.args[i]!.type);
    if (other >= 0) {
      this.#fail(op, "verify/operand-type", `type mismatch for bb argument #${other} of successor #${successor}`, {
        plain: true,
      });
    }
  }

  #inferred(op: Operation, types: readonly Type[] | undefined): void {
    if (!types) return;
    const same = types.length === op.results.length && types.every((t, i) => t === op.results[i]!.type);
    if (same) return;
    const list = (ts: readonly Type[]): string => ts.map((t) => `'${typeText(t)}'`).join(", ");
    this.#fail(
      op,
      "verify/result-type",
      `inferred type(s) ${list(types)} are incompatible with return type(s) of operation ${list(op.results.map((r) => r.type))}`,
    );
  }

  #entries(op: Operation, entered: Readonly<Record<string, readonly Type[] | undefined>>): void {
    op.def.regionNames.forEach((name, i) => {
      const wanted = entered[name];
      const block = op.regions[i]?.blocks[0];
      if (!wanted || !block) return;
      if (block.args.length !== wanted.length) {
        this.#fail(
          op,
          "verify/region",
          `region '${name}' must have ${wanted.length} arguments, has ${block.args.length}`,
        );
        return;
      }
      block.args.forEach((a, n) => {
        if (a.type !== wanted[n]) {
          this.#fail(
            op,
            "verify/region",
            `region '${name}' argument #${n} must be '${typeText(wanted[n]!)}', but is '${typeText(a.type)}'`,
          );
        }
      });
    });
  }

  #block(parent: Operation, block: Block, many: boolean): void {
    for (let o = block.first; o; o = o.next) {
      if (o.def.isTerminator && o.next)
        this.#fail(o, "verify/terminator", "must be the last operation in the parent block");
    }
    const mayEndOpen = !many && (!parent.def.registered || parent.def.has(NoTerminator));
    const { last } = block;
    if (!mayEndOpen && (!last || (last.def.registered && !last.def.isTerminator))) {
      const message = last
        ? `block with no terminator, has '${last.name}'`
        : "empty block: expect at least a terminator";
      this.#fail(last ?? parent, "verify/terminator", message, { plain: true });
    }
    for (const s of block.last?.successors ?? []) {
      if (s.parent !== block.parent)
        this.#fail(block.last!, "verify/dominance", "branching to block of a different region");
    }
  }

  #symbolTable(table: Operation): void {
    const seen = new Map<string, Operation>();
    for (const block of table.regions[0]?.blocks ?? []) {
      for (let o = block.first; o; o = o.next) {
        const name = symbolName(o);
        if (name === undefined) continue;
        const first = seen.get(name);
        if (first) {
          this.#diagnostics.error("verify/symbol", o.loc, `redefinition of symbol named '${name}'`, {
            notes: [{ message: "see existing symbol definition here", at: first.loc }],
          });
        } else seen.set(name, o);
      }
    }
  }

  /** Dominance and isolation of everything in an op. */
  #uses(root: Operation, op: Operation): void {
    for (const region of op.regions) {
      for (const block of region.blocks) {
        const reachable = this.#dominance.isReachable(block);
        for (let o = block.first; o; o = o.next) {
          if (reachable) for (const u of o.uses) this.#use(root, o, u.value, u.index);
          if (!o.def.has(Isolated)) this.#uses(root, o);
        }
      }
    }
  }

  #use(root: Operation, user: Operation, value: Value, operand: number): void {
    const region = value.block?.parent;
    const home = root.regions.some((r) => region?.isInside(r));
    if (!home && (root.def.has(Isolated) || root.parentOp === null)) {
      this.#diagnostics.error("verify/isolated", user.loc, `'${user.name}' op using value defined outside the region`, {
        notes: [{ message: "required by region isolation constraints", at: root.loc }],
      });
      return;
    }
    if (!this.#dominance.dominatesUse(value, user) && !inGraph(value, user)) {
      this.#diagnostics.error("verify/dominance", user.loc, `operand #${operand} does not dominate this use`, {
        notes: [
          {
            message: value.definingOp ? "operand defined here" : "operand defined as a block argument",
            at: value.location,
          },
        ],
      });
    }
  }
}

/** Both stand in a block whose order means nothing: of an op that wants no terminator, or of which nothing is known. */
function inGraph(value: Value, user: Operation): boolean {
  const block = value.definingOp?.block;
  const parent = block?.parentOp;
  return parent ? (!parent.def.registered || parent.def.has(NoTerminator)) && user.ancestorIn(block) !== null : false;
}

/** What is wrong with the number of operands or results, if anything. */
function countFault(
  kind: "operand" | "result",
  fields: Fields,
  count: number,
  counted: boolean,
  segments: readonly number[] | null,
): string | undefined {
  const singles = fields.filter((f) => f.arity === "one").length;
  const open = fields.length - singles;
  if (counted) {
    const sizes = `'${kind}SegmentSizes'`;
    if (!segments) return `requires dense i32 array attribute ${sizes}`;
    if (segments.some((s) => s < 0)) return `${sizes} attribute cannot have negative elements`;
    const total = segments.reduce((a, b) => a + b, 0);
    if (total !== count) {
      return `${kind} count (${count}) does not match with the total size (${total}) specified in attribute ${sizes}`;
    }
    if (segments.length === fields.length) return undefined;
    return `${sizes} attribute for specifying ${kind} segments must have ${fields.length} elements, but got ${segments.length}`;
  }
  if (open > 0) {
    if (count >= singles && (count - singles) % open === 0) return undefined;
    return `expected ${singles} or more ${kind}s${kind === "operand" ? `, but found ${count}` : ""}`;
  }
  if (count === singles) return undefined;
  if (singles === 0) return `requires zero ${kind}s`;
  if (singles === 1) return kind === "operand" ? "requires a single operand" : "requires one result";
  return `expected ${singles} ${kind}s${kind === "operand" ? `, but found ${count}` : ""}`;
}
