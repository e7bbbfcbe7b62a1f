/** @file How loads, stores and the making of vectors are written. */
import * as bytes from "../../dialects/bytes.ts";
import * as memref from "../../dialects/memref/index.ts";
import * as vector from "../../dialects/vector/index.ts";
import type { Operation, Value } from "../../ir/core.ts";
import type { OpInfo } from "../../ir/define.ts";
import type { MemRefType, Type } from "../../ir/types.ts";
import { atom, call, type Expr, infix, prefix } from "../source.ts";
import { number, positionOf, sumText } from "./addresses.ts";
import { carrierOf, isFast, lanesOf, Unsupported } from "./types.ts";
import type { BufferView, KernelWriter, Row } from "./writer.ts";

/** What is in memory as a value of a type: memory has no bool, and buffers that are bound once for several have one type. */
function loaded(e: Expr, view: BufferView, type: Type, op: Operation, w: KernelWriter): Expr {
  const carrier = carrierOf(type);
  const lanes = lanesOf(type);
  if (carrier === "bool") return infix("!=", e, atom(lanes === 1 ? "0" : `vec${lanes}i()`));
  return carrier === view.storage ? e : atom(`bitcast<${w.typeOf(type, op)}>(${e.text})`);
}

function stored(v: Value, view: BufferView, op: Operation, w: KernelWriter): Expr {
  const e = w.use(v);
  const carrier = carrierOf(v.type);
  const lanes = lanesOf(v.type);
  if (carrier === "bool") {
    const name = lanes === 1 ? "i32" : `vec${lanes}i`;
    return lanes === 1 ? call(name, e) : call("select", atom(`${name}()`), atom(`${name}(1)`), e);
  }
  if (carrier === view.storage || (carrier === "i32" && view.storage === "byte")) return e;
  const name = lanes === 1 ? view.storage : `vec${lanes}${view.storage === "f32" ? "f" : "i"}`;
  if (!carrier) throw new Unsupported(op, "values of this type");
  return atom(`bitcast<${name}>(${e.text})`);
}

const element = (view: BufferView, at: Expr): Expr => atom(`${view.name}[${at.text}]`);

/** The position of an element; `unit` elements are one. */
const positionIn = (
  view: BufferView,
  buffer: Value,
  indices: readonly Value[],
  unit: number,
  op: Operation,
  w: KernelWriter,
): Expr => sumText(positionOf(buffer.type as MemRefType, indices, op), view.offset, unit, w);

/** A float of 16 bits out of its word, in 32; `at` counts halves. */
const half = (view: BufferView, at: Expr): Expr => {
  const word = element(view, infix(">>", at, atom("1u")));
  return atom(`unpack2x16float(${word.text})[${infix("&", at, number(1)).text}]`);
};

const byteText = "fn byte(w: i32, i: i32) -> i32 { return extractBits(w, u32(i & 3) * 8u, 8u); }";

/** A byte out of its word, with its sign; `at` counts bytes. */
const byte = (view: BufferView, at: Expr, w: KernelWriter): Expr =>
  call(w.helper("byte", byteText), element(view, infix(">>", at, atom("2u"))), at);

const load: Row = (op, w) => {
  const { memref: buffer, indices, result } = memref.load.of(op);
  const view = w.buffer(buffer, op);
  if (view.storage === "byte") return byte(view, w.named(positionIn(view, buffer, indices, 1, op, w)), w);
  if (view.storage === "half") return half(view, w.named(positionIn(view, buffer, indices, 1, op, w)));
  if (view.storage === "f16") return call("f32", element(view, positionIn(view, buffer, indices, 1, op, w)));
  return loaded(element(view, positionIn(view, buffer, indices, 1, op, w)), view, result.type, op, w);
};

const store: Row = (op, w) => {
  const { value, memref: buffer, indices } = memref.store.of(op);
  const view = w.buffer(buffer, op);
  const text = stored(value, view, op, w).text;
  w.line(`${element(view, positionIn(view, buffer, indices, 1, op, w)).text} = ${text};`);
  return undefined;
};

const loadVector: Row = (op, w) => {
  const { base, indices, result } = vector.load.of(op);
  const view = w.buffer(base, op);
  const lanes = lanesOf(result.type);
  if (!lanes) throw new Unsupported(op, "vectors of this length");
  if (view.storage === "byte") {
    if (lanes === 4 && isAligned(base, indices, op))
      return atom(`unpack4xI8(u32(${element(view, positionIn(view, base, indices, 4, op, w)).text}))`);
    const at = w.named(positionIn(view, base, indices, 1, op, w));
    const parts = Array.from({ length: lanes }, (_, i) =>
      byte(view, w.named(i === 0 ? at : infix("+", at, number(i))), w),
    );
    return lanes === 1 ? parts[0]! : atom(`vec${lanes}i(${parts.map((e) => e.text).join(", ")})`);
  }
  if (view.storage === "f16" && view.wide)
    return call("vec4f", element(view, positionIn(view, base, indices, 4, op, w)));
  if (view.storage === "half" && view.wide) {
    const two = w.named(element(view, positionIn(view, base, indices, 4, op, w))).text;
    return atom(`vec4f(unpack2x16float(${two}.x), unpack2x16float(${two}.y))`);
  }
  if (view.wide) return loaded(element(view, positionIn(view, base, indices, 4, op, w)), view, result.type, op, w);
  const at = w.named(positionIn(view, base, indices, 1, op, w));
  const place = (i: number): Expr => (i === 0 ? at : infix("+", at, number(i)));
  if (view.storage === "half" || view.storage === "f16") {
    const one = (i: number): Expr =>
      view.storage === "half" ? half(view, place(i)) : call("f32", element(view, place(i)));
    const texts = Array.from({ length: lanes }, (_, i) => one(i).text);
    return lanes === 1 ? atom(texts[0]!) : atom(`vec${lanes}f(${texts.join(", ")})`);
  }
  const parts = Array.from({ length: lanes }, (_, i) => element(view, place(i)).text);
  const all =
    lanes === 1 ? atom(parts[0]!) : atom(`vec${lanes}${view.storage === "f32" ? "f" : "i"}(${parts.join(", ")})`);
  return loaded(all, view, result.type, op, w);
};

const storeVector: Row = (op, w) => {
  const { valueToStore, base, indices } = vector.store.of(op);
  const view = w.buffer(base, op);
  const lanes = lanesOf(valueToStore.type);
  const value = stored(valueToStore, view, op, w);
  if (view.storage === "byte") {
    w.line(`${element(view, positionIn(view, base, indices, 4, op, w)).text} = i32(pack4xI8(${value.text}));`);
    return undefined;
  }
  if (view.wide) {
    w.line(`${element(view, positionIn(view, base, indices, 4, op, w)).text} = ${value.text};`);
    return undefined;
  }
  const whole = w.named(value);
  const at = w.named(positionIn(view, base, indices, 1, op, w));
  for (let i = 0; i < (lanes ?? 1); i++) {
    const part = lanes === 1 ? whole.text : `${whole.text}.${"xyzw"[i]}`;
    w.line(`${element(view, i === 0 ? at : infix("+", at, number(i))).text} = ${part};`);
  }
  return undefined;
};

/** A vector of four lies in one word of bytes. */
const isAligned = (buffer: Value, indices: readonly Value[], op: Operation): boolean =>
  positionOf(buffer.type as MemRefType, indices, op).divisor % 4 === 0;

/** Nothing but bytes is made of it, which leaves out the rest of each lane by itself. */
export const isPacked = (op: Operation, w: KernelWriter): boolean =>
  [...op.result().uses()].every(({ owner }) => {
    const store = vector.store.match(owner);
    return store?.valueToStore === op.result() && w.buffer(store.base, owner).storage === "byte";
  });

/** Bytes out of their word as unsigned numbers, if that is what is read here. */
export function unsignedBytes(v: Value, w: KernelWriter): Expr | undefined {
  const load = vector.load.match(w.pending(v));
  if (!load || lanesOf(v.type) !== 4) return undefined;
  const { base, indices, op } = load;
  const view = w.buffer(base, op);
  if (view.storage !== "byte" || !isAligned(base, indices, op)) return undefined;
  return atom(`unpack4xU8(u32(${element(view, positionIn(view, base, indices, 4, op, w)).text}))`);
}

/** The words that bytes make, where they lie in words of their own or have one each. */
const loadWords: Row = (op, w) => {
  const { base, indices, result } = bytes.load.of(op);
  const view = w.buffer(base, op);
  const count = lanesOf(result.type);
  if (!count) throw new Unsupported(op, "vectors of this length");
  const words = (each: (i: number) => string): Expr => {
    const texts = Array.from({ length: count }, (_, i) => each(i));
    return atom(count === 1 ? texts[0]! : `vec${count}i(${texts.join(", ")})`);
  };
  if (view.storage === "byte" && view.wide) return element(view, positionIn(view, base, indices, 16, op, w));
  const unit = view.storage === "byte" || view.wide ? 4 : 1;
  const first = positionIn(view, base, indices, unit, op, w);
  const at = count === 1 && unit === 4 ? first : w.named(first);
  const place = (i: number): string => element(view, i === 0 ? at : infix("+", at, number(i))).text;
  if (view.storage === "byte") return words(place);
  const packed = (four: string): string => `i32(pack4xI8(${four}))`;
  if (view.wide) return words((i) => packed(place(i)));
  return words((i) => packed(`vec4i(${[0, 1, 2, 3].map((k) => place(4 * i + k)).join(", ")})`));
};

const pack: Row = (op, w) => atom(`i32(pack4xI8(vec4i(${op.operands.map((v) => w.use(v).text).join(", ")})))`);

/** One word with one or several, or several with as many. */
const dot: Row = (op, w) => {
  const [x, y] = op.operands as [Value, Value];
  const lanes = lanesOf(op.result().type);
  if (!lanes) throw new Unsupported(op, "vectors of this length");
  const one = lanes > 1 ? spreadOf(x) : undefined;
  const name = `dot${lanes}${one ? "x" : ""}`;
  const type = lanes === 1 ? "i32" : `vec${lanes}i`;
  const part = (v: string, i: number): string => `u32(${v}${lanes === 1 ? "" : `.${"xyzw"[i]}`})`;
  const dots = Array.from({ length: lanes }, (_, i) => `dot4I8Packed(${one ? "c" : part("a", i)}, ${part("b", i)})`);
  const sum = lanes === 1 ? dots[0]! : `${type}(${dots.join(", ")})`;
  const text = one
    ? `fn ${name}(a: i32, b: ${type}) -> ${type} { let c = u32(a); return ${sum}; }`
    : `fn ${name}(a: ${type}, b: ${type}) -> ${type} { return ${sum}; }`;
  return call(w.helper(name, text), w.use(one ?? x), w.use(y));
};

/** The scalar that is in every lane of a vector, if it is made so. */
function spreadOf(v: Value): Value | undefined {
  const spread = vector.broadcast.match(v);
  return spread && spread.source.type.kind !== "vector" ? spread.source : undefined;
}

const broadcast: Row = (op, w) => {
  const [source] = op.operands as [Value];
  const name = w.typeOf(op.result().type, op);
  if (source.type.kind === "vector" && lanesOf(source.type) !== 1) {
    if (lanesOf(source.type) === lanesOf(op.result().type)) return w.use(source);
    throw new Unsupported(op, "a vector broadcast to a longer one");
  }
  return lanesOf(op.result().type) === 1 ? w.use(source) : atom(`${name}(${w.use(source).text})`);
};

const extract: Row = (op, w) => {
  const { static_position: position } = vector.extract.of(op);
  const source = op.operand(0);
  const lanes = lanesOf(source.type);
  const [at] = position;
  if (op.result().type.kind === "vector" || position.length !== 1 || at === undefined || at < 0 || !lanes) {
    throw new Unsupported(op, "a part of a vector at a place known at run time");
  }
  if (lanes === 1) return w.use(source);
  return atom(`${w.named(w.use(source)).text}.${"xyzw"[at]}`);
};

const fromElements: Row = (op, w) => {
  const texts = op.operands.map((v) => w.use(v).text);
  return texts.length === 1 ? w.use(op.operand(0)) : atom(`${w.typeOf(op.result().type, op)}(${texts.join(", ")})`);
};

const combining: Readonly<Record<string, string>> = { add: "+", mul: "*", and: "&", or: "|", xor: "^" };

const reduction: Row = (op, w) => {
  const { vector: source, kind } = vector.reduction.of(op);
  const lanes = lanesOf(source.type) ?? 1;
  const whole = w.named(w.use(source)).text;
  const parts = Array.from({ length: lanes }, (_, i) => atom(lanes === 1 ? whole : `${whole}.${"xyzw"[i]}`));
  const symbol = combining[kind];
  const join = (a: Expr, b: Expr): Expr => {
    if (symbol) return infix(symbol, a, b);
    if (isFast(op, "nnan") && kind.endsWith("f")) return call(kind.startsWith("max") ? "max" : "min", a, b);
    const [x, y] = [w.named(a), w.named(b)];
    if (kind === "maximumf" || kind === "minimumf") {
      const better = infix(kind === "maximumf" ? ">" : "<", x, y);
      // Written so because `!=` of NaN is false on some devices.
      return call("select", y, x, infix("|", better, prefix("!", infix("==", x, x))));
    }
    const name = kind.startsWith("max") ? "max" : "min";
    return kind.endsWith("ui") ? call("i32", call(name, call("u32", x), call("u32", y))) : call(name, x, y);
  };
  const total = parts.reduce(join);
  const [, start] = op.operands;
  return start ? join(w.use(start), total) : total;
};

const same: Row = (op, w) => w.use(op.operand(0));

/** Another shape of a buffer is the buffer. */
const nothing: Row = () => undefined;

export const memoryRows: readonly (readonly [OpInfo, Row])[] = [
  [memref.collapse_shape, nothing],
  [memref.load, load],
  [memref.store, store],
  [bytes.load, loadWords],
  [bytes.pack, pack],
  [bytes.dot, dot],
  [vector.load, loadVector],
  [vector.store, storeVector],
  [vector.broadcast, broadcast],
  [vector.extract, extract],
  [vector.from_elements, fromElements],
  [vector.reduction, reduction],
  [vector.shape_cast, same],
];
