/**
 * @file NodeBuilder: what a row builds its graph ops with. Every op is checked as it is made, and computed at once where
 * all it reads is known and small, so that the shape arithmetic of exporters never reaches the module.
 */

import { cast } from "../dialects/graph/cast.ts";
import { constantArray, constantOfArray } from "../dialects/graph/constant.ts";
import { type TensorValue, Widens } from "../dialects/graph/op.ts";
import { Builder } from "../ir/builder.ts";
import type { Operation, Region, Value } from "../ir/core.ts";
import { dtypeOf } from "../ir/datum.ts";
import { fieldRange } from "../ir/fields.ts";
import { evaluateOp } from "../ir/interpret.ts";
import { typeText } from "../ir/spell.ts";
import { SymbolScope } from "../ir/symbols.ts";
import { Pure } from "../ir/traits.ts";
import { elementOf, hasStaticShape, i64, isDynamic, type TensorType, type Type, tensor } from "../ir/types.ts";
import type { Code } from "../support/codes.ts";
import { CompileError, type Diagnostics } from "../support/diagnostic.ts";
import type { Location } from "../support/location.ts";
import { type Element, isBigDType, NDArray, sizeOf } from "../support/ndarray.ts";
import { tooLarge } from "./check-model.ts";
import type { Graph, Node, Tensor } from "./model.ts";

/** Elements of an operand or result up to which an op is computed while it is imported. */
const FOLD_LIMIT = 16384;
/** Elements of constants that rows make up. */
const CONSTANT_LIMIT = 2 ** 26;

/** What is known of the values of a module while it is made. */
export class Known {
  readonly #arrays = new Map<Value, NDArray>();
  readonly #decoded = new WeakMap<object, NDArray>();

  set(value: Value, array: NDArray): void {
    this.#arrays.set(value, array);
  }

  /** The elements of a value that is known at compile time. */
  array(value: Value): NDArray | undefined {
    const found = this.#arrays.get(value);
    if (found) return found;
    const op = value.definingOp;
    if (!op?.def.isConstant) return undefined;
    const attribute = op.props[0] as Parameters<typeof constantArray>[0];
    let array = this.#decoded.get(attribute);
    if (!array) {
      array = constantArray(attribute);
      if (array) this.#decoded.set(attribute, array);
    }
    return array;
  }

  /** As `array`, without decoding what is large. */
  small(value: Value): NDArray | undefined {
    const t = value.type;
    if (t.kind !== "tensor" || !hasStaticShape(t) || sizeOf(t.shape) > FOLD_LIMIT) return undefined;
    return this.array(value);
  }

  has(value: Value): boolean {
    return this.#arrays.has(value);
  }
}

/** What the importer offers to rows that need more than ops. */
export interface GraphImporting {
  readonly known: Known;
  readonly diagnostics: Diagnostics;
  /** Inputs of the model whose values would have to be known at compile time. */
  readonly needs: Set<string>;
  /** Names of the inputs that a value is computed from. */
  inputsOf(value: Value): readonly string[];
  /** The value is computed from one that could not be imported: what is wrong with it has been said. */
  isUnsound(value: Value): boolean;
  /** Imports a subgraph in place: its outputs. Undefined after a fault. */
  inline(graph: Graph, inputs: readonly Value[], b: Builder): readonly Value[] | undefined;
  /** Imports a subgraph as a region with arguments of these types. */
  region(graph: Graph, argTypes: readonly Type[], b: Builder): Region | undefined;
  /** A tensor of the model as a constant. */
  constant(t: Tensor, at: Location, b: Builder): TensorValue | undefined;
}

export class NodeBuilder extends Builder {
  readonly node: Node;
  /** Version of the operator set that the node is of. */
  readonly opset: number;
  readonly graph: GraphImporting;
  /** A fault was reported: what is built from now on is not used. */
  failed = false;

  constructor(node: Node, opset: number, graph: GraphImporting, at: Builder, loc: Location) {
    super(at.block, at.before, loc);
    this.node = node;
    this.opset = opset;
    this.graph = graph;
    this.listener = { inserted: (op) => this.#inserted(op) };
  }

  // --- faults -----------------------------------------------------------------------------------------------------

  /** Reports a fault of the node. Answers undefined, so that rows can return it. */
  fail(code: Code, message: string, help?: string): undefined {
    this.failed = true;
    const text = `${this.node.opType}: ${message}`;
    this.graph.diagnostics.error(code, this.loc, text, help === undefined ? {} : { help });
    return undefined;
  }

  unsupported(message: string, help?: string): undefined {
    return this.fail("onnx/unsupported-attribute", message, help);
  }

  #inserted(op: Operation): void {
    // What is built after a fault is thrown away, and need not make sense.
    if (this.failed || op.def.dialect !== "graph") return;
    if (this.#check(op)) this.#fold(op);
  }

  /** Operand types, the op's own rules, and sizes. Inputs of a model that break them are the model's fault. */
  #check(op: Operation): boolean {
    const { def } = op;
    def.operandFields.forEach((f, i) => {
      const [start, end] = fieldRange(def.operandFields, i, op.operandCount, op.operandSegments);
      for (let n = start; n < end; n++) {
        const { type } = op.operand(n);
        if (!f.is.test(type))
          this.fail("onnx/type-mismatch", `${f.name} must be a ${f.is.label}, but is ${typeText(type)}`);
      }
    });
    if (this.failed) return false;
    def.spec.verify?.(def.of(op) as never, (message) => void this.fail("onnx/shape", message), new SymbolScope());
    if (this.failed) return false;
    for (const { type } of op.results) {
      const why = type.kind === "tensor" ? tooLarge(type) : undefined;
      if (why !== undefined) this.fail("onnx/shape", `gives a tensor of type ${typeText(type)}, which ${why}`);
    }
    return !this.failed;
  }

  /** Computes an op whose operands are all known. */
  #fold(op: Operation): void {
    const { def } = op;
    if (def.isConstant || op.regions.length > 0 || !def.has(Pure) || def.has(Widens) || !def.spec.evaluate) return;
    if (op.results.some(({ type }) => type.kind !== "tensor" || sizeOf(type.shape.map(staticPart)) > FOLD_LIMIT))
      return;
    const operands: NDArray[] = [];
    for (const u of op.uses) {
      const array = this.graph.known.small(u.value);
      if (!array) return;
      operands.push(array);
    }
    try {
      const results = evaluateOp(op, operands) as readonly NDArray[];
      op.results.forEach((r, i) => {
        r.type = tensor(results[i]!.shape, elementOf(r.type));
        this.graph.known.set(r, results[i]!);
      });
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      this.fail("onnx/shape", error.diagnostics[0]?.message ?? error.message);
    }
  }

  // --- known values -------------------------------------------------------------------------------------------------

  /** The elements of a value, if they are known at compile time. */
  known(value: Value): NDArray | undefined {
    return this.graph.known.array(value);
  }

  /** The elements of an input that must be known; reports it if they are not. */
  need(value: Value, what: string): NDArray | undefined {
    const array = this.known(value);
    if (array) return array;
    if (this.graph.isUnsound(value)) {
      this.failed = true;
      return undefined;
    }
    const inputs = this.graph.inputsOf(value);
    for (const i of inputs) this.graph.needs.add(i);
    const names = inputs.map((n) => JSON.stringify(n)).join(", ");
    return this.fail(
      "onnx/needs-constant",
      `'${what}' must be known at compile time, but is computed${names ? ` from ${names}` : ""}`,
      names ? "give the value of the input at compile time, or make it an initializer" : undefined,
    );
  }

  /** The elements of an input that must be known, which are whole numbers (or truth values). */
  numbers(value: Value, what: string): number[] | undefined {
    if (elementOf(value.type).kind !== "integer") {
      return this.fail("onnx/type-mismatch", `'${what}' must hold whole numbers, but is a ${typeText(value.type)}`);
    }
    return this.reals(value, what);
  }

  /** The elements of an input that must be known. */
  reals(value: Value, what: string): number[] | undefined {
    return this.need(value, what)?.values().map(Number);
  }

  /** Whether a constant of so many elements may be made; reports it if not. */
  affords(count: number): boolean {
    if (count >= 0 && count <= CONSTANT_LIMIT) return true;
    const help = `constants that are made while a model is read have at most ${CONSTANT_LIMIT} elements`;
    this.fail("onnx/shape", `needs a constant of ${count} elements`, help);
    return false;
  }

  // --- small constants ----------------------------------------------------------------------------------------------

  array(array: NDArray, element: Type): TensorValue {
    return constantOfArray(this, array, element);
  }

  /** A scalar tensor with the elements of another value. */
  scalar(value: number, like: Value | Type): TensorValue {
    const element = elementOf("kind" in like ? like : like.type);
    return this.filled([], value, element);
  }

  filled(shape: readonly number[], value: Element, element: Type): TensorValue {
    const dtype = dtypeOf(element)!;
    const one = isBigDType(dtype) ? BigInt(value) : Number(value);
    return constantOfArray(this, NDArray.filled(dtype, shape, one), element);
  }

  /** A vector of 64-bit integers. */
  ints(values: readonly number[]): TensorValue {
    return constantOfArray(this, NDArray.from("i64", [values.length], values.map(BigInt)), i64);
  }

  cast(value: Value, to: Type): TensorValue {
    return elementOf(value.type) === to ? (value as TensorValue) : (cast(this, value, { to }) as TensorValue);
  }

  castAs(
    value: Value,
    to: Type,
    how: { readonly saturate: boolean; readonly round_mode: "up" | "down" | "nearest" },
  ): TensorValue {
    return elementOf(value.type) === to ? (value as TensorValue) : (cast(this, value, { to, ...how }) as TensorValue);
  }

  /** A tensor of numbers. */
  vector(values: readonly number[], shape: readonly number[], element: Type): TensorValue {
    const dtype = dtypeOf(element)!;
    const elements = isBigDType(dtype) ? values.map(BigInt) : values;
    return constantOfArray(this, NDArray.from(dtype, shape, elements), element);
  }

  /** The node has this many outputs that are wanted, counted to the last one. */
  get outputCount(): number {
    return this.node.outputs.length;
  }

  wants(output: number): boolean {
    return (this.node.outputs[output] ?? "") !== "";
  }
}

const staticPart = (d: number): number => (isDynamic(d) ? 1 : d);

/** The type of a value that is a tensor. */
export const tensorType = (v: Value): TensorType => v.type as TensorType;
