/** @file What has been read of an op by its assembly format, before it is made. */
import type { AsmParser, UnresolvedOperand } from "../ir/asm.ts";
import { Block, Operation, type Region } from "../ir/core.ts";
import type { OpInfo } from "../ir/define.ts";
import { fieldRange } from "../ir/fields.ts";
import { SingleBlock } from "../ir/traits.ts";
import type { Attribute, Type } from "../ir/types.ts";
import type { Location } from "../support/location.ts";

/** What has been read of one op. Lists are by field, in the order of the record; undefined is not read. */
export class FormatState {
  readonly p: AsmParser;
  readonly def: OpInfo;
  readonly at: Location;
  readonly operands: (readonly UnresolvedOperand[] | undefined)[];
  /** Where each field's operands start, for messages. */
  readonly operandPlaces: Location[] = [];
  readonly operandTypes: (readonly Type[] | undefined)[];
  readonly resultTypes: (readonly Type[] | undefined)[];
  /** Of `operands`, `results`: not yet divided among the fields. */
  allOperandTypes: readonly Type[] | undefined;
  allResultTypes: readonly Type[] | undefined;
  readonly props: unknown[];
  attributes: Map<string, Attribute> | undefined;
  readonly regions: Region[][];
  readonly successors: Block[][];

  constructor(p: AsmParser, def: OpInfo, at: Location) {
    this.p = p;
    this.def = def;
    this.at = at;
    this.operands = new Array(def.operandFields.length).fill(undefined);
    this.operandTypes = this.operands.map(() => undefined);
    this.resultTypes = def.resultFields.map(() => undefined);
    this.props = def.attrFields.map(() => undefined);
    this.regions = def.regionNames.map(() => []);
    this.successors = (def.spec.successors ?? []).map(() => []);
  }
}

export type Reader = (s: FormatState) => void;
/** Reads something if it stands there. */
export type OptionalReader = (s: FormatState) => boolean;

export function setOperands(s: FormatState, index: number, at: Location, operands: readonly UnresolvedOperand[]): void {
  s.operands[index] = operands;
  s.operandPlaces[index] = at;
}

/** Adds the terminator, or at least the block, that the text left out. */
export function terminate(s: FormatState, region: Region): void {
  const end = s.def.spec.terminator?.();
  if (!end) {
    if (region.isEmpty && s.def.has(SingleBlock)) region.append(new Block());
    return;
  }
  s.p.ensureTerminator(
    region,
    () => new Operation(end, { props: end.attrFields.map((f) => f.codec.fallback), loc: s.at }),
  );
}

/** Divides a list among fields of which at most one, unless `segments` tells, has an open length. */
export function divide<E>(
  fields: OpInfo["operandFields"],
  all: readonly E[],
  into: (readonly E[] | undefined)[],
  segments: readonly number[] | null = null,
): void {
  for (let i = 0; i < fields.length; i++) {
    const [start, end] = fieldRange(fields, i, all.length, segments);
    into[i] = all.slice(start, end);
  }
}
