/** @file The func dialect: functions and calls. */
import type { AsmParser, AsmPrinter, ParsedArgument, ParsedOp } from "../ir/asm.ts";
import { type Attr, attr, type SymbolRef } from "../ir/attributes.ts";
import type { Builder } from "../ir/builder.ts";
import { Any, where } from "../ir/constraints.ts";
import { type Operation, Region, type Value } from "../ir/core.ts";
import { defineDialect, defineOp } from "../ir/define.ts";
import { many, one } from "../ir/fields.ts";
import { callableLike, callLike, symbolLike } from "../ir/interfaces.ts";
import { typeText } from "../ir/spell.ts";
import {
  AffineScope,
  AutomaticAllocationScope,
  ConstantLike,
  hasParent,
  Isolated,
  Pure,
  ReturnLike,
  Terminator,
} from "../ir/traits.ts";
import {
  type Attribute,
  dictionaryAttribute,
  type FunctionType,
  functionType,
  type Type,
  typeAttribute,
} from "../ir/types.ts";

type AttributeMap = ReadonlyMap<string, Attribute>;

const visibilities = ["public", "private", "nested"] as const;
const noAttributes: AttributeMap = new Map();

/** TypeAttr of a function type. */
const functionTypeAttr: Attr<FunctionType, true> = attr.custom<FunctionType>(
  "type attribute of function type",
  { kind: "full" },
  (t) => typeAttribute(t),
  (a) => (a.kind === "type" && a.type.kind === "function" ? a.type : undefined),
);

/** Attributes of each argument or result, as an array of dictionaries; absent when there are none at all. */
const dictionaries: Attr<readonly AttributeMap[], true> = attr.custom<readonly AttributeMap[]>(
  "Array of dictionary attributes",
  { kind: "full" },
  (v) => ({ kind: "array", elements: v.map(dictionaryAttribute) }),
  (a) => {
    if (a.kind !== "array") return undefined;
    const out: AttributeMap[] = [];
    for (const e of a.elements) {
      if (e.kind !== "dictionary") return undefined;
      out.push(e.entries);
    }
    return out;
  },
);

const FunctionLike = where<FunctionType>("function type", (t) => t.kind === "function");

export const func = defineOp("func.func", {
  doc: "A function: a name, a type, and a body; a declaration has no body. Nothing outside is visible inside.",
  attrs: {
    sym_name: attr.symbolName,
    function_type: functionTypeAttr,
    sym_visibility: attr.string.optional(),
    arg_attrs: dictionaries.optional(),
    res_attrs: dictionaries.optional(),
  },
  regions: ["body"],
  traits: [Isolated, AffineScope, AutomaticAllocationScope],
  defaultDialect: "func",
  interfaces: [
    symbolLike({
      name: (op): string => func.of(op).sym_name,
      visibility: (op): (typeof visibilities)[number] =>
        visibilities.find((v) => v === func.of(op).sym_visibility) ?? "public",
      isDeclaration: (op) => op.region().isEmpty,
    }),
    callableLike({ body: (op) => (op.region().isEmpty ? undefined : op.region()) }),
  ],
  enter: ({ function_type }) => ({ body: function_type.inputs }),
  parse: parseFunction,
  print: ({ op }, p) => printFunction(op, p),
  verify({ op, sym_name, sym_visibility, function_type, arg_attrs, res_attrs, body }, fail) {
    const check = (attrs: readonly AttributeMap[] | undefined, types: readonly Type[], what: string): void => {
      if (!attrs) return;
      if (attrs.length !== types.length) {
        fail(
          `expects ${what} attribute array to have the same number of elements as the number of function ` +
            `${what}s, got ${attrs.length}, but expected ${types.length}`,
          { code: "verify/attribute" },
        );
      }
      if (attrs.some((a) => [...a.keys()].some((k) => !k.includes(".")))) {
        fail(`${what}s may only have dialect attributes`, { code: "verify/attribute" });
      }
    };
    check(arg_attrs, function_type.inputs, "argument");
    check(res_attrs, function_type.results, "result");
    if (body.isEmpty && (sym_visibility === undefined || sym_visibility === "public")) {
      fail("symbol declaration cannot have public visibility", { code: "verify/symbol" });
    }
    if (op.parentOp && sym_name === "") fail("needs a name", { code: "verify/symbol" });
  },
});

/** Attributes that the pretty form writes in places of their own. */
const writtenApart = ["sym_name", "function_type", "sym_visibility", "arg_attrs", "res_attrs"] as const;
const notInDictionary = ["sym_visibility", "sym_name", "function_type"] as const;

function parseFunction(p: AsmParser): ParsedOp {
  const visibility = p.optionalKeywordOf(visibilities);
  const name = p.symbolName();
  const args = parseParameters(p);
  const results = parseResults(p);
  const at = p.here();
  const attributes = p.attrDictWithKeyword();
  for (const inferred of notInDictionary) {
    if (attributes.has(inferred)) {
      p.fail(
        `'${inferred}' is an inferred attribute and should not be specified in the explicit attribute dictionary`,
        at,
      );
    }
  }
  const named = args.every((a) => a.operand.name !== "");
  const bodyAt = p.here();
  const body = p.optionalRegion(named ? args : [], { isolated: true });
  if (body?.isEmpty) p.fail("expected non-empty function body", bodyAt);
  const some = (maps: readonly AttributeMap[]): readonly AttributeMap[] | undefined =>
    maps.some((m) => m.size > 0) ? maps : undefined;
  return {
    props: {
      sym_name: name,
      function_type: functionType(
        args.map((a) => a.type!),
        results.map((r) => r.type),
      ),
      sym_visibility: visibility,
      arg_attrs: some(args.map((a) => a.attributes ?? noAttributes)),
      res_attrs: some(results.map((r) => r.attributes)),
    },
    attributes,
    regions: [body ?? new Region()],
  };
}

/** `(%a: T {…}, …)`, or types alone in a declaration; then the names are empty. */
function parseParameters(p: AsmParser): ParsedArgument[] {
  let named: boolean | undefined;
  return p.list("()", () => {
    const at = p.here();
    const operand = p.optionalOperand();
    if (operand && named === false) p.fail("expected type instead of SSA identifier", at);
    if (!operand && named === true) p.fail("expected SSA identifier", at);
    named = operand !== undefined;
    if (operand) p.punct(":");
    const type = p.type();
    const attributes = p.attrDict();
    const place = p.optionalLocation() ?? at;
    return { operand: operand ?? { name: "", number: 0, at }, type, attributes, at: place };
  });
}

function parseResults(p: AsmParser): { readonly type: Type; readonly attributes: AttributeMap }[] {
  if (!p.optionalPunct("->")) return [];
  if (!p.at("(")) return [{ type: p.type(), attributes: noAttributes }];
  return p.list("()", () => ({ type: p.type(), attributes: p.attrDict() }));
}

function printFunction(op: Operation, p: AsmPrinter): void {
  const { sym_name, sym_visibility, function_type, arg_attrs, res_attrs, body } = func.of(op);
  p.write(" ");
  if (sym_visibility !== undefined) p.write(`${sym_visibility} `);
  p.symbolName(sym_name);
  p.write("(");
  function_type.inputs.forEach((type, i) => {
    if (i > 0) p.write(", ");
    const attributes = arg_attrs?.[i];
    const argument = body.blocks[0]?.args[i];
    if (argument) p.argument(argument, { attributes: attributes ?? noAttributes });
    else {
      p.type(type);
      p.dictionary(attributes ?? noAttributes);
    }
  });
  p.write(")");
  printResults(p, function_type.results, res_attrs);
  p.attrDictWithKeyword(op, writtenApart);
  if (!body.isEmpty) {
    p.write(" ");
    p.region(body, { entryArgs: false });
  }
}

function printResults(p: AsmPrinter, types: readonly Type[], attributes: readonly AttributeMap[] | undefined): void {
  if (types.length === 0) return;
  const only = types.length === 1 && types[0]!.kind !== "function" && !attributes?.[0]?.size;
  p.write(only ? " -> " : " -> (");
  types.forEach((type, i) => {
    if (i > 0) p.write(", ");
    p.type(type);
    p.dictionary(attributes?.[i] ?? noAttributes);
  });
  if (!only) p.write(")");
}

const return_ = defineOp("func.return", {
  doc: "Ends a function and hands its operands to the caller.",
  operands: [many("operands", Any)],
  traits: [Pure, Terminator, ReturnLike, hasParent("func.func")],
  assembly: "attr-dict ($operands^ `:` type($operands))?",
  verify({ op, operands }, fail) {
    const parent = func.match(op.parentOp);
    // A function without a type is a fault of its own.
    if (!parent?.function_type) return;
    const { results } = parent.function_type;
    if (results.length !== operands.length) {
      fail(`has ${operands.length} operands, but enclosing function (@${parent.sym_name}) returns ${results.length}`, {
        code: "verify/operands",
      });
      return;
    }
    operands.forEach((v, i) => {
      if (v.type !== results[i]) {
        fail(
          `type of return operand ${i} ('${typeText(v.type)}') doesn't match function result type ` +
            `('${typeText(results[i]!)}') in function @${parent.sym_name}`,
          { code: "verify/operand-type", plain: true },
        );
      }
    });
  },
});

export { return_ as return };

export const call = defineOp("func.call", {
  doc: "Calls a function by its name.",
  operands: [many("operands", Any)],
  attrs: { callee: attr.symbol },
  results: [many("results", Any)],
  interfaces: [
    callLike({
      callee: (op): SymbolRef => ({ root: call.of(op).callee, nested: [] }),
      args: (op) => op.operands,
    }),
  ],
  assembly: "$callee `(` $operands `)` attr-dict `:` functional-type($operands, $results)",
  verify({ op, callee, operands, results }, fail, symbols) {
    const target = func.match(symbols.lookup(op, { root: callee, nested: [] }));
    if (!target) {
      fail(`'${callee}' does not reference a valid function`, { code: "verify/symbol" });
      return;
    }
    if (!target.function_type) return;
    const { inputs, results: wanted } = target.function_type;
    if (inputs.length !== operands.length) {
      fail("incorrect number of operands for callee", { code: "verify/operands" });
      return;
    }
    const operand = inputs.findIndex((t, i) => t !== operands[i]!.type);
    if (operand >= 0) {
      fail(
        `operand type mismatch: expected operand type '${typeText(inputs[operand]!)}', but provided ` +
          `'${typeText(operands[operand]!.type)}' for operand number ${operand}`,
        { code: "verify/operand-type" },
      );
      return;
    }
    if (wanted.length !== results.length) {
      fail("incorrect number of results for callee", { code: "verify/operands" });
      return;
    }
    const result = wanted.findIndex((t, i) => t !== results[i]!.type);
    if (result >= 0) fail(`result type mismatch at index ${result}`, { code: "verify/result-type" });
  },
  evaluate: ({ callee, operands }, run) => run.callSymbol(callee, [], operands),
});

/** A function as a value: the op that defines it. */
export const constant = defineOp("func.constant", {
  doc: "A function as a value, for indirect calls.",
  attrs: { value: attr.symbol },
  results: [one("result", FunctionLike)],
  traits: [Pure, ConstantLike],
  assembly: "attr-dict $value `:` type(results)",
  names: () => ["f"],
  verify({ op, value, result }, fail, symbols) {
    const found = func.match(symbols.lookup(op, { root: value, nested: [] }));
    if (!found) fail(`reference to undefined function '${value}'`, { code: "verify/symbol" });
    else if (found.function_type !== result.type) {
      fail("reference to function with mismatched type", { code: "verify/symbol" });
    }
  },
  evaluate: ({ value }, run) => run.symbol(value),
});

export const call_indirect = defineOp("func.call_indirect", {
  doc: "Calls a function that is given as a value.",
  operands: [one("callee", FunctionLike), many("callee_operands", Any)],
  results: [many("results", Any)],
  infer: ({ callee }) => callee.type.results,
  assembly: "$callee `(` $callee_operands `)` attr-dict `:` type($callee)",
  deduce: { callee_operands: (known) => functionOf(known.type("callee"))?.inputs },
  verify({ callee, callee_operands }, fail) {
    const { inputs } = callee.type;
    if (inputs.length !== callee_operands.length || inputs.some((t, i) => t !== callee_operands[i]!.type)) {
      fail("failed to verify that callee input types match argument types", { code: "verify/operand-type" });
    }
  },
  evaluate: ({ callee, callee_operands }, run) => run.callOp(callee as Operation, callee_operands),
});

const functionOf = (t: Type | undefined): FunctionType | undefined => (t?.kind === "function" ? t : undefined);

/** Builds a function whose body `fill` writes; it ends the body with a return of what it answers, if anything. */
export function makeFunction(
  b: Builder,
  name: string,
  type: FunctionType,
  fill?: (b: Builder, ...args: Value[]) => readonly Value[] | undefined,
  visibility?: (typeof visibilities)[number],
): Operation {
  return func(b, {
    sym_name: name,
    function_type: type,
    sym_visibility: visibility ?? (fill ? undefined : "private"),
    ...(fill
      ? {
          body: (inner: Builder, ...args: Value[]) => {
            const answer = fill(inner, ...args);
            if (answer) return_(inner, answer);
            return undefined;
          },
        }
      : {}),
  });
}

export const dialect = defineDialect("func", {
  doc: "Functions, calls and returns.",
  ops: [func, return_, call, constant, call_indirect],
});
