import { InternalError } from "../../support/diagnostic.ts";
import type { FunctionType, ValueType } from "./types.ts";

/** A construct that can be branched to. `block` and its kin hand it out; branches take it. */
export interface Label {
  readonly kind: "function" | "block" | "loop" | "if" | "else";
  readonly type: FunctionType;
  /** How many constructs enclose it. */
  readonly depth: number;
  /** Operands below it, which its body may not touch. */
  readonly height: number;
}

interface Frame extends Label {
  kind: Label["kind"];
  /** After a jump: what follows is never run, so operands of any type may be taken from the bottom. */
  dead: boolean;
}

/**
 * The types of the operands and the open constructs at one point of a function, checked as WebAssembly validation does
 * (core specification, appendix A.3), one instruction at a time. Every fault is ours, so it throws, naming the function
 * and the instruction.
 */
export class OperandStack {
  /** The instruction being written, for messages. */
  instruction = "";
  private readonly owner: string;
  /** Undefined stands for an operand that dead code may take for any type. */
  private readonly types: (ValueType | undefined)[] = [];
  private readonly frames: Frame[] = [];

  constructor(owner: string) {
    this.owner = owner;
  }

  /** How many constructs are open, the function among them. */
  get depth(): number {
    return this.frames.length;
  }

  /** How many operands the innermost construct has on the stack. */
  get operands(): number {
    const frame = this.frames[this.frames.length - 1];
    return this.types.length - (frame?.height ?? 0);
  }

  fail(message: string): never {
    throw new InternalError(`wasm function "${this.owner}", ${this.instruction}: ${message}`);
  }

  push(type: ValueType | undefined): void {
    this.types.push(type);
  }

  pushAll(types: readonly ValueType[]): void {
    for (let i = 0; i < types.length; i++) this.types.push(types[i]!);
  }

  /** Takes an operand of any type; undefined if dead code may take it for any. */
  popAny(): ValueType | undefined {
    const frame = this.top();
    if (this.types.length > frame.height) return this.types.pop();
    if (!frame.dead) this.fail("takes an operand where there is none");
    return undefined;
  }

  pop(expected: ValueType): void {
    const found = this.popAny();
    if (found !== expected && found !== undefined) this.fail(`takes ${expected}, but the operand is ${found}`);
  }

  popAll(types: readonly ValueType[]): void {
    for (let i = types.length - 1; i >= 0; i--) this.pop(types[i]!);
  }

  /** Opens a construct, whose parameters are taken from the stack and given to its body. */
  open(kind: Label["kind"], type: FunctionType): Label {
    if (kind !== "function") this.popAll(type.params);
    const frame: Frame = { kind, type, depth: this.frames.length, height: this.types.length, dead: false };
    this.frames.push(frame);
    if (kind !== "function") this.pushAll(type.params);
    return frame;
  }

  /** Goes from the first to the second arm of an `if`. */
  alternate(): void {
    const frame = this.top();
    if (frame.kind !== "if") this.fail(`stands in a ${frame.kind}, not in an if`);
    this.settle(frame);
    frame.kind = "else";
    frame.dead = false;
    this.pushAll(frame.type.params);
  }

  /** Closes the innermost construct and leaves its results. */
  close(): void {
    const frame = this.top();
    this.settle(frame);
    const { params, results } = frame.type;
    if (frame.kind === "if" && !sameTypes(params, results)) this.fail("an if without else must leave what it takes");
    this.frames.pop();
    this.pushAll(results);
  }

  /** The depth of a label counted from the innermost construct, as branches encode it. */
  relativeDepth(label: Label): number {
    if (this.frames[label.depth] !== label) this.fail(`branches to a ${label.kind} that is closed`);
    return this.frames.length - 1 - label.depth;
  }

  /** The function itself, whose label `return` branches to. */
  outermost(): Label {
    return this.frames[0] ?? this.fail("stands after the end of the function");
  }

  /** What a branch to the label takes along. */
  branchTypes(label: Label): readonly ValueType[] {
    return label.kind === "loop" ? label.type.params : label.type.results;
  }

  /** Nothing after this point of the construct is run. */
  die(): void {
    const frame = this.top();
    this.types.length = frame.height;
    frame.dead = true;
  }

  private top(): Frame {
    return this.frames[this.frames.length - 1] ?? this.fail("stands after the end of the function");
  }

  private settle(frame: Frame): void {
    this.popAll(frame.type.results);
    const rest = this.types.length - frame.height;
    if (rest > 0) this.fail(`leaves ${rest} more than the results of the ${frame.kind}`);
  }
}

export const sameTypes = (a: readonly ValueType[], b: readonly ValueType[]): boolean =>
  a.length === b.length && a.every((type, i) => type === b[i]);
