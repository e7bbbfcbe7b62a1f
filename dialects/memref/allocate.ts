/** @file Memory that comes and goes: allocation, deallocation, scopes, and global memrefs. */
import { attr, bounded } from "../../ir/attributes.ts";
import { Any, AnyMemRef, Index, MemRef, StaticMemRef, where } from "../../ir/constraints.ts";
import { Operation } from "../../ir/core.ts";
import { datumOfAttribute } from "../../ir/datum.ts";
import { defineOp, type OpInfo } from "../../ir/define.ts";
import { allocates, frees, reads, writes } from "../../ir/effects.ts";
import type { Evaluator } from "../../ir/evaluate.ts";
import { many, one, optional } from "../../ir/fields.ts";
import { symbolLike } from "../../ir/interfaces.ts";
import { attributeText } from "../../ir/spell.ts";
import { hasIdentityLayout } from "../../ir/strided.ts";
import {
  AutomaticAllocationScope,
  type Fail,
  hasParent,
  Pure,
  RecursiveEffects,
  ReturnLike,
  SingleBlock,
  Terminator,
} from "../../ir/traits.ts";
import {
  type Attribute,
  hasStaticShape,
  isDynamic,
  type MemRefType,
  type Type,
  tensor,
  typeAttribute,
  unitAttribute,
} from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { dynamicCount, plain, quoted, sameSpace, sizesOf } from "../shaped.ts";
import { allocateMemref, layoutSymbols } from "./memory.ts";

const alignment = bounded(attr.int, "64-bit signless integer attribute whose minimum value is 0", (n) => n >= 0);

/** One operand per dynamic dimension, one per symbol of the layout. */
function verifyAllocation(type: MemRefType, sizes: number, symbols: number, fail: Fail): void {
  if (sizes !== dynamicCount(type.shape)) {
    fail("dimension operand count does not equal memref dynamic dimension count", { code: "verify/operands" });
    return;
  }
  const wanted = layoutSymbols(type);
  if (symbols !== wanted) {
    fail(`symbol operand count does not equal memref symbol count: expected ${wanted}, got ${symbols}`, {
      code: "verify/operands",
    });
  }
}

const allocation = "`(`$dynamicSizes`)` (`` `[` $symbolOperands^ `]`)? attr-dict `:` type($memref)";

export const alloc = defineOp("memref.alloc", {
  doc: "Allocates memory on the heap. `dynamicSizes` are the sizes of the dynamic dimensions, `symbolOperands` the symbols of the layout. The content is undefined.",
  operands: [many("dynamicSizes", Index), many("symbolOperands", Index)],
  attrs: { alignment: alignment.optional() },
  results: [one("memref", MemRef)],
  assembly: allocation,
  names: () => ["alloc"],
  effects: ({ memref }) => [allocates(memref)],
  verify: ({ memref, dynamicSizes, symbolOperands }, fail) =>
    verifyAllocation(memref.type, dynamicSizes.length, symbolOperands.length, fail),
  evaluate: ({ dynamicSizes, symbolOperands }, run) => allocated(dynamicSizes, symbolOperands, run),
});

export const alloca = defineOp("memref.alloca", {
  doc: "Allocates memory that is freed when the nearest enclosing op with the AutomaticAllocationScope trait is left.",
  operands: [many("dynamicSizes", Index), many("symbolOperands", Index)],
  attrs: { alignment: alignment.optional() },
  results: [one("memref", MemRef)],
  assembly: allocation,
  names: () => ["alloca"],
  effects: ({ memref }) => [allocates(memref)],
  verify({ op, memref, dynamicSizes, symbolOperands }, fail) {
    let scope = op.parentOp;
    while (scope && !scope.def.has(AutomaticAllocationScope)) scope = scope.parentOp;
    if (!scope && op.parentOp) fail("requires an ancestor op with AutomaticAllocationScope trait");
    else verifyAllocation(memref.type, dynamicSizes.length, symbolOperands.length, fail);
  },
  evaluate: ({ dynamicSizes, symbolOperands }, run) => allocated(dynamicSizes, symbolOperands, run),
});

function allocated(sizes: readonly number[], symbols: readonly number[], run: Evaluator): readonly [NDArray] {
  const type = run.resultType(0) as MemRefType;
  return [allocateMemref(type, sizesOf(type.shape, sizes), symbols, run)];
}

export const dealloc = defineOp("memref.dealloc", {
  doc: "Frees memory that `memref.alloc` gave.",
  operands: [one("memref", AnyMemRef)],
  assembly: "$memref attr-dict `:` type($memref)",
  effects: ({ memref }) => [frees(memref)],
  evaluate: () => [],
});

const Flat = where<MemRefType>(
  "1D memref of any type values",
  (t) => t.kind === "memref" && t.ranked && t.shape.length === 1,
);

export const realloc = defineOp("memref.realloc", {
  doc: "Memory of another size with the same first elements. The old memory is given up.",
  operands: [one("source", Flat), optional("dynamicResultSize", Index)],
  attrs: { alignment: alignment.optional() },
  results: [one("result", Flat)],
  assembly: "$source (`(` $dynamicResultSize^ `)`)? attr-dict `:` type($source) `to` type($result)",
  effects: ({ source, result }) => [frees(source), allocates(result)],
  verify({ source, result, dynamicResultSize }, fail) {
    const from = source.type;
    const to = result.type;
    for (const [what, t] of [
      ["source", from],
      ["result", to],
    ] as const) {
      if (!hasIdentityLayout(t)) {
        fail(`unsupported layout for ${what} memref type ${quoted(t)}`, plain);
        return;
      }
    }
    if (!sameSpace(from, to)) {
      fail(
        `different memory spaces specified for source memref type ${quoted(from)} and result memref type ${quoted(to)}`,
        plain,
      );
    } else if (from.element !== to.element) {
      fail(
        `different element types specified for source memref type ${quoted(from)} and result memref type ${quoted(to)}`,
        plain,
      );
    } else if (isDynamic(to.shape[0]!) && !dynamicResultSize) {
      fail(`missing dimension operand for result type ${quoted(to)}`, plain);
    } else if (!isDynamic(to.shape[0]!) && dynamicResultSize) {
      fail(`unnecessary dimension operand for result type ${quoted(to)}`, plain);
    }
  },
  evaluate({ source, dynamicResultSize }, run) {
    const type = run.resultType(0) as MemRefType;
    const made = allocateMemref(
      type,
      sizesOf(type.shape, dynamicResultSize === undefined ? [] : [dynamicResultSize]),
      [],
      run,
    );
    const kept = Math.min(made.shape[0]!, source.shape[0]!);
    const head = (a: NDArray): NDArray =>
      a.view(
        a.shape.map(() => 0),
        [kept, ...a.shape.slice(1)],
      );
    head(made).assign(head(source));
    return [made];
  },
});

export const alloca_scope = defineOp("memref.alloca_scope", {
  doc: "Delimits stack allocation: what `memref.alloca` gives inside is freed at its end.",
  results: [many("results", Any)],
  regions: ["bodyRegion"],
  traits: [AutomaticAllocationScope, SingleBlock, RecursiveEffects],
  terminator: (): OpInfo => alloca_scope_return,
  parse(p) {
    const resultTypes = p.optionalArrowTypes();
    const region = p.region();
    p.ensureTerminator(region, () => new Operation(alloca_scope_return, {}));
    return { resultTypes, regions: [region], attributes: p.attrDict() };
  },
  print({ op, results, bodyRegion }, p) {
    p.write(" ");
    if (results.length > 0) {
      p.write(" -> (");
      p.types(results.map((r) => r.type));
      p.write(")");
    }
    p.write(" ");
    p.region(bodyRegion, { entryArgs: false, terminator: results.length > 0 });
    p.attrDict(op);
  },
  evaluate: ({ bodyRegion }, run) => run.call(bodyRegion, []),
});

export const alloca_scope_return = defineOp("memref.alloca_scope.return", {
  doc: "Ends `memref.alloca_scope` and hands its results over.",
  operands: [many("results", Any)],
  traits: [hasParent("memref.alloca_scope"), Pure, ReturnLike, Terminator],
  assembly: "attr-dict ($results^ `:` type($results))?",
  evaluate: ({ results }) => results,
});

export const assume_alignment = defineOp("memref.assume_alignment", {
  doc: "Promises that the memref's memory is aligned to so many bytes.",
  operands: [one("memref", MemRef)],
  attrs: {
    alignment: bounded(attr.i32, "32-bit signless integer attribute whose value is positive", (n) => n > 0),
  },
  assembly: "$memref `,` $alignment attr-dict `:` type($memref)",
  effects: ({ memref }) => [reads(memref), writes(memref)],
  verify({ alignment: n }, fail) {
    if (!Number.isInteger(Math.log2(n))) fail("alignment must be power of 2");
  },
  evaluate: () => [],
});

// --- globals ------------------------------------------------------------------------------------------------------

const visibilities = ["public", "private", "nested"] as const;
const memrefTypeAttr = attr.custom<Type>("memref type attribute", { kind: "full" }, typeAttribute, (a) =>
  a.kind === "type" && a.type.kind === "memref" ? a.type : undefined,
);
const isElements = (a: Attribute): boolean => a.kind === "dense" || a.kind === "resource";

export const global = defineOp("memref.global", {
  doc: "A memref with a name that lives as long as the program. Without `initial_value` it is only declared; a unit attribute leaves it uninitialized.",
  attrs: {
    sym_name: attr.symbolName,
    sym_visibility: attr.string.optional(),
    type: memrefTypeAttr,
    initial_value: attr.any.optional(),
    constant: attr.unit,
    alignment: attr.int.optional(),
  },
  interfaces: [
    symbolLike({
      name: (op): string => global.of(op).sym_name,
      visibility: (op): (typeof visibilities)[number] =>
        visibilities.find((v) => v === global.of(op).sym_visibility) ?? "public",
      isDeclaration: (op): boolean => global.of(op).initial_value === undefined,
    }),
  ],
  effects: () => [],
  parse(p, at) {
    const sym_visibility = p.optionalString();
    const constant = p.optionalKeyword("constant");
    const sym_name = p.symbolName();
    p.punct(":");
    const type = p.type();
    if (type.kind !== "memref" || !hasStaticShape(type)) {
      return p.fail(`type should be static shaped memref, but got ${quoted(type)}`, at);
    }
    let initial_value: Attribute | undefined;
    if (p.optionalPunct("=")) {
      if (p.optionalKeyword("uninitialized")) initial_value = unitAttribute;
      else {
        initial_value = p.attribute(tensor(type.shape, type.element));
        if (!isElements(initial_value)) return p.fail("initial value should be a unit or elements attribute", at);
      }
    }
    const attributes = p.attrDict();
    return { attributes, props: { sym_visibility, constant, sym_name, type, initial_value } };
  },
  print({ op, sym_name, sym_visibility, constant, type, initial_value }, p) {
    p.write(" ");
    if (sym_visibility !== undefined) {
      p.string(sym_visibility);
      p.write(" ");
    }
    if (constant) p.write("constant ");
    p.symbolName(sym_name);
    p.write(" : ");
    p.type(type);
    if (initial_value?.kind === "unit") p.write(" = uninitialized");
    else if (initial_value) {
      p.write(" = ");
      p.attributeWithoutType(initial_value);
    }
    p.attrDict(op, ["sym_name", "sym_visibility", "constant", "type", "initial_value"]);
  },
  verify({ type, initial_value, sym_visibility, alignment: bytes }, fail) {
    if (type.kind !== "memref" || !hasStaticShape(type)) {
      fail(`type should be static shaped memref, but got ${quoted(type)}`);
    } else if (initial_value && initial_value.kind !== "unit") {
      if (!isElements(initial_value)) {
        fail(`initial value should be a unit or elements attribute, but got ${attributeText(initial_value)}`);
      } else {
        const wanted = tensor(type.shape, type.element);
        const given = (initial_value as { type: Type }).type;
        if (given !== wanted)
          fail(`initial value expected to be of type ${quoted(wanted)}, but was of type ${quoted(given)}`);
      }
    }
    if (bytes !== undefined && !(bytes > 0 && Number.isInteger(Math.log2(bytes)))) {
      fail(`alignment attribute value ${bytes} is not a power of 2`, plain);
    }
    if (sym_visibility !== undefined && !visibilities.some((v) => v === sym_visibility)) {
      fail(`visibility expected to be one of ["public", "private", "nested"], but got "${sym_visibility}"`);
    }
  },
  evaluate: () => [],
});

export const get_global = defineOp("memref.get_global", {
  doc: "The memref that a `memref.global` names.",
  attrs: { name: attr.symbol },
  results: [one("result", StaticMemRef)],
  traits: [Pure],
  assembly: "$name `:` type($result) attr-dict",
  verify({ op, name, result }, fail, symbols) {
    const found = symbols.lookup(op, { root: name, nested: [] });
    const named = found && global.is(found) ? global.of(found) : undefined;
    if (!named) fail(`'${name}' does not reference a valid global memref`, { code: "verify/symbol" });
    else if (named.type && named.type !== result.type) {
      fail(
        `result type ${quoted(result.type)} does not match type ${quoted(named.type)} of the global memref @${name}`,
        { code: "verify/result-type" },
      );
    }
  },
  evaluate({ name }, run) {
    const op = run.symbol(name);
    return [run.global(op, () => globalMemory(op, run))];
  },
});

/** Makes the memory of a global with its initial content. */
function globalMemory(op: Operation, run: Evaluator): NDArray {
  const { type, initial_value, sym_name } = global.of(op);
  const t = type as MemRefType;
  if (!initial_value) return run.fail(`the global @${sym_name} is only declared here`);
  const made = allocateMemref(t, t.shape, [], run);
  if (initial_value.kind === "unit") return made;
  const content = datumOfAttribute(initial_value);
  if (!(content instanceof NDArray)) return run.fail(`the initial value of @${sym_name} cannot be interpreted`);
  made.assign(content);
  return made;
}
