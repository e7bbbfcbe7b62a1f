/** @file From what a text says of an op to the Operation: attributes to their fields, segments, did-you-mean. */
import type { ParsedOp } from "../ir/asm.ts";
import type { Context } from "../ir/context.ts";
import { Operation, type Value } from "../ir/core.ts";
import { insOf, type OpInfo } from "../ir/define.ts";
import { type Fields, fieldRange } from "../ir/fields.ts";
import { type Attribute, type AttributeOf, i32 } from "../ir/types.ts";
import type { Code } from "../support/codes.ts";
import type { Location } from "../support/location.ts";

const none: readonly never[] = Object.freeze([]);

export type AttributeMap = ReadonlyMap<string, Attribute>;

/** `<{…}>` as it stands in a text, and what it was for the op that had it last: texts repeat. */
export class PropertyText {
  readonly attribute: AttributeOf<"dictionary">;
  def: OpInfo | undefined;
  props: readonly unknown[] = none;

  constructor(entries: AttributeMap) {
    this.attribute = { kind: "dictionary", entries };
  }
}
/** Told of the faults of the op whose name starts at an offset. */
export interface Reporter {
  reportOp(code: Code, message: string, start: number): void;
}
type Report = (code: Code, message: string) => void;

/** The one property of an op that no record describes, where it has none. */
const noProperties: readonly unknown[] = Object.freeze([undefined]);

/** The op that a text describes. Faults of its attributes are reported, and the op made without them. */
export function assemble(
  def: OpInfo,
  parsed: ParsedOp,
  properties: PropertyText | undefined,
  loc: Location,
  reporter: Reporter,
  start: number,
): Operation {
  if (!def.registered) {
    const { attributes } = parsed;
    const props = properties ? [properties.attribute] : noProperties;
    return withProps(def, parsed, props, attributes && attributes.size > 0 ? attributes : null, loc);
  }
  const known = isPlain(def, parsed) ? knownProps(def, properties) : undefined;
  if (known) return withProps(def, parsed, known.length === 0 ? none : known.slice(), null, loc);
  return assembleKnown(def, parsed, properties, loc, reporter, start);
}

/** What most ops are: nothing of them is left to be found out. */
const withProps = (
  def: OpInfo,
  parsed: ParsedOp,
  props: readonly unknown[],
  attributes: AttributeMap | null,
  loc: Location,
): Operation =>
  new Operation(def, {
    operands: parsed.operands ?? none,
    props,
    resultTypes: parsed.resultTypes ?? none,
    regions: parsed.regions ?? none,
    successors: parsed.successors ?? none,
    attributes,
    operandSegments: null,
    resultSegments: null,
    loc,
  });

/** Nothing but `<{…}>` decides over the attributes of this op. */
const isPlain = (def: OpInfo, parsed: ParsedOp): boolean =>
  parsed.attributes === undefined &&
  parsed.props === undefined &&
  parsed.resultTypes !== undefined &&
  !def.hasOperandSegments &&
  !def.hasResultSegments;

function knownProps(def: OpInfo, properties: PropertyText | undefined): readonly unknown[] | undefined {
  if (!properties) return def.fallbacks;
  return properties.def === def ? properties.props : undefined;
}

function assembleKnown(
  def: OpInfo,
  parsed: ParsedOp,
  properties: PropertyText | undefined,
  loc: Location,
  reporter: Reporter,
  start: number,
): Operation {
  const operands = parsed.operands ?? none;
  let faults = 0;
  const report: Report = (code, message) => reporter.reportOp(code, message, start);
  const { attrFields, operandFields, resultFields, attrIndex } = def;
  const props = new Array<unknown>(attrFields.length);
  const given = parsed.props;
  for (let i = 0; i < attrFields.length; i++) {
    const { name, codec } = attrFields[i]!;
    props[i] = given && name in given ? given[name] : codec.fallback;
  }
  let others: Map<string, Attribute> | null = null;
  let operandSegments: readonly number[] | null = parsed.operandSegments ?? null;
  let resultSegments: readonly number[] | null = parsed.resultSegments ?? null;
  const resultCount = parsed.resultTypes?.length ?? 0;
  const take = (map: AttributeMap): void => {
    for (const [name, value] of map) {
      const index = attrIndex.get(name);
      if (index !== undefined) {
        const { codec } = attrFields[index]!;
        const native = codec.from(value);
        if (native !== undefined) props[index] = native;
        else {
          faults++;
          report("verify/attribute", mismatch(def, name, codec.label));
        }
      } else if (def.hasOperandSegments && isSegmentSizes(def, name, "operand")) {
        operandSegments = segmentsOf(def, name, value, operandFields, operands.length, report);
      } else if (def.hasResultSegments && isSegmentSizes(def, name, "result")) {
        resultSegments = segmentsOf(def, name, value, resultFields, resultCount, report);
      } else {
        others ??= new Map();
        others.set(name, value);
      }
    }
  };
  if (properties) take(properties.attribute.entries);
  if (parsed.attributes) take(parsed.attributes);
  if (def.hasOperandSegments && !operandSegments) {
    operandSegments = guessSegments(operandFields, operands.length);
    if (!operandSegments) report("verify/operands", missing(def, "operandSegmentSizes"));
    operandSegments ??= evenSegments(operandFields, operands.length);
  }
  const resultTypes =
    parsed.resultTypes ??
    (resultFields.length > 0 && isSound(def, operands, props, operandSegments)
      ? def.spec.infer?.(insOf(def, operands, props, operandSegments) as never)
      : undefined) ??
    none;
  if (def.hasResultSegments && !resultSegments) {
    resultSegments = guessSegments(resultFields, resultTypes.length);
    if (!resultSegments) report("verify/operands", missing(def, "resultSegmentSizes"));
    resultSegments ??= evenSegments(resultFields, resultTypes.length);
  }
  if (faults === 0 && properties && others === null && isPlain(def, parsed)) {
    properties.def = def;
    properties.props = props.slice();
  }
  return new Operation(def, {
    operands,
    props,
    resultTypes,
    regions: parsed.regions ?? none,
    successors: parsed.successors ?? none,
    attributes: others,
    operandSegments,
    resultSegments,
    loc,
  });
}

/** Ops that stock tools know through IRDL write it in MLIR 19's way. */
const isSegmentSizes = (def: OpInfo, name: string, kind: "operand" | "result"): boolean =>
  name === `${kind}SegmentSizes` || (def.home?.extension === true && name === `${kind}_segment_sizes`);

const mismatch = (def: OpInfo, name: string, label: string): string =>
  `'${def.opName}' op attribute '${name}' failed to satisfy constraint: ${label}`;
const missing = (def: OpInfo, name: string): string => `'${def.opName}' op needs the attribute '${name}'`;

function segmentsOf(
  def: OpInfo,
  name: string,
  value: Attribute,
  fields: Fields,
  count: number,
  report: Report,
): readonly number[] | null {
  if (value.kind !== "denseArray" || value.element !== i32) {
    report("verify/attribute", `'${def.opName}' op attribute '${name}' must be an i32 dense array`);
    return null;
  }
  const sizes = value.values.map(Number);
  if (sizes.length !== fields.length) {
    const what = name.startsWith("operand") ? "operand" : "result";
    report(
      "verify/operands",
      `'${def.opName}' op '${name}' attribute for specifying ${what} segments must have ${fields.length} elements, but got ${sizes.length}`,
    );
    return null;
  }
  const total = sizes.reduce((a, b) => a + b, 0);
  if (total !== count || sizes.some((s) => s < 0)) {
    const what = name.startsWith("operand") ? "operand" : "result";
    report(
      "verify/operands",
      `'${def.opName}' op ${what} count (${count}) does not match with the total size (${total}) specified in attribute '${name}'`,
    );
    return null;
  }
  return sizes;
}

/** The sizes of the fields where the number of values leaves no choice; null otherwise. */
function guessSegments(fields: Fields, count: number): readonly number[] | null {
  const least = fields.filter((f) => f.arity === "one").length;
  if (count === least) return fields.map((f) => (f.arity === "one" ? 1 : 0));
  const closed = fields.every((f) => f.arity !== "many");
  return closed && count === fields.length ? fields.map(() => 1) : null;
}

/** Some sizes that add up, so that views of a faulty op do not fail. */
function evenSegments(fields: Fields, count: number): readonly number[] {
  let rest = count;
  return fields.map((f, i) => {
    const take = i === fields.length - 1 ? rest : Math.min(rest, f.arity === "many" ? 0 : 1);
    rest -= take;
    return take;
  });
}

/** The operands and attributes are as the record wants them, so that it may be asked what follows from them. */
function isSound(
  def: OpInfo,
  operands: readonly Value[],
  props: readonly unknown[],
  segments: readonly number[] | null,
): boolean {
  const { operandFields } = def;
  for (let i = 0; i < operandFields.length; i++) {
    const [start, end] = fieldRange(operandFields, i, operands.length, segments);
    if (operandFields[i]!.arity === "one" && end > operands.length) return false;
    for (let k = start; k < end; k++) if (!operandFields[i]!.is.test(operands[k]!.type)) return false;
  }
  return def.attrFields.every((f, i) => !f.codec.required || props[i] !== undefined);
}

/** The registered name nearest to a wrong one, if one is near. */
export function nearestOp(name: string, context: Context): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 4)) + 1;
  for (const op of context.ops()) {
    const distance = editDistance(name, op.opName, least);
    if (distance < least) {
      least = distance;
      best = op.opName;
    }
  }
  return best;
}

/** Levenshtein's distance, or `limit` as soon as it is known to be no less. */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + cost);
      least = Math.min(least, next[j]!);
    }
    if (least >= limit) return limit;
    row = next;
  }
  return Math.min(limit, row[b.length]!);
}
