/** @file The bodies that families of named ops share. */
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import type { NamedBody } from "./named-op.ts";
import { type BinaryFunction, binary, type CastFunction, cast, type UnaryFunction, unary } from "./scalar-ops.ts";

/** `out + cast(a) * cast(b)`. */
export const multiplyAdd: NamedBody = (b, [x, y, out], options) => {
  const to = out!.type;
  const product = binary(b, "mul", cast(b, options.cast, x!, to), cast(b, options.cast, y!, to));
  return binary(b, "add", out!, product);
};

/** `out + (cast(a) - cast(za)) * (cast(b) - cast(zb))`. */
export const quantizedMultiplyAdd: NamedBody = (b, [x, y, zx, zy, out]) => {
  const centred = (v: Value, zero: Value): Value =>
    binary(b, "sub", cast(b, "cast_signed", v, out!.type), cast(b, "cast_signed", zero, out!.type));
  return binary(b, "add", out!, binary(b, "mul", centred(x!, zx!), centred(y!, zy!)));
};

/** `fn(out, cast(x))`; the second input only says how large the window is. */
export const pool =
  (fn: BinaryFunction, conversion: CastFunction = "cast_signed"): NamedBody =>
  (b, [x, _window, out]) =>
    binary(b, fn, out!, cast(b, conversion, x!, out!.type));

export const apply1 =
  (fn: UnaryFunction): NamedBody =>
  (b, [x]) =>
    unary(b, fn, x!);

export const apply2 =
  (fn: BinaryFunction): NamedBody =>
  (b, [x, y]) =>
    binary(b, fn, x!, y!);

/** The element itself, in the output's type. */
export const convert: NamedBody = (b: Builder, [x, out], options) => cast(b, options.cast, x!, out!.type);
