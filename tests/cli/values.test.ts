import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readValue, valueText } from "../../cli/values.ts";
import { CompileError, Context, Diagnostics, dialects, loadParser, NDArray, type Type, toType } from "../../index.ts";

const parser = await loadParser();
const context = new Context(dialects);
const reader = { ...parser, context, readFile: undefined };

const typeOf = (text: string): Type => parser.parseType(text, context, new Diagnostics())!;
const read = (text: string, type: string): unknown => readValue(text, typeOf(type), reader);
const fault = (text: string, type: string): string => {
  try {
    read(text, type);
  } catch (e) {
    if (e instanceof CompileError) return e.diagnostics[0]!.code;
    throw e;
  }
  return "none";
};

describe("arguments", () => {
  it("numbers take the type that is wanted", () => {
    expect(read("3", "i32")).toBe(3);
    expect(read("3", "f32")).toBe(3);
    expect(read("-3", "i64")).toBe(-3n);
    expect(read("0xff", "i8")).toBe(-1);
    expect(read("255", "ui8")).toBe(255);
    expect(read("1e3", "f64")).toBe(1000);
    expect(read("-inf", "f32")).toBe(Number.NEGATIVE_INFINITY);
    expect(read("nan", "f16")).toBeNaN();
    expect(read("0.1", "f32")).toBe(Math.fround(0.1));
    expect(read("true", "i1")).toBe(1);
    expect(read("7", "index")).toBe(7);
  });

  it("typed constants must have the parameter's type", () => {
    expect(read("3 : i32", "i32")).toBe(3);
    expect(fault("3 : i32", "i64")).toBe("run/arguments");
    expect(fault("3.5", "i32")).toBe("run/arguments");
    expect(fault("300", "i8")).toBe("run/arguments");
    expect(fault('"text"', "i8")).toBe("run/arguments");
    expect(fault("%x", "i8")).toBe("parse/syntax");
  });

  it("arrays may leave out their type, and must fit it", () => {
    const array = read("dense<[[1, 2], [3, 4]]>", "memref<2x2xi32>");
    expect(array).toEqual(NDArray.from("i32", [2, 2], [1, 2, 3, 4]));
    expect(read("dense<0.5> : tensor<3xf32>", "tensor<?xf32>")).toEqual(NDArray.filled("f32", [3], 0.5));
    expect(read("dense<1> : tensor<2x2xi8>", "tensor<*xi8>")).toEqual(NDArray.filled("i8", [2, 2], 1));
    expect(fault("dense<1> : tensor<4xi32>", "memref<2x2xi32>")).toBe("run/arguments");
    expect(fault("dense<1> : tensor<2x2xi64>", "memref<2x2xi32>")).toBe("run/arguments");
    expect(fault("dense<1>", "tensor<?xi32>")).not.toBe("none");
  });
});

describe("results", () => {
  it("are typed literals", () => {
    expect(valueText(3, typeOf("i32"))).toBe("3 : i32");
    expect(valueText(1, typeOf("i1"))).toBe("true");
    expect(valueText(2.5, typeOf("f32"))).toBe("2.500000e+00 : f32");
    expect(valueText(NDArray.filled("i8", [2, 2], 1), typeOf("tensor<?x?xi8>"))).toBe("dense<1> : tensor<2x2xi8>");
    const strided = new NDArray("i32", [2, 2], Int32Array.of(0, 1, 2, 3, 4, 5), [3, 1], 1);
    expect(valueText(strided, typeOf("memref<2x2xi32, strided<[3, 1], offset: 1>>"))).toBe(
      "dense<[[1, 2], [4, 5]]> : memref<2x2xi32, strided<[3, 1], offset: 1>>",
    );
    expect(valueText(NDArray.zeros("f32", [0]), typeOf("tensor<0xf32>"))).toBe("dense<> : tensor<0xf32>");
  });

  it("are decimal however large they are, up to a limit", () => {
    const big = NDArray.from(
      "i32",
      [200],
      Array.from({ length: 200 }, (_, i) => i),
    );
    expect(valueText(big, typeOf("tensor<200xi32>"))).toContain("[0, 1, 2,");
    expect(valueText(big, typeOf("tensor<200xi32>"), 100)).toBe("dense<… 200 elements …> : tensor<200xi32>");
  });

  it("read as what they were", () => {
    const types = ["i1", "i8", "i32", "i64", "ui16", "f16", "bf16", "f32", "f64", "index"];
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.oneof(fc.double(), fc.integer()), (name, x) => {
        const type = typeOf(name);
        const number = name.startsWith("i") || name.startsWith("u") ? Math.trunc(x) || 0 : x;
        fc.pre(Number.isFinite(number) || type.kind === "float");
        fc.pre(name !== "index" || Number.isSafeInteger(number));
        const value = toType(type, type.kind === "integer" ? BigInt(Math.trunc(number)) : number);
        expect(readValue(valueText(value, type), type, reader)).toEqual(value);
      }),
    );
  });
});
