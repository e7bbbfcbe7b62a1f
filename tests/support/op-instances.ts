/**
 * @file Well-formed instances of registered ops, made up from their records: operand types that the constraints admit,
 * attributes that the codecs read, result types that the record infers or that fit. What the verifier refuses is thrown
 * away, so that a record needs no generator of its own.
 */
import { builtin } from "../../dialects/builtin.ts";
import { dialects } from "../../dialects/index.ts";
import { identityMap } from "../../ir/affine.ts";
import type { Attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import { Context } from "../../ir/context.ts";
import { Block, Operation, Region, type Value } from "../../ir/core.ts";
import { insOf, type OpInfo, unregisteredOp } from "../../ir/define.ts";
import type { Field, Fields } from "../../ir/fields.ts";
import { SameVariadicOperandSize } from "../../ir/traits.ts";
import * as t from "../../ir/types.ts";
import { verify } from "../../ir/verify.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { parse } from "../../text/parser.ts";
import { isNamedOp, namedOpBlock } from "./named-op.ts";
import type { Choices } from "./random-program.ts";

export const instanceContext = new Context(dialects, { allowUnregistered: true });

const { f16, f32, f64, i1, i8, i16, i32, i64, index } = t;
const scalars: readonly t.Type[] = [
  f32,
  i32,
  index,
  i1,
  f64,
  i8,
  i64,
  f16,
  t.float("bf16"),
  i16,
  t.integer(8, "unsigned"),
];
const shapes: readonly (readonly number[])[] = [
  [4],
  [2, 3],
  [4, 4],
  [1, 4, 4, 2],
  [8],
  [2, 2, 2],
  [],
  [1],
  [t.dynamic, 4],
];

/** The types about one element type and one shape: fields of one op tend to agree in them. */
function related(element: t.Type, shape: readonly number[], c: Choices): t.Type[] {
  const isStatic = shape.every((d) => !t.isDynamic(d));
  const found = [element, t.tensor(shape, element), t.memref(shape, element)];
  if (isStatic && shape.length > 0 && element.kind !== "complex") found.push(t.vector(shape, element));
  found.push(t.tensor(shape, i1), index, i1, i32, i64);
  if (isStatic && shape.length > 0) found.push(t.vector(shape, i1), t.vector(shape, index), t.vector(shape, i32));
  const other = c.of(scalars);
  found.push(other, t.tensor(shape, other), t.tensor(c.of(shapes), element), t.memref(c.of(shapes), element));
  const sub = c.of(shapes);
  if (sub.length > 0 && sub.every((d) => !t.isDynamic(d))) found.push(t.vector(sub, element));
  found.push(t.tensor([t.dynamic], index), t.tensor([shape.length], index), t.memref([shape.length], index));
  found.push(t.unrankedTensor(element), t.unrankedMemref(element), t.complex(f32), t.none, t.memref([64], i8));
  return found;
}

const opaque = (text: string): t.Attribute => ({ kind: "opaque", text });

/** Attributes to try, the likeliest first. */
function attributePool(codec: Attr, element: t.Type, shape: readonly number[], c: Choices): t.Attribute[] {
  const { asm } = codec;
  const words = asm.kind === "keyword" || asm.kind === "angle" ? asm.words : [];
  const word = words.length > 0 ? c.of(words) : "word";
  const found: t.Attribute[] = [t.stringAttribute(word), { kind: "unit" }, t.boolAttribute(c.below(2) === 1)];
  if (asm.kind === "angle") found.push(opaque(`#${asm.mnemonic}<${word}>`));
  for (const type of [i64, i32, i8, index, i1]) {
    found.push(t.integerAttribute(words.length > 0 ? c.below(words.length) : c.below(4), type));
  }
  for (const type of [f32, f64]) found.push(t.floatAttribute(c.of([0.5, 1, -2.25, 1e-3]), type));
  const rank = shape.length;
  const lists = [
    shape.map((_, i) => i),
    shape.map(() => 1),
    shape.map((_, i) => rank - 1 - i),
    shape.map((d) => (t.isDynamic(d) ? 1 : d)),
    [0],
    [1],
    [c.below(4), c.below(4)],
    [],
    shape.map(() => 0),
    [...shape.map(() => 0), ...shape.map(() => 0)],
    [1, 1],
    [0, 0, 0, 0],
  ];
  const numbers = c.of(lists);
  for (const element of [i64, i32, i8] as const) {
    found.push({ kind: "denseArray", element, values: element === i64 ? numbers.map(BigInt) : numbers });
  }
  found.push({ kind: "denseArray", element: i1, values: shape.map(() => c.below(2)) });
  found.push({ kind: "denseArray", element: f32, values: [0.5, 2] });
  found.push({ kind: "array", elements: numbers.map((n) => t.integerAttribute(n, i64)) });
  found.push({
    kind: "array",
    elements: shape.map((_, i) => ({ kind: "array", elements: [t.integerAttribute(i, i64)] })),
  });
  found.push({ kind: "array", elements: shape.map(() => t.boolAttribute(c.below(2) === 1)) });
  found.push({ kind: "array", elements: [t.stringAttribute("a"), t.stringAttribute("b")] });
  found.push({ kind: "symbol", root: "f", nested: [] });
  found.push(t.typeAttribute(c.of([element, t.functionType([], []), t.memref([4], f32)])));
  found.push(t.mapAttribute(identityMap(rank)), { kind: "array", elements: [t.mapAttribute(identityMap(rank))] });
  found.push({ kind: "dictionary", entries: new Map([["k", t.stringAttribute("v")]]) });
  return found;
}

function propOf(codec: Attr, element: t.Type, shape: readonly number[], c: Choices): unknown {
  if (!codec.required && c.below(3) > 0) return codec.fallback;
  const fitting = attributePool(codec, element, shape, c)
    .map((a) => codec.from(a))
    .filter((v) => v !== undefined && codec.check?.(v) !== false);
  if (fitting.length === 0) return codec.fallback;
  return fitting[c.below(Math.min(3, fitting.length))];
}

/** How many values an open field has. */
function counts(fields: Fields, shape: readonly number[], c: Choices, same: boolean): number[] {
  const many = c.of([shape.length, 0, 1, 2, shape.length]);
  return fields.map((f) => {
    if (f.arity === "one") return 1;
    if (f.arity === "optional") return same ? 1 : c.below(2);
    return same ? many : c.of([shape.length, 0, 1, 2, shape.length, many]);
  });
}

function typesOfField(f: Field, count: number, pool: readonly t.Type[], c: Choices): readonly t.Type[] | undefined {
  if (f.is.only) return new Array<t.Type>(count).fill(f.is.only);
  const fitting = pool.filter((x) => f.is.test(x));
  if (fitting.length === 0) return count === 0 ? [] : undefined;
  // Fields agree more often than not.
  const first = c.below(4) > 0 ? fitting[0]! : c.of(fitting);
  return Array.from({ length: count }, () => first);
}

/** A program with a block in it, if that is well formed. */
function programAround(body: Block): Operation | undefined {
  const wrap = new Operation(unregisteredOp("test.wrap"), { regions: [new Region([body])] });
  const props = builtin.top!.attrFields.map((f) => f.codec.fallback);
  const root = new Operation(builtin.top!, { props, regions: [new Region([new Block()])] });
  root.region().entry.append(wrap);
  return verify(root, new Diagnostics()) ? root : undefined;
}

/** A named structured op on tensors that fit its maps. */
function namedInstance(def: OpInfo, c: Choices): Operation | undefined {
  const [inputs, output] = c.of([
    [f32, f32],
    [i8, i32],
    [i32, i32],
    [f64, f64],
    [f16, f32],
  ] as const);
  try {
    return programAround(namedOpBlock(def, inputs, output, (n) => c.below(n)));
  } catch {
    return undefined; // the op does not know these element types
  }
}

/** A program with one op of this kind; undefined where the choices gave nothing well formed. */
export function instanceOf(def: OpInfo, c: Choices): Operation | undefined {
  if (isNamedOp(def) && c.below(4) > 0) return namedInstance(def, c);
  const element = c.of(scalars);
  const shape = c.of(shapes);
  const pool = related(element, shape, c);
  const sizes = counts(def.operandFields, shape, c, def.has(SameVariadicOperandSize));
  const operandTypes: t.Type[] = [];
  for (const [i, f] of def.operandFields.entries()) {
    const types = typesOfField(f, sizes[i]!, pool, c);
    if (!types) return undefined;
    operandTypes.push(...types);
  }
  const body = new Block(operandTypes);
  const b = Builder.atEnd(body);
  const props = def.attrFields.map((f) => propOf(f.codec, element, shape, c));
  const operandSegments = def.hasOperandSegments ? sizes : null;
  try {
    const made = fill(def, b, [...body.args], props, operandSegments, pool, c);
    if (!made) return undefined;
    return programAround(body);
  } catch {
    // The record does not expect what the verifier would refuse.
    return undefined;
  }
}

function fill(
  def: OpInfo,
  b: Builder,
  operands: readonly Value[],
  props: unknown[],
  operandSegments: readonly number[] | null,
  pool: readonly t.Type[],
  c: Choices,
): Operation | undefined {
  const { spec } = def;
  const ins = insOf(def, operands, props, operandSegments) as never;
  let resultTypes = spec.infer?.(ins);
  let resultSegments: number[] | null = null;
  if (!resultTypes) {
    const sizes = counts(def.resultFields, [1], c, false);
    const types: t.Type[] = [];
    for (const [i, f] of def.resultFields.entries()) {
      const fitting = typesOfField(f, sizes[i]!, pool, c);
      if (!fitting) return undefined;
      types.push(...fitting);
    }
    resultTypes = types;
    if (def.hasResultSegments) resultSegments = sizes;
  }
  const entered = spec.enter?.(ins) as Readonly<Record<string, readonly t.Type[]>> | undefined;
  const regions = def.regionNames.map((name) => {
    const types = entered?.[name];
    return types || spec.terminator ? new Region([new Block(types ?? [])]) : new Region();
  });
  const op = new Operation(def, { operands, props, resultTypes, regions, operandSegments, resultSegments });
  spec.complete?.(op, b);
  b.insert(op);
  return op;
}

/** The program of a text, which must be well formed. */
export function programOfText(text: string): Operation {
  const diagnostics = new Diagnostics();
  const module = parse(text, instanceContext, diagnostics);
  if (!module || !verify(module, diagnostics)) {
    throw new Error(`${diagnostics.list.map((d) => d.message).join("\n")}\nin\n${text}`);
  }
  return module;
}
