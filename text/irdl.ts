/**
 * @file Our own dialects as IRDL, so that a stock `mlir-opt --irdl-file=` knows their ops and verifies them.
 *
 * IRDL says less than our records: what it cannot say is left open, so that it never refuses what we accept, with three
 * exceptions that lie in IRDL: the operands of an open field must all have one type (a constraint is bound to the first
 * type it meets), a region's last op must be a terminator that MLIR knows, and there is no open number of regions.
 * (https://mlir.llvm.org/docs/Dialects/IRDL/, whose syntax changed between the versions.)
 */
import { identityMap } from "../ir/affine.ts";
import type { Attr, MlirVersion } from "../ir/attributes.ts";
import type { Constraint } from "../ir/constraints.ts";
import type { Dialect, OpInfo } from "../ir/define.ts";
import type { Fields } from "../ir/fields.ts";
import { attributeText, keyText, quote, typeText } from "../ir/spell.ts";
import { isSameTypes, SingleBlock } from "../ir/traits.ts";
import {
  type Attribute,
  boolAttribute,
  complex,
  dynamic,
  type FloatName,
  float,
  floatAttribute,
  functionType,
  i1,
  i8,
  i16,
  i32,
  i64,
  index,
  integer,
  integerAttribute,
  mapAttribute,
  memref,
  none,
  stringAttribute,
  symbolAttribute,
  type Type,
  tensor,
  tuple,
  typeAttribute,
  unitAttribute,
  unrankedMemref,
  unrankedTensor,
  vector,
} from "../ir/types.ts";

/** The text of an IRDL file for a dialect. */
export function irdlText(dialect: Dialect, version: MlirVersion = 19): string {
  const ops = dialect.ops.map((op) => new OpWriter(op, version).text());
  const notes = [
    dialect.doc,
    "IRDL holds all operands (results) of an open field to one type, and knows no terminators but MLIR's own:",
    "programs that need more than that are refused although they are well formed.",
  ];
  return `${notes.map((n) => `// ${n}\n`).join("")}irdl.dialect @${keyText(dialect.name)} {\n${ops.join("\n")}}\n`;
}

/** Writes one op: constraints are values, numbered as they are needed. */
class OpWriter {
  readonly #op: OpInfo;
  readonly #named: boolean;
  readonly #lines: string[] = [];
  #next = 0;

  constructor(op: OpInfo, version: MlirVersion) {
    this.#op = op;
    this.#named = version >= 22;
  }

  text(): string {
    const op = this.#op;
    const shared = new Map<string, string>();
    this.#fields("operands", op.operandFields, shared);
    this.#fields("results", op.resultFields, shared);
    this.#attributes();
    this.#regions();
    const name = op.opName.slice(op.dialect.length + 1);
    const summary = op.spec.doc.split("\n")[0];
    const body = this.#lines.map((line) => `    ${line}\n`).join("");
    return `  // ${summary}\n  irdl.operation @${keyText(name)} {\n${body}  }\n`;
  }

  #value(constraint: string): string {
    const name = `%${this.#next++}`;
    this.#lines.push(`${name} = ${constraint}`);
    return name;
  }

  #anyOf(constraints: readonly string[]): string {
    if (constraints.length === 1) return this.#value(constraints[0]!);
    return this.#value(`irdl.any_of(${constraints.map((c) => this.#value(c)).join(", ")})`);
  }

  #fields(keyword: string, fields: Fields, shared: Map<string, string>): void {
    if (fields.length === 0) return;
    const parts = fields.map(({ name, is, arity }) => {
      const group = this.#groupOf(name);
      const value = shared.get(group) ?? this.#anyOf(typeConstraints(is));
      shared.set(group, value);
      const constraint = arity === "one" ? value : `${arity === "many" ? "variadic" : "optional"} ${value}`;
      return this.#named ? `${nameText(name)}: ${constraint}` : constraint;
    });
    this.#lines.push(`irdl.${keyword}(${parts.join(", ")})`);
  }

  /** Fields whose types are always the same share one constraint, which IRDL then holds to one type. */
  #groupOf(field: string): string {
    for (const trait of this.#op.traits)
      if (isSameTypes(trait) && trait.fields.includes(field)) return trait.fields[0]!;
    return field;
  }

  /** The attributes that must be there; IRDL knows no others. */
  #attributes(): void {
    const parts = this.#op.attrFields
      .filter(({ codec }) => codec.required)
      .map(({ name, codec }) => `${quote(name)} = ${this.#anyOf(attributeConstraints(codec))}`);
    if (parts.length > 0) this.#lines.push(`irdl.attributes {${parts.join(", ")}}`);
  }

  #regions(): void {
    const { regionNames, spec } = this.#op;
    if (regionNames.length === 0 || spec.openRegions) return;
    const size = this.#op.has(SingleBlock) ? " with size 1" : "";
    const parts = regionNames.map((name) => {
      const value = this.#value(`irdl.region${size}`);
      return this.#named ? `${nameText(name)}: ${value}` : value;
    });
    this.#lines.push(`irdl.regions(${parts.join(", ")})`);
  }
}

/** IRDL wants names of fields without capitals. */
const nameText = (name: string): string => name.replace(/[A-Z]/g, (c, at) => `${at > 0 ? "_" : ""}${c.toLowerCase()}`);

// Constraints are predicates, so what they mean is found out by asking them about samples of every kind of type.

const elementSamples: readonly Type[] = [
  ...[i1, i8, i16, i32, i64, index],
  ...([8, 16, 32, 64] as const).flatMap((w) => [integer(w, "unsigned"), integer(w, "signed")]),
  ...(["f16", "bf16", "f32", "f64"] as const).map(float),
];
const shapes = [[], [1], [dynamic], [4], [2, 3], [1, 2, 3], [1, 2, 3, 3]];
const shapedSamples = (make: (shape: readonly number[], element: Type) => Type): Type[] =>
  elementSamples.flatMap((element) => shapes.map((shape) => make(shape, element)));

/** Types by the name under which IRDL knows their kind. */
const typeSamples: Readonly<Record<string, readonly Type[]>> = {
  tensor: shapedSamples(tensor),
  unranked_tensor: elementSamples.map(unrankedTensor),
  memref: shapedSamples((shape, element) => memref(shape, element)),
  unranked_memref: elementSamples.map((e) => unrankedMemref(e)),
  vector: shapedSamples((shape, element) => vector(shape.map(Math.abs), element)),
  integer: [1, 4, 8, 16, 32, 64].flatMap((w) => [integer(w), integer(w, "unsigned"), integer(w, "signed")]),
  index: [index],
  ...Object.fromEntries(
    (["f16", "bf16", "tf32", "f32", "f64", "f80", "f128"] as FloatName[]).map((n) => [n, [float(n)]]),
  ),
  complex: [complex(float("f32"))],
  tuple: [tuple([i32])],
  function: [functionType([], [])],
  none: [none],
};

/** Alternatives, each an IRDL constraint without operands. A kind of which two samples are taken is taken as a whole. */
function typeConstraints(is: Constraint): string[] {
  const found: string[] = [];
  let everything = true;
  for (const [kind, samples] of Object.entries(typeSamples)) {
    const taken = samples.filter((t) => is.test(t));
    if (taken.length < samples.length) everything = false;
    if (taken.length === 1 && samples.length > 1) found.push(`irdl.is ${typeText(taken[0]!)}`);
    else if (taken.length > 0) found.push(`irdl.base "!builtin.${kind}"`);
  }
  return everything || found.length === 0 ? ["irdl.any"] : found;
}

const someNumbers = [[], [0], [1], [1, 1], [2, 3], [1, 1, 1], [1, 1, 1, 1], [0, 1, 2, 3]];
const scalarAttributes: Readonly<Record<string, readonly Attribute[]>> = {
  integer: [
    ...elementSamples.filter((t) => t.kind !== "float").flatMap((t) => [0, 1, 2].map((n) => integerAttribute(n, t))),
    boolAttribute(true),
  ],
  float: (["f16", "f32", "f64"] as const).flatMap((n) => [0.5, 1].map((v) => floatAttribute(v, float(n)))),
  string: [stringAttribute("text")],
  type: [i32, index, float("f32"), tensor([2], float("f32"))].map(typeAttribute),
  unit: [unitAttribute],
  symbol_ref: [symbolAttribute("name"), symbolAttribute("name", ["inner"])],
  dictionary: [{ kind: "dictionary", entries: new Map() }],
};
const attributeSamples: Readonly<Record<string, readonly Attribute[]>> = {
  ...scalarAttributes,
  dense_array: [i1, i8, i32, i64, float("f32"), float("f64")].flatMap((element) =>
    someNumbers.map(
      (values): Attribute => ({ kind: "denseArray", element, values: element === i64 ? values.map(BigInt) : values }),
    ),
  ),
  array: [
    { kind: "array", elements: [] },
    ...Object.values(scalarAttributes).flatMap((samples) =>
      samples.map((sample): Attribute => ({ kind: "array", elements: [sample] })),
    ),
  ],
  dense_int_or_fp_elements: elementSamples.flatMap((element) =>
    [[], [2]].map(
      (shape): Attribute => ({ kind: "dense", type: tensor(shape, element), splat: true, bytes: new Uint8Array(8) }),
    ),
  ),
  dense_resource_elements: elementSamples.map(
    (element): Attribute => ({ kind: "resource", key: "weights", type: tensor([2], element) }),
  ),
  affine_map: [0, 1, 2].map((dims): Attribute => mapAttribute(identityMap(dims))),
};

/** As `typeConstraints`; words of an enumeration are given one by one. */
function attributeConstraints(codec: Attr): string[] {
  if (codec.asm.kind === "keyword") {
    const words = codec.asm.words.map((word) => codec.to(word)).filter((a) => a !== undefined);
    if (words.length > 0) return words.map((a) => `irdl.is ${attributeText(a)}`);
  }
  const found: string[] = [];
  let everything = true;
  for (const [kind, samples] of Object.entries(attributeSamples)) {
    const taken = samples.some((a) => codec.from(a) !== undefined);
    if (taken) found.push(`irdl.base "#builtin.${kind}"`);
    else everything = false;
  }
  return everything || found.length === 0 ? ["irdl.any"] : found;
}
