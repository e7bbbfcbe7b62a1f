import { ByteWriter } from "../../support/bytes.ts";
import { featureBit, type Instruction, instructionOf, type Mnemonic, type MnemonicOf } from "./opcodes.ts";
import { type Label, OperandStack, sameTypes } from "./operand-stack.ts";
import { type FunctionType, type ReferenceType, type ValueType, valueTypeCodes } from "./types.ts";

/** What the body of a function may refer to: the index spaces of its module. */
export interface ModuleScope {
  typeIndex(type: FunctionType): number;
  functionType(index: number): FunctionType | undefined;
  globalType(index: number): { readonly type: ValueType; readonly mutable: boolean } | undefined;
  tableType(index: number): ReferenceType | undefined;
  readonly hasMemory: boolean;
  readonly dataCount: number;
  readonly elementCount: number;
}

/** Fixed operands, and an immediate that leaves no choice: none, the one memory, the one memory order. */
export type Plain = MnemonicOf<"none" | "memory" | "memory+memory" | "order", FunctionType>;

const nothing: readonly ValueType[] = [];

/**
 * The body of a function, written straight to bytes in final order. Every instruction is checked against the operand
 * stack as it is written. Methods answer the builder, so that instructions can be chained; those that open a construct
 * answer its label. The last `end` closes the function.
 */
export class FunctionBuilder {
  readonly name: string;
  readonly index: number;
  readonly type: FunctionType;
  /** The features that the instructions so far need, as bits. */
  featureBits = 0;
  /** Functions that `ref.func` refers to, which the module must declare. */
  readonly references = new Set<number>();
  /** Whether an instruction names a data segment, so that the module must count them up front. */
  usesData = false;
  private readonly scope: ModuleScope;
  private readonly code = new ByteWriter(512);
  private readonly stack: OperandStack;
  private readonly locals: ValueType[];
  private readonly localNames: (string | undefined)[] = [];

  constructor(scope: ModuleScope, name: string, index: number, type: FunctionType) {
    this.scope = scope;
    this.name = name;
    this.index = index;
    this.type = type;
    this.locals = [...type.params];
    this.stack = new OperandStack(name);
    this.stack.open("function", type);
  }

  /** Whether the last `end` has been written. */
  get finished(): boolean {
    return this.stack.depth === 0;
  }

  /** How many bytes of code there are so far. */
  get size(): number {
    return this.code.length;
  }

  /** How many operands the innermost open construct has on the stack. */
  get operands(): number {
    return this.stack.operands;
  }

  /** Names a parameter and answers its index. */
  param(index: number, name: string): number {
    if (index >= this.type.params.length) this.stack.fail(`there is no parameter ${index}`);
    this.localNames[index] = name;
    return index;
  }

  /** Declares a local and answers its index. Neighbours of one type share two bytes; indices below 128 take one. */
  local(type: ValueType, name?: string): number {
    const index = this.locals.length;
    this.locals.push(type);
    if (name !== undefined) this.localNames[index] = name;
    return index;
  }

  localType(index: number): ValueType {
    return this.locals[index] ?? this.stack.fail(`there is no local ${index}`);
  }

  /** An instruction whose mnemonic says everything. */
  op(mnemonic: Plain): this {
    const instruction = this.begin(mnemonic);
    const { immediate } = instruction;
    if (immediate !== "none") this.code.zeros(immediate === "memory+memory" ? 2 : 1);
    if (immediate === "memory" || immediate === "memory+memory") this.needMemory();
    return this.apply(instruction);
  }

  /** A constant in [-2^31, 2^32): both readings of the bits are taken. */
  i32Const(value: number): this {
    const instruction = this.begin("i32.const");
    if (value !== (value | 0) && value !== value >>> 0) this.stack.fail(`${value} has no 32 bits`);
    this.code.sleb32(value | 0);
    return this.apply(instruction);
  }

  /** A constant of which the lower 64 bits count. */
  i64Const(value: bigint | number): this {
    const instruction = this.begin("i64.const");
    // Both widths encode alike, and a number that fits in 32 bits is quicker.
    if (typeof value === "number" && (value | 0) === value) this.code.sleb32(value);
    else this.code.sleb64(BigInt.asIntN(64, BigInt(value)));
    return this.apply(instruction);
  }

  f32Const(value: number): this {
    const instruction = this.begin("f32.const");
    this.code.f32(value);
    return this.apply(instruction);
  }

  f64Const(value: number): this {
    const instruction = this.begin("f64.const");
    this.code.f64(value);
    return this.apply(instruction);
  }

  /** A vector constant, from its lanes: a typed array of sixteen bytes. */
  v128Const(lanes: ArrayBufferView): this {
    const instruction = this.begin("v128.const");
    if (lanes.byteLength !== 16) this.stack.fail(`needs 16 bytes, has ${lanes.byteLength}`);
    this.code.append(new Uint8Array(lanes.buffer, lanes.byteOffset, 16));
    return this.apply(instruction);
  }

  /** A load, store or atomic access at the address operand plus `offset`. `align` is in bytes and only a hint. */
  access(mnemonic: MnemonicOf<"access">, offset = 0, align?: number): this {
    const instruction = this.begin(mnemonic);
    this.memoryArgument(instruction, offset, align);
    return this.apply(instruction);
  }

  /** Loads or stores one lane of a vector. */
  accessLane(mnemonic: MnemonicOf<"access+lane">, lane: number, offset = 0, align?: number): this {
    const instruction = this.begin(mnemonic);
    this.memoryArgument(instruction, offset, align);
    this.laneIndex(lane, instruction.lanes);
    return this.apply(instruction);
  }

  /** Reads or replaces one lane of a vector. */
  lane(mnemonic: MnemonicOf<"lane">, lane: number): this {
    const instruction = this.begin(mnemonic);
    this.laneIndex(lane, instruction.lanes);
    return this.apply(instruction);
  }

  /** Chooses sixteen bytes out of the 32 of two vectors. */
  shuffle(lanes: readonly number[]): this {
    const instruction = this.begin("i8x16.shuffle");
    if (lanes.length !== 16) this.stack.fail(`needs 16 lanes, has ${lanes.length}`);
    for (let i = 0; i < 16; i++) this.laneIndex(lanes[i]!, 32);
    return this.apply(instruction);
  }

  localGet(index: number): this {
    this.begin("local.get");
    this.stack.push(this.localType(index));
    this.code.uleb32(index);
    return this;
  }

  localSet(index: number): this {
    this.begin("local.set");
    this.stack.pop(this.localType(index));
    this.code.uleb32(index);
    return this;
  }

  localTee(index: number): this {
    this.begin("local.tee");
    const type = this.localType(index);
    this.stack.pop(type);
    this.stack.push(type);
    this.code.uleb32(index);
    return this;
  }

  globalGet(index: number): this {
    this.begin("global.get");
    this.stack.push(this.globalType(index).type);
    this.code.uleb32(index);
    return this;
  }

  globalSet(index: number): this {
    this.begin("global.set");
    const { type, mutable } = this.globalType(index);
    if (!mutable) this.stack.fail(`global ${index} is constant`);
    this.stack.pop(type);
    this.code.uleb32(index);
    return this;
  }

  /** Opens a block; branches to its label go to its end. */
  block(results: readonly ValueType[] = nothing, params: readonly ValueType[] = nothing): Label {
    return this.open("block", results, params);
  }

  /** Opens a loop; branches to its label go to its start, with its parameters. */
  loop(results: readonly ValueType[] = nothing, params: readonly ValueType[] = nothing): Label {
    return this.open("loop", results, params);
  }

  /** Takes a condition and opens the arm for true; `else` goes on to the other. */
  if(results: readonly ValueType[] = nothing, params: readonly ValueType[] = nothing): Label {
    return this.open("if", results, params);
  }

  else(): this {
    this.begin("else");
    this.stack.alternate();
    return this;
  }

  end(): this {
    this.begin("end");
    this.stack.close();
    return this;
  }

  br(label: Label): this {
    this.begin("br");
    this.code.uleb32(this.stack.relativeDepth(label));
    this.stack.popAll(this.stack.branchTypes(label));
    this.stack.die();
    return this;
  }

  brIf(label: Label): this {
    this.begin("br_if");
    this.code.uleb32(this.stack.relativeDepth(label));
    this.stack.pop("i32");
    const types = this.stack.branchTypes(label);
    this.stack.popAll(types);
    this.stack.pushAll(types);
    return this;
  }

  /** Branches to the label that the operand counts off, or to `otherwise` when there are not so many. */
  brTable(labels: readonly Label[], otherwise: Label): this {
    this.begin("br_table");
    const types = this.stack.branchTypes(otherwise);
    this.code.uleb32(labels.length);
    for (const label of labels) {
      if (!sameTypes(this.stack.branchTypes(label), types)) this.stack.fail("its labels take different operands");
      this.code.uleb32(this.stack.relativeDepth(label));
    }
    this.code.uleb32(this.stack.relativeDepth(otherwise));
    this.stack.pop("i32");
    this.stack.popAll(types);
    this.stack.die();
    return this;
  }

  return(): this {
    this.begin("return");
    this.stack.popAll(this.type.results);
    this.stack.die();
    return this;
  }

  unreachable(): this {
    this.begin("unreachable");
    this.stack.die();
    return this;
  }

  call(index: number): this {
    this.begin("call");
    this.transfer(this.calleeType(index));
    this.code.uleb32(index);
    return this;
  }

  /** Calls the function of this type that the operand on top indexes in a table. */
  callIndirect(type: FunctionType, table = 0): this {
    this.begin("call_indirect");
    if (this.tableType(table) !== "funcref") this.stack.fail(`table ${table} does not hold functions`);
    if (table !== 0) this.featureBits |= featureBit("reference-types");
    this.code.uleb32(this.scope.typeIndex(type));
    this.code.uleb32(table);
    this.stack.pop("i32");
    this.transfer(type);
    return this;
  }

  drop(): this {
    this.begin("drop");
    this.stack.popAny();
    return this;
  }

  /** Takes a condition and keeps the first of two operands if it is not zero, else the second. */
  select(): this {
    this.begin("select");
    this.stack.pop("i32");
    const second = this.stack.popAny();
    const first = this.stack.popAny();
    const type = first ?? second;
    if (second !== undefined && second !== type) this.stack.fail(`chooses between ${type} and ${second}`);
    if (type === "funcref" || type === "externref") this.stack.fail(`needs its type stated for ${type}`);
    this.stack.push(type);
    return this;
  }

  /** The `select` that states its type, as references need. */
  selectTyped(type: ValueType): this {
    this.begin("select_t");
    this.code.u8(1);
    this.code.u8(valueTypeCodes[type]);
    this.stack.pop("i32");
    this.stack.pop(type);
    this.stack.pop(type);
    this.stack.push(type);
    return this;
  }

  refNull(type: ReferenceType): this {
    this.begin("ref.null");
    this.code.u8(valueTypeCodes[type]);
    this.stack.push(type);
    return this;
  }

  refIsNull(): this {
    this.begin("ref.is_null");
    const found = this.stack.popAny();
    if (found !== undefined && found !== "funcref" && found !== "externref") this.stack.fail(`takes ${found}`);
    this.stack.push("i32");
    return this;
  }

  refFunc(index: number): this {
    this.begin("ref.func");
    this.calleeType(index);
    this.references.add(index);
    this.code.uleb32(index);
    this.stack.push("funcref");
    return this;
  }

  /** `memory.init` or `data.drop` of a data segment. */
  data(mnemonic: MnemonicOf<"data" | "data+memory">, segment: number): this {
    const instruction = this.begin(mnemonic);
    if (segment >= this.scope.dataCount) this.stack.fail(`there is no data segment ${segment}`);
    this.usesData = true;
    this.code.uleb32(segment);
    if (instruction.immediate === "data+memory") {
      this.needMemory();
      this.code.u8(0);
    }
    return this.apply(instruction);
  }

  elemDrop(segment: number): this {
    const instruction = this.begin("elem.drop");
    this.elementSegment(segment);
    return this.apply(instruction);
  }

  tableInit(segment: number, table = 0): this {
    const instruction = this.begin("table.init");
    this.elementSegment(segment);
    this.tableType(table);
    this.code.uleb32(table);
    return this.apply(instruction);
  }

  tableCopy(destination: number, source: number): this {
    const instruction = this.begin("table.copy");
    if (this.tableType(destination) !== this.tableType(source)) this.stack.fail("the tables hold different types");
    this.code.uleb32(destination);
    this.code.uleb32(source);
    return this.apply(instruction);
  }

  /** `table.get`, `set`, `size`, `grow` or `fill`. */
  table(mnemonic: MnemonicOf<"table">, table = 0): this {
    this.begin(mnemonic);
    const type = this.tableType(table);
    const { params, results } = tableSignatures(type)[mnemonic];
    this.code.uleb32(table);
    this.stack.popAll(params);
    this.stack.pushAll(results);
    return this;
  }

  /** Appends the body, preceded by its size, to the code section. */
  writeTo(section: ByteWriter): void {
    if (!this.finished) this.stack.fail("the function has not been ended");
    const mark = section.openPrefix();
    const groups = localGroups(this.locals, this.type.params.length);
    section.uleb32(groups.length);
    for (const { type, count } of groups) {
      section.uleb32(count);
      section.u8(valueTypeCodes[type]);
    }
    section.append(this.code.subarray());
    section.closePrefix(mark);
  }

  /** The named parameters and locals, by index. */
  namedLocals(): [index: number, name: string][] {
    return this.localNames.flatMap((name, index) => (name === undefined ? [] : [[index, name]]));
  }

  private begin(mnemonic: Mnemonic): Instruction {
    const instruction = instructionOf(mnemonic);
    this.stack.instruction = mnemonic;
    if (this.stack.depth === 0) this.stack.fail("stands after the end of the function");
    this.featureBits |= instruction.featureBit;
    const { code } = instruction;
    for (let i = 0; i < code.length; i++) this.code.u8(code[i]!);
    return instruction;
  }

  private apply(instruction: Instruction): this {
    if (instruction.signature === null) this.stack.fail("its operands are not fixed");
    this.transfer(instruction.signature);
    return this;
  }

  private transfer(type: FunctionType): void {
    this.stack.popAll(type.params);
    this.stack.pushAll(type.results);
  }

  private open(kind: "block" | "loop" | "if", results: readonly ValueType[], params: readonly ValueType[]): Label {
    this.begin(kind);
    if (params.length === 0 && results.length < 2) {
      this.code.u8(results.length === 0 ? 0x40 : valueTypeCodes[results[0]!]);
    } else {
      this.featureBits |= featureBit("multi-value");
      this.code.sleb32(this.scope.typeIndex({ params, results }));
    }
    if (kind === "if") this.stack.pop("i32");
    return this.stack.open(kind, { params, results });
  }

  private memoryArgument(instruction: Instruction, offset: number, align = instruction.bytes): void {
    this.needMemory();
    const exponent = 31 - Math.clz32(align);
    if (align !== 1 << exponent || align > instruction.bytes) this.stack.fail(`cannot be aligned to ${align}`);
    if (instruction.feature === "threads" && align !== instruction.bytes) {
      this.stack.fail(`is atomic and must be aligned to ${instruction.bytes}, not ${align}`);
    }
    this.code.u8(exponent);
    this.code.uleb32(offset);
  }

  private laneIndex(lane: number, lanes: number): void {
    if (!(Number.isInteger(lane) && lane >= 0 && lane < lanes))
      this.stack.fail(`has lanes 0 to ${lanes - 1}, not ${lane}`);
    this.code.u8(lane);
  }

  private elementSegment(segment: number): void {
    if (segment >= this.scope.elementCount) this.stack.fail(`there is no element segment ${segment}`);
    this.code.uleb32(segment);
  }

  private calleeType(index: number): FunctionType {
    return this.scope.functionType(index) ?? this.stack.fail(`there is no function ${index}`);
  }

  private globalType(index: number): { readonly type: ValueType; readonly mutable: boolean } {
    return this.scope.globalType(index) ?? this.stack.fail(`there is no global ${index}`);
  }

  private tableType(index: number): ReferenceType {
    return this.scope.tableType(index) ?? this.stack.fail(`there is no table ${index}`);
  }

  private needMemory(): void {
    if (!this.scope.hasMemory) this.stack.fail("the module has no memory");
  }
}

function tableSignatures(type: ReferenceType): Record<MnemonicOf<"table">, FunctionType> {
  return {
    "table.get": { params: ["i32"], results: [type] },
    "table.set": { params: ["i32", type], results: [] },
    "table.size": { params: [], results: ["i32"] },
    "table.grow": { params: [type, "i32"], results: ["i32"] },
    "table.fill": { params: ["i32", type, "i32"], results: [] },
  };
}

/** Runs of equal types, as a body declares its locals; parameters are not declared again. */
function localGroups(locals: readonly ValueType[], params: number): { type: ValueType; count: number }[] {
  const groups: { type: ValueType; count: number }[] = [];
  for (let i = params; i < locals.length; i++) {
    const last = groups.at(-1);
    if (last?.type === locals[i]) last!.count++;
    else groups.push({ type: locals[i]!, count: 1 });
  }
  return groups;
}
