/** Spelling of types and attributes; every text here is what mlir-opt 19 prints. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { affineMap, affineSet, dim, exprText, mul, sub, symbol } from "../../ir/affine.ts";
import { attributeText, keyText, quote, Speller, symbolText, typeText } from "../../ir/spell.ts";
import type { Attribute, Type } from "../../ir/types.ts";
import * as t from "../../ir/types.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const dense = (type: Type, content: Uint8Array, splat = false): Attribute => ({
  kind: "dense",
  type,
  splat,
  bytes: content,
});
const f32Bytes = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const swap = t.mapAttribute(affineMap(2, 0, [dim(1), dim(0)]));

describe("types", () => {
  it.each<[Type, string]>([
    [t.i1, "i1"],
    [t.integer(8, "signed"), "si8"],
    [t.integer(128, "unsigned"), "ui128"],
    [t.float("f8E4M3FN"), "f8E4M3FN"],
    [t.complex(t.f32), "complex<f32>"],
    [t.tuple([]), "tuple<>"],
    [t.tuple([t.i32, t.tuple([t.f16])]), "tuple<i32, tuple<f16>>"],
    [t.functionType([], []), "() -> ()"],
    [t.functionType([t.i32], [t.functionType([], [t.index])]), "(i32) -> (() -> index)"],
    [t.functionType([t.i32], [t.i32, t.none]), "(i32) -> (i32, none)"],
    [t.vector([], t.f32), "vector<f32>"],
    [t.vector([4, 2], t.f32, [true, false]), "vector<[4]x2xf32>"],
    [t.tensor([4, t.dynamic], t.f32), "tensor<4x?xf32>"],
    [t.tensor([], t.i8), "tensor<i8>"],
    [t.tensor([4], t.f32, t.stringAttribute("enc")), 'tensor<4xf32, "enc">'],
    [t.unrankedTensor(t.bf16), "tensor<*xbf16>"],
    [t.memref([2, 2], t.f32), "memref<2x2xf32>"],
    [t.memref([4], t.f32, t.stridedLayout([t.dynamic], t.dynamic)), "memref<4xf32, strided<[?], offset: ?>>"],
    [t.memref([4], t.f32, t.stridedLayout([2])), "memref<4xf32, strided<[2]>>"],
    [
      t.memref([2, 2], t.f32, swap, t.integerAttribute(3, t.i64)),
      "memref<2x2xf32, affine_map<(d0, d1) -> (d1, d0)>, 3>",
    ],
    [t.memref([2], t.f32, undefined, t.integerAttribute(3, t.i32)), "memref<2xf32, 3 : i32>"],
    [t.unrankedMemref(t.f32, t.stringAttribute("gpu")), 'memref<*xf32, "gpu">'],
    [t.opaqueType("d", "t<i32>"), "!d.t<i32>"],
    [t.opaqueType("d", "<anything>"), "!d<anything>"],
  ])("%#", (type, text) => {
    expect(typeText(type)).toBe(text);
  });
});

describe("attributes", () => {
  it.each<[Attribute, string]>([
    [t.integerAttribute(-3, t.i64), "-3 : i64"],
    [t.integerAttribute(255, t.integer(8, "unsigned")), "255 : ui8"],
    [t.integerAttribute(5, t.index), "5 : index"],
    [t.boolAttribute(true), "true"],
    [t.integerAttribute(1, t.i1), "true"],
    [t.floatAttribute(2, t.f64), "2.000000e+00 : f64"],
    [t.unitAttribute, "unit"],
    [t.stringAttribute("a"), '"a"'],
    [{ kind: "string", value: "a", type: t.i32 }, '"a" : i32'],
    [t.typeAttribute(t.functionType([t.i32], [])), "(i32) -> ()"],
    // In arrays i64 and f64 go without saying, unless the number stands in hexadecimal.
    [
      t.arrayAttribute([
        t.integerAttribute(1, t.i64),
        t.integerAttribute(2, t.i32),
        t.floatAttribute(3, t.f64),
        t.floatAttribute(4, t.f32),
        t.floatAttribute(Number.POSITIVE_INFINITY, t.f64),
        t.unitAttribute,
      ]),
      "[1, 2 : i32, 3.000000e+00, 4.000000e+00 : f32, 0x7FF0000000000000 : f64, unit]",
    ],
    [
      t.dictionaryAttribute(
        new Map<string, Attribute>([
          ["b", t.integerAttribute(1, t.i64)],
          ["x y", t.boolAttribute(false)],
          ["a", t.unitAttribute],
        ]),
      ),
      '{a, b = 1 : i64, "x y" = false}',
    ],
    [t.symbolAttribute("f"), "@f"],
    [t.symbolAttribute("a b", ["c", "x-y"]), '@"a b"::@c::@"x-y"'],
    [{ kind: "denseArray", element: t.i64, values: [1n, -(2n ** 63n)] }, "array<i64: 1, -9223372036854775808>"],
    [{ kind: "denseArray", element: t.i1, values: [1, 0] }, "array<i1: true, false>"],
    [{ kind: "denseArray", element: t.f32, values: [1, 0x7fc00001n] }, "array<f32: 1.000000e+00, 0x7FC00001>"],
    [{ kind: "denseArray", element: t.i8, values: [] }, "array<i8>"],
    [swap, "affine_map<(d0, d1) -> (d1, d0)>"],
    [
      { kind: "set", set: affineSet(1, 1, [{ expr: sub(symbol(0), dim(0)), equality: false }]) },
      "affine_set<(d0)[s0] : (-d0 + s0 >= 0)>",
    ],
    [t.stridedLayout([1, t.dynamic], 3), "strided<[1, ?], offset: 3>"],
    [{ kind: "resource", key: "w0", type: t.tensor([2], t.f32) }, "dense_resource<w0> : tensor<2xf32>"],
    [{ kind: "opaque", text: "#d.a<x>" }, "#d.a<x>"],
    [{ kind: "opaque", text: "#d.a<x>", type: t.i32 }, "#d.a<x> : i32"],
    [{ kind: "opaque", text: "#d.a<0>", parts: ["#d.a<", t.typeAttribute(t.i32), ", ", t.i8, ">"] }, "#d.a<i32, i8>"],
  ])("%#", (a, text) => {
    expect(attributeText(a)).toBe(text);
  });

  it("without their type where the context has it", () => {
    const speller = new Speller();
    expect(speller.untyped(t.integerAttribute(4, t.i32))).toBe("4");
    expect(speller.untyped(t.floatAttribute(0.5, t.f16))).toBe("5.000000e-01");
    expect(speller.untyped(dense(t.tensor([2], t.i8), bytes(1, 1)))).toBe("dense<1>");
  });
});

describe("dense constants", () => {
  it.each<[Attribute, string]>([
    [
      dense(t.tensor([2, 2], t.f32), f32Bytes(1, 2, 3, 4)),
      "[[1.000000e+00, 2.000000e+00], [3.000000e+00, 4.000000e+00]]",
    ],
    [dense(t.tensor([2, 2], t.f32), f32Bytes(7, 7, 7, 7)), "7.000000e+00"],
    [dense(t.tensor([1000], t.f32), f32Bytes(7), true), "7.000000e+00"],
    [dense(t.tensor([], t.i8), bytes(255)), "-1"],
    [dense(t.tensor([2], t.integer(8, "unsigned")), bytes(255, 1)), "[255, 1]"],
    [dense(t.tensor([2], t.i1), bytes(1, 0)), "[true, false]"],
    [dense(t.tensor([2], t.integer(4)), bytes(15, 1)), "[-1, 1]"],
    [dense(t.tensor([0], t.i32), bytes()), ""],
    [dense(t.tensor([2, 0], t.i32), bytes()), ""],
    [dense(t.tensor([0], t.i32), bytes(1, 0, 0, 0), true), "1"],
    [dense(t.vector([2], t.index), bytes(1, 0, 0, 0, 0, 0, 0, 0, 254, 255, 255, 255, 255, 255, 255, 255)), "[1, -2]"],
    [dense(t.tensor([1, 2], t.complex(t.i8)), bytes(1, 2, 3, 4)), "[[(1,2), (3,4)]]"],
    [dense(t.tensor([2], t.bf16), bytes(0x80, 0x3f, 0x01, 0x7f)), "[1.000000e+00, 1.714700e+38]"],
    [
      {
        kind: "dense",
        type: t.tensor([2], t.opaqueType("d", "s")),
        splat: false,
        bytes: bytes(),
        strings: ["a", "b\n"],
      },
      '["a", "b\\0A"]',
    ],
  ])("%#", (a, text) => {
    expect(attributeText(a)).toBe(`dense<${text}> : ${typeText((a as { type: Type }).type)}`);
  });

  it("of more than 100 elements are hexadecimal, booleans packed eight to a byte", () => {
    const many = Uint8Array.from({ length: 101 }, (_, i) => i);
    expect(attributeText(dense(t.tensor([101], t.i8), many))).toMatch(/^dense<"0x000102.*6364"> : tensor<101xi8>$/);
    expect(attributeText(dense(t.tensor([100], t.i8), many.slice(0, 100)))).toMatch(/^dense<\[0, 1, 2, /);
    const flags = Uint8Array.from({ length: 104 }, (_, i) => Number(i === 0 || i === 9));
    expect(attributeText(dense(t.tensor([104], t.i1), flags))).toBe(
      `dense<"0x0102${"00".repeat(11)}"> : tensor<104xi1>`,
    );
  });

  it("may be elided when large, unless all elements are the same", () => {
    const speller = new Speller({ elideElementsIfLarger: 2 });
    const type = t.tensor([3], t.i8);
    expect(speller.attribute(dense(type, bytes(1, 2, 3)))).toBe("dense_resource<__elided__> : tensor<3xi8>");
    expect(speller.attribute(dense(type, bytes(1), true))).toBe("dense<1> : tensor<3xi8>");
  });

  it("read back as integers", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 20 }),
        (xs) => {
          const content = new Uint8Array(Int32Array.from(xs).buffer);
          const text = attributeText(dense(t.tensor([xs.length], t.i32), content));
          const inside = JSON.parse(text.slice("dense<".length, text.lastIndexOf(">", text.indexOf(" :"))));
          expect(Array.isArray(inside) ? inside : xs.map(() => inside)).toEqual(xs);
        },
      ),
    );
  });
});

describe("words and strings", () => {
  it("escape what does not print, byte by byte", () => {
    expect(quote('q"\\\n\té')).toBe('"q\\22\\\\\\0A\\09\\C3\\A9"');
    expect(quote("\udcff")).toBe('"\\FF"');
    expect(quote("plain text!")).toBe('"plain text!"');
  });

  it("are quoted unless they are bare identifiers", () => {
    expect(["a.b$1", "_", "1a", "a-b", ""].map(keyText)).toEqual(["a.b$1", "_", '"1a"', '"a-b"', '""']);
    expect(symbolText("main")).toBe("@main");
  });

  it("hold any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (s) => {
        const text = quote(s);
        expect(text).toMatch(/^"[ !#-~]*"$/);
        const raw = text
          .slice(1, -1)
          .replace(/\\\\|\\([0-9A-F]{2})/g, (m, h) => (h ? `%${h}` : m === "\\\\" ? "%5C" : m));
        expect(decodeURIComponent(raw.replace(/%(?![0-9A-F]{2})/g, "%25"))).toBe(s);
      }),
    );
  });
});

describe("affine expressions", () => {
  it("bind as MLIR prints them", () => {
    const [a, b] = [dim(0), dim(1)];
    expect(exprText(sub(a, b))).toBe("d0 - d1");
    expect(exprText(mul(sub(a, b), symbol(0)))).toBe("(d0 - d1) * s0");
    expect(exprText(a, false, (i, isSymbol) => (isSymbol ? `symbol(%s${i})` : `%i${i}`))).toBe("%i0");
  });
});

describe("places", () => {
  const speller = new Speller();
  const file = { kind: "file", file: "a b.py", line: 3, column: 4 } as const;
  it.each([
    [{ kind: "unknown" } as const, "loc(unknown)"],
    [file, 'loc("a b.py":3:4)'],
    [{ kind: "name", name: "n", child: file } as const, 'loc("n"("a b.py":3:4))'],
    [{ kind: "name", name: "n" } as const, 'loc("n")'],
    [
      { kind: "call", callee: file, caller: { kind: "name", name: "f" } } as const,
      'loc(callsite("a b.py":3:4 at "f"))',
    ],
    [{ kind: "fused", locations: [file], metadata: '"m"' } as const, 'loc(fused<"m">["a b.py":3:4])'],
  ])("%#", (l, text) => {
    expect(speller.location(l)).toBe(text);
  });
});
