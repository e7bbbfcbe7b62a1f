/** @file Run-time values as text: arguments of functions are read, results are written as typed literals. */
import {
  type Attribute,
  attributeOfDatum,
  attributeText,
  type Context,
  Diagnostics,
  datumOfAttribute,
  dtypeOf,
  fault,
  isDynamic,
  isShaped,
  type Location,
  NDArray,
  type ShapedType,
  Source,
  span,
  type TextReader,
  type Type,
  tensor,
  toType,
  typeOfAttribute,
  typeText,
} from "../index.ts";
import { readNpy } from "./npy.ts";

/** What reading an argument needs. */
export interface ValueReader {
  readonly parseAttribute: TextReader["parseAttribute"];
  readonly context: Context;
  /** The bytes of a file; undefined where files are out of reach. */
  readonly readFile: ((path: string) => Uint8Array) | undefined;
}

const integerLiteral = /^[+-]?(\d+|0x[\da-f]+)$/i;
const floatLiteral = /^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+|inf|nan)$/i;

/**
 * Reads an argument for a parameter of a type: `3`, `2.5`, `true`, any constant of MLIR (`dense<[1, 2]> : tensor<2xi32>`,
 * of which the type may be left out), or the path of a .npy file.
 *
 * @throws CompileError (`run/arguments`), or the reader's faults
 */
export function readValue(text: string, type: Type, reader: ValueReader): unknown {
  const source = new Source("argument", text);
  const at = span(source, 0, text.length);
  const wrong = (found: string): never => {
    throw fault("run/arguments", at, `expected ${typeText(type)}, found ${found}`, {
      help: "write 3, 2.5, true, dense<[1.0, 2.0]> : tensor<2xf32>, or the path of a .npy file",
    });
  };
  if (/\.npy$/i.test(text) && reader.readFile) {
    return asShaped(readNpy(reader.readFile(text), text), type, at);
  }
  if (type.kind === "integer" || type.kind === "index") {
    if (text === "true" || text === "false") return toType(type, text === "true" ? 1n : 0n);
    if (integerLiteral.test(text)) return inRange(BigInt(text.replace(/^[+-]/, "")), text, type, at);
  }
  if (type.kind === "float" && (floatLiteral.test(text) || integerLiteral.test(text))) {
    return toType(type, floatOf(text));
  }
  const wanted = isShaped(type) && type.kind !== "vector" && !type.ranked ? undefined : type;
  const attribute = readAttribute(source, wanted, reader);
  const given = typeOfAttribute(attribute);
  const datum = given && datumOfAttribute(attribute);
  if (datum === undefined) return wrong(`'${text}'`);
  if (datum instanceof NDArray)
    return isShaped(type) ? asShaped(datum.contiguous(), type, at) : wrong(typeText(given!));
  return given === type ? datum : wrong(`'${text}' of type ${typeText(given!)}`);
}

/** A literal constant; where it lacks its type it is read with the one that is wanted. */
function readAttribute(source: Source, type: Type | undefined, reader: ValueReader): Attribute {
  const diagnostics = new Diagnostics();
  const attribute = reader.parseAttribute(source, reader.context, diagnostics);
  if (attribute) return attribute;
  if (type && isShaped(type) && /^\s*(dense|sparse)\s*</.test(source.text)) {
    // A constant of a memref is written as that of a tensor.
    const asTensor = typeText(type.kind === "memref" ? tensor(type.shape, type.element) : type);
    const typed = new Source(source.name, `${source.text} : ${asTensor}`);
    const again = reader.parseAttribute(typed, reader.context, new Diagnostics());
    if (again) return again;
  }
  diagnostics.throwIfErrors();
  throw fault("run/arguments", span(source, 0, source.text.length), "expected a constant");
}

function floatOf(text: string): number {
  const word = text.toLowerCase().replace(/^\+/, "");
  if (word.endsWith("inf")) return word.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return word.endsWith("nan") ? Number.NaN : Number(word);
}

/** An integer literal, which must fit into the type as a signed or as an unsigned number. */
function inRange(magnitude: bigint, text: string, type: Type, at: Location): unknown {
  const value = text.startsWith("-") ? -magnitude : magnitude;
  const width = BigInt(type.kind === "integer" ? type.width : 64);
  if (value < -(1n << (width - 1n)) || value >= 1n << width) {
    throw fault("run/arguments", at, `${text} does not fit into ${typeText(type)}`);
  }
  return toType(type, value);
}

/** An array for a parameter: element type and shape must be those of the parameter's type. */
function asShaped(array: NDArray, type: Type, at: Location): NDArray {
  const fits =
    isShaped(type) &&
    array.dtype === dtypeOf(type.element) &&
    ((type.kind !== "vector" && !type.ranked) ||
      (array.rank === type.shape.length && type.shape.every((d, i) => isDynamic(d) || d === array.shape[i])));
  if (fits) return array;
  throw fault(
    "run/arguments",
    at,
    `expected ${typeText(type)}, found an array of ${[...array.shape, array.dtype].join("x")}`,
  );
}

/**
 * A value as a typed literal: `3 : i32`, `dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>`. Arrays are written out
 * in decimal, however large, unless they have more elements than `limit`.
 */
export function valueText(value: unknown, type: Type, limit = Number.POSITIVE_INFINITY): string {
  if (value instanceof NDArray && isShaped(type)) return arrayText(value, type, limit);
  const attribute = attributeOfDatum(value, type);
  if (attribute) return attributeText(attribute);
  return `${typeof value === "object" ? "a value" : String(value)} : ${typeText(type)}`;
}

function arrayText(array: NDArray, type: ShapedType, limit: number): string {
  // Sizes that the type leaves open are known now. Memrefs have no literals in MLIR; theirs are like those of tensors.
  const known = type.kind === "vector" ? type : tensor(array.shape, type.element);
  const shown = typeText(type.kind === "tensor" ? known : type);
  const constant = attributeOfDatum(array.contiguous(), known);
  if (constant?.kind !== "dense") return `an array : ${shown}`;
  if (constant.splat) return `dense<${elementText(array, array.offset, type.element)}> : ${shown}`;
  return array.size > limit
    ? `dense<… ${array.size} elements …> : ${shown}`
    : `dense<${nested(array, type)}> : ${shown}`;
}

function elementText(array: NDArray, at: number, type: Type): string {
  const attribute = attributeOfDatum(array.getData(at), type);
  return attribute ? attributeText(attribute).replace(/ : \S+$/, "") : "?";
}

function nested(array: NDArray, type: ShapedType): string {
  const list = (dimension: number, at: number): string => {
    if (dimension === array.rank) return elementText(array, at, type.element);
    const parts: string[] = [];
    for (let i = 0; i < array.shape[dimension]!; i++)
      parts.push(list(dimension + 1, at + i * array.strides[dimension]!));
    return `[${parts.join(", ")}]`;
  };
  return array.size === 0 ? "" : list(0, array.offset);
}
