/** @file The ops of cf: unstructured control flow between the blocks of a region. */
import type { AsmParser } from "../../ir/asm.ts";
import { attr } from "../../ir/attributes.ts";
import { Any, AnyInteger, I1 } from "../../ir/constraints.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { arrayOfDense, denseOfArray, dtypeOf, unsignedOf, wrapInteger } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import { writes } from "../../ir/effects.ts";
import type { Num } from "../../ir/evaluate.ts";
import { many, one } from "../../ir/fields.ts";
import { branchLike } from "../../ir/interfaces.ts";
import { Pure, Terminator } from "../../ir/traits.ts";
import { type Attribute, type IntegerType, vector } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";

export const br = defineOp("cf.br", {
  doc: "Goes to a block.",
  operands: [many("destOperands", Any)],
  successors: ["dest"],
  successorOperands: { dest: "destOperands" },
  traits: [Pure, Terminator],
  interfaces: [branchLike({ operandsFor: (op): readonly Value[] => op.operands, taken: () => 0 })],
  assembly: "$dest (`(` $destOperands^ `:` type($destOperands) `)`)? attr-dict",
  evaluate: ({ destOperands }, run) => run.jump(0, destOperands),
});

export const cond_br = defineOp("cf.cond_br", {
  doc: "Goes to the first block if the condition is true, else to the second.",
  operands: [one("condition", I1), many("trueDestOperands", Any), many("falseDestOperands", Any)],
  attrs: { branch_weights: attr.i32s.optional().since22() },
  successors: ["trueDest", "falseDest"],
  successorOperands: { trueDest: "trueDestOperands", falseDest: "falseDestOperands" },
  traits: [Pure, Terminator],
  interfaces: [
    branchLike({
      operandsFor(op, successor): readonly Value[] {
        const view = cond_br.of(op);
        return successor === 0 ? view.trueDestOperands : view.falseDestOperands;
      },
      taken(op, constantOf) {
        const known = constantOf(op.operand(0));
        return known === undefined ? undefined : known ? 0 : 1;
      },
    }),
  ],
  assembly:
    "$condition (`weights` `(` $branch_weights^ `)`)? `,` " +
    "$trueDest (`(` $trueDestOperands^ `:` type($trueDestOperands) `)`)? `,` " +
    "$falseDest (`(` $falseDestOperands^ `:` type($falseDestOperands) `)`)? attr-dict",
  evaluate: ({ condition, trueDestOperands, falseDestOperands }, run) =>
    condition ? run.jump(0, trueDestOperands) : run.jump(1, falseDestOperands),
});

const caseValues = attr.where("integer elements attribute", (a) => a.kind === "dense");

const switch_ = defineOp("cf.switch", {
  doc: "Goes to the block of the case that equals the flag, or to the default block.",
  operands: [one("flag", AnyInteger), many("defaultOperands", Any), many("caseOperands", Any)],
  attrs: { case_values: caseValues.optional(), case_operand_segments: attr.i32s },
  successors: ["defaultDestination", "caseDestinations"],
  openSuccessors: true,
  traits: [Pure, Terminator],
  interfaces: [
    branchLike({
      operandsFor: (op, successor): readonly Value[] => handedTo(op, successor),
      taken(op, constantOf) {
        const known = constantOf(op.operand(0));
        return known === undefined || typeof known === "boolean" ? undefined : chosen(op, known);
      },
    }),
  ],
  parse(p) {
    const operand = p.operand();
    const type = p.colonType();
    if (type.kind !== "integer") return p.fail("expected an integer type");
    const flag = p.resolve(operand, type);
    p.punct(",");
    p.punct("[");
    p.keyword("default");
    p.punct(":");
    const otherwise = p.successorWithOperands();
    const { values, targets } = parseCases(p);
    p.punct("]");
    const handed = targets.flatMap((t) => t.operands);
    return {
      operands: [flag, ...otherwise.operands, ...handed],
      operandSegments: [1, otherwise.operands.length, handed.length],
      props: {
        case_values: values.length > 0 ? denseOf(values, type) : undefined,
        case_operand_segments: targets.map((t) => t.operands.length),
      },
      successors: [otherwise.block, ...targets.map((t) => t.block)],
      attributes: p.attrDict(),
    };
  },
  print({ op, flag }, p) {
    p.write(" ");
    p.operand(flag);
    p.write(" : ");
    p.type(flag.type);
    p.write(", [");
    p.newline();
    p.write("  default: ");
    p.successorWithOperands(op.successors[0]!, handedTo(op, 0));
    casesOf(op).forEach((value, i) => {
      p.write(",");
      p.newline();
      p.write(`  ${unsignedOf(flag.type, value)}: `);
      p.successorWithOperands(op.successors[i + 1]!, handedTo(op, i + 1));
    });
    p.newline();
    p.write("]");
    p.attrDict(op, ["case_values", "case_operand_segments"]);
  },
  verify({ op, case_operand_segments, caseOperands }, fail) {
    const cases = casesOf(op).length;
    if (cases !== op.successors.length - 1) {
      fail(`number of case values (${cases}) should match number of case destinations (${op.successors.length - 1})`, {
        code: "verify/operands",
      });
    } else if (case_operand_segments.reduce((a, b) => a + b, 0) !== caseOperands.length) {
      fail("'case_operand_segments' does not fit the operands", { code: "verify/operands" });
    }
  },
  evaluate({ flag, defaultOperands, caseOperands, case_operand_segments }, run) {
    const successor = chosen(run.op, flag);
    return run.jump(
      successor,
      successor === 0 ? defaultOperands : part(caseOperands, case_operand_segments, successor - 1),
    );
  },
});

export { switch_ as switch };

function parseCases(p: AsmParser) {
  const values: bigint[] = [];
  const targets: { readonly block: Block; readonly operands: readonly Value[] }[] = [];
  while (p.optionalPunct(",")) {
    values.push(p.integer());
    p.punct(":");
    targets.push(p.successorWithOperands());
  }
  return { values, targets };
}

function denseOf(values: readonly bigint[], type: IntegerType): Attribute | undefined {
  const dtype = dtypeOf(type);
  const elements = values.map((v) => wrapInteger(type, v));
  return dtype && denseOfArray(NDArray.from(dtype, [values.length], elements), vector([values.length], type));
}

function casesOf(op: Operation): readonly Num[] {
  const { case_values } = switch_.of(op);
  return (case_values?.kind === "dense" ? arrayOfDense(case_values)?.values() : undefined) ?? [];
}

/** The successor for a value of the flag. */
const chosen = (op: Operation, value: Num): number => casesOf(op).indexOf(value) + 1;

/** The operands that a successor gets. */
function handedTo(op: Operation, successor: number): readonly Value[] {
  const { defaultOperands, caseOperands, case_operand_segments } = switch_.of(op);
  return successor === 0 ? defaultOperands : part(caseOperands, case_operand_segments, successor - 1);
}

function part<T>(all: readonly T[], lengths: readonly number[], i: number): readonly T[] {
  const start = lengths.slice(0, i).reduce((a, b) => a + b, 0);
  return all.slice(start, start + (lengths[i] ?? 0));
}

export const assert = defineOp("cf.assert", {
  doc: "Stops the program with a message if its operand is false.",
  operands: [one("arg", I1)],
  attrs: { msg: attr.string },
  effects: () => [writes()],
  assembly: "$arg `,` $msg attr-dict",
  evaluate({ arg, msg }, run) {
    if (!arg) run.fail(msg);
    return [];
  },
});
