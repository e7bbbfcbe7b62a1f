import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wrapInteger } from "../../ir/datum.ts";
import { Interpreter } from "../../ir/interpret.ts";
import { integer } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { print } from "../../text/printer.ts";
import { errorsOf, faultOf, moduleOf, run } from "../support/run.ts";

const widths = [1, 4, 8, 16, 32, 64];

/** The run-time form of an exact integer in a width. */
const datum = (width: number, v: bigint) =>
  wrapInteger(integer(width), width > 32 ? v : Number(BigInt.asIntN(width, v)));

const signedIn = (width: number) => fc.bigInt({ min: -(2n ** BigInt(width - 1)), max: 2n ** BigInt(width - 1) - 1n });

const floorDiv = (a: bigint, b: bigint): bigint => {
  const q = a / b;
  return q * b !== a && a < 0n !== b < 0n ? q - 1n : q;
};

type Meaning = (a: bigint, b: bigint, width: number) => bigint | undefined;
const plain = (f: (a: bigint, b: bigint) => bigint): Meaning => f;
const unsigned =
  (f: (a: bigint, b: bigint) => bigint | undefined): Meaning =>
  (a, b, w) =>
    f(BigInt.asUintN(w, a), BigInt.asUintN(w, b));
/** Undefined where the op is. */
const quotient =
  (f: (a: bigint, b: bigint) => bigint): Meaning =>
  (a, b, w) =>
    b === 0n || (b === -1n && a === -(2n ** BigInt(w - 1))) ? undefined : f(a, b);
const shift =
  (f: (a: bigint, b: bigint, w: number) => bigint): Meaning =>
  (a, b, w) => {
    const amount = BigInt.asUintN(w, b);
    return amount >= BigInt(w) ? undefined : f(a, amount, w);
  };

/** Every integer op by exact arithmetic on signed operands. */
const meanings: Readonly<Record<string, Meaning>> = {
  addi: plain((a, b) => a + b),
  subi: plain((a, b) => a - b),
  muli: plain((a, b) => a * b),
  divsi: quotient((a, b) => a / b),
  divui: unsigned((a, b) => (b === 0n ? undefined : a / b)),
  remsi: quotient((a, b) => a % b),
  remui: unsigned((a, b) => (b === 0n ? undefined : a % b)),
  floordivsi: quotient(floorDiv),
  ceildivsi: quotient((a, b) => -floorDiv(-a, b)),
  ceildivui: unsigned((a, b) => (b === 0n ? undefined : -floorDiv(-a, b))),
  andi: plain((a, b) => a & b),
  ori: plain((a, b) => a | b),
  xori: plain((a, b) => a ^ b),
  shli: shift((a, b) => a << b),
  shrsi: shift((a, b) => a >> b),
  shrui: shift((a, b, w) => BigInt.asUintN(w, a) >> b),
  minsi: plain((a, b) => (a < b ? a : b)),
  maxsi: plain((a, b) => (a > b ? a : b)),
  minui: unsigned((a, b) => (a < b ? a : b)),
  maxui: unsigned((a, b) => (a > b ? a : b)),
};

describe("integers", () => {
  for (const [op, meaning] of Object.entries(meanings)) {
    it(`${op} is exact arithmetic modulo the width`, () => {
      for (const width of widths) {
        const module = moduleOf(`func.func @f(%a: i${width}, %b: i${width}) -> i${width} {
          %0 = arith.${op} %a, %b : i${width}
          return %0 : i${width}
        }`);
        const interpreter = new Interpreter();
        const right = op.startsWith("sh") ? fc.bigInt({ min: 0n, max: BigInt(width) - 1n }) : signedIn(width);
        fc.assert(
          fc.property(signedIn(width), right, (a, right) => {
            const b = BigInt.asIntN(width, right);
            const wanted = meaning(a, b, width);
            const call = () => interpreter.call(module, "f", [datum(width, a), datum(width, b)]);
            if (wanted === undefined) expect(call).toThrow("run/fault");
            else expect(call()).toEqual([datum(width, wanted)]);
          }),
          { numRuns: 60 },
        );
      }
    });
  }

  it("works on index beyond 32 bits", () => {
    const f = (op: string) => `func.func @f(%a: index, %b: index) -> index {
      %0 = arith.${op} %a, %b : index
      return %0 : index
    }`;
    expect(run(f("muli"), [2 ** 33, 3])).toEqual([3 * 2 ** 33]);
    expect(run(f("andi"), [2 ** 40 + 5, 2 ** 40 + 3])).toEqual([2 ** 40 + 1]);
    expect(run(f("shrsi"), [-(2 ** 40), 3])).toEqual([-(2 ** 37)]);
    expect(run(f("shli"), [3, 40])).toEqual([3 * 2 ** 40]);
    expect(run(f("floordivsi"), [-7, 2])).toEqual([-4]);
    expect(run(f("minui"), [-1, 5])).toEqual([5]);
    expect(run(f("divui"), [-1, 2 ** 62])).toEqual([3]);
  });

  it("addui_extended and the extended products give both halves", () => {
    for (const width of widths) {
      const wide = (op: string, second: string) =>
        moduleOf(`func.func @f(%a: i${width}, %b: i${width}) -> (i${width}, ${second}) {
          %0:2 = arith.${op} %a, %b : i${width}${op === "addui_extended" ? ", i1" : ""}
          return %0#0, %0#1 : i${width}, ${second}
        }`);
      const [add, signed, unsignedProduct] = [
        wide("addui_extended", "i1"),
        wide("mulsi_extended", `i${width}`),
        wide("mului_extended", `i${width}`),
      ];
      fc.assert(
        fc.property(signedIn(width), signedIn(width), (a, b) => {
          const [ua, ub] = [BigInt.asUintN(width, a), BigInt.asUintN(width, b)];
          const w = BigInt(width);
          const of = (m: typeof add) => new Interpreter().call(m, "f", [datum(width, a), datum(width, b)]);
          expect(of(add)).toEqual([datum(width, ua + ub), Number((ua + ub) >> w)]);
          expect(of(signed)).toEqual([datum(width, a * b), datum(width, (a * b) >> w)]);
          expect(of(unsignedProduct)).toEqual([datum(width, ua * ub), datum(width, (ua * ub) >> w)]);
        }),
        { numRuns: 25 },
      );
    }
  });

  it("compares with and without sign", () => {
    const tests: Readonly<Record<string, (a: bigint, b: bigint) => boolean>> = {
      eq: (a, b) => a === b,
      ne: (a, b) => a !== b,
      lt: (a, b) => a < b,
      le: (a, b) => a <= b,
      gt: (a, b) => a > b,
      ge: (a, b) => a >= b,
    };
    for (const predicate of ["eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge"]) {
      for (const width of widths) {
        const module = moduleOf(`func.func @f(%a: i${width}, %b: i${width}) -> i1 {
          %0 = arith.cmpi ${predicate}, %a, %b : i${width}
          return %0 : i1
        }`);
        const test = tests[predicate.slice(-2)]!;
        const view = (v: bigint) => (predicate.startsWith("u") ? BigInt.asUintN(width, v) : v);
        fc.assert(
          fc.property(signedIn(width), signedIn(width), (a, b) => {
            const wanted = test(view(a), view(b)) ? 1 : 0;
            expect(new Interpreter().call(module, "f", [datum(width, a), datum(width, b)])).toEqual([wanted]);
          }),
          { numRuns: 20 },
        );
      }
    }
  });
});

describe("floats", () => {
  const binary = (op: string) => `func.func @f(%a: f32, %b: f32) -> f32 {
    %0 = arith.${op} %a, %b : f32
    return %0 : f32
  }`;
  const nan = Number.NaN;

  it("orders zeros, and propagates or drops NaN as the op says", () => {
    const results = (op: string) => [
      run(binary(op), [0, -0])[0],
      run(binary(op), [nan, 1])[0],
      run(binary(op), [1, nan])[0],
      run(binary(op), [2, 1])[0],
    ];
    expect(results("minimumf")).toEqual([-0, nan, nan, 1]);
    expect(results("maximumf")).toEqual([0, nan, nan, 2]);
    expect(results("minnumf")).toEqual([-0, 1, 1, 1]);
    expect(results("maxnumf")).toEqual([0, 1, 1, 2]);
  });

  it("divides, and takes exact remainders with the sign of the dividend", () => {
    expect(run(binary("divf"), [1, 3])).toEqual([Math.fround(1 / 3)]);
    expect(run(binary("remf"), [-7.5, 2])).toEqual([-1.5]);
    expect(run(binary("remf"), [Math.fround(1e30), 3])).toEqual([Math.fround(Math.fround(1e30) % 3)]);
  });

  it("tells ordered from unordered comparisons", () => {
    const compare = (predicate: string, a: number, b: number) =>
      run(
        `func.func @f(%a: f64, %b: f64) -> i1 {
          %0 = arith.cmpf ${predicate}, %a, %b : f64
          return %0 : i1
        }`,
        [a, b],
      )[0];
    for (const p of ["oeq", "ogt", "oge", "olt", "ole", "one", "ord", "false"]) expect(compare(p, nan, 1), p).toBe(0);
    for (const p of ["ueq", "ugt", "uge", "ult", "ule", "une", "uno", "true"]) expect(compare(p, nan, 1), p).toBe(1);
    for (const p of ["oeq", "oge", "ole", "ueq", "uge", "ule", "ord"]) expect(compare(p, 0, -0), p).toBe(1);
    for (const p of ["ogt", "olt", "one", "ugt", "ult", "une", "uno"]) expect(compare(p, 0, -0), p).toBe(0);
  });
});

describe("casts", () => {
  const cast = (op: string, from: string, to: string, value: unknown) =>
    run(
      `func.func @f(%a: ${from}) -> ${to} {
      %0 = arith.${op} %a : ${from} to ${to}
      return %0 : ${to}
    }`,
      [value],
    )[0];

  it("sees a single bit as -1 where signs matter", () => {
    expect(cast("extsi", "i1", "i8", 1)).toBe(-1);
    expect(cast("extui", "i1", "i8", 1)).toBe(1);
    expect(cast("sitofp", "i1", "f32", 1)).toBe(-1);
    expect(cast("index_cast", "i1", "index", 1)).toBe(-1);
    expect(cast("index_castui", "i1", "index", 1)).toBe(1);
  });

  it("widens and narrows across 32 bits", () => {
    expect(cast("extsi", "i32", "i64", -5)).toBe(-5n);
    expect(cast("extui", "i32", "i64", -5)).toBe(2n ** 32n - 5n);
    expect(cast("trunci", "i64", "i32", 2n ** 31n)).toBe(-(2 ** 31));
    expect(cast("index_cast", "index", "i64", -3)).toBe(-3n);
    expect(cast("index_cast", "i64", "index", -3n)).toBe(-3);
  });

  it("rounds wide integers to floats once", () => {
    // Rounding to a double first would end in a tie, and go down.
    const v = 2n ** 60n + 2n ** 36n + 1n;
    expect(cast("sitofp", "i64", "f32", v)).toBe(2 ** 60 + 2 ** 37);
    expect(cast("sitofp", "i64", "f32", v - 1n)).toBe(2 ** 60);
    expect(cast("uitofp", "i64", "f64", -1n)).toBe(2 ** 64);
    expect(cast("sitofp", "i32", "f16", 2049)).toBe(2048);
  });

  it("truncates floats, and saturates what has no meaning", () => {
    expect(cast("fptosi", "f32", "i8", -3.9)).toBe(-3);
    expect(cast("fptoui", "f32", "i8", 200)).toBe(-56);
    expect(cast("fptosi", "f32", "i8", 1e9)).toBe(127);
    expect(cast("fptosi", "f64", "i64", -1e30)).toBe(-(2n ** 63n));
    expect(cast("fptosi", "f64", "i64", Number.NaN)).toBe(0n);
  });

  it("narrows floats by the rounding mode", () => {
    const x = 1 + 2 ** -8;
    const modes: readonly (readonly [string, number, number])[] = [
      ["to_nearest_even", 1, -1],
      ["downward", 1, -(1 + 2 ** -7)],
      ["upward", 1 + 2 ** -7, -1],
      ["toward_zero", 1, -1],
      ["to_nearest_away", 1 + 2 ** -7, -(1 + 2 ** -7)],
    ];
    for (const [mode, up, down] of modes) {
      const text = `func.func @f(%a: f32) -> bf16 {
        %0 = arith.truncf %a ${mode} : f32 to bf16
        return %0 : bf16
      }`;
      expect(run(text, [x]), mode).toEqual([up]);
      expect(run(text, [-x]), mode).toEqual([down]);
    }
    const max = 3.3895313892515355e38;
    expect(
      run(
        "func.func @f(%a: f64) -> bf16 {\n%0 = arith.truncf %a toward_zero : f64 to bf16\nreturn %0 : bf16 }",
        [1e39],
      ),
    ).toEqual([max]);
  });

  it("reinterprets bits both ways", () => {
    expect(cast("bitcast", "f32", "i32", 1)).toBe(0x3f800000);
    expect(cast("bitcast", "i32", "f32", -1082130432)).toBe(-1);
    expect(cast("bitcast", "f64", "i64", -0)).toBe(-(2n ** 63n));
    expect(cast("bitcast", "f16", "i16", -2)).toBe(-16384);
    expect(cast("bitcast", "bf16", "i16", 1)).toBe(0x3f80);
    fc.assert(
      fc.property(fc.integer(), (bits) => {
        const f = cast("bitcast", "i32", "f32", bits) as number;
        if (!Number.isNaN(f)) expect(cast("bitcast", "f32", "i32", f)).toBe(bits);
      }),
      { numRuns: 50 },
    );
  });
});

describe("constants and select", () => {
  it("chooses whole tensors by a bit, elements by a mask", () => {
    const a = NDArray.from("i32", [2], [1, 2]);
    const b = NDArray.from("i32", [2], [3, 4]);
    const whole = `func.func @f(%c: i1, %a: tensor<2xi32>, %b: tensor<2xi32>) -> tensor<2xi32> {
      %0 = arith.select %c, %a, %b : tensor<2xi32>
      return %0 : tensor<2xi32>
    }`;
    expect(run(whole, [0, a, b])[0]).toBe(b);
    const each = whole.replace("%c: i1", "%c: tensor<2xi1>").replace("%b :", "%b : tensor<2xi1>,");
    const mask = NDArray.from("i1", [2], [1, 0]);
    expect((run(each, [mask, a, b])[0] as NDArray).values()).toEqual([1, 4]);
  });

  it("names constants by their value", () => {
    const module = moduleOf(`func.func @f() {
      %a = arith.constant 4 : index
      %b = arith.constant -3 : i32
      %c = arith.constant true
      %d = arith.constant 1.0 : f32
      %e = arith.constant dense<1> : tensor<2xi8>
      return
    }`);
    const names = [...print(module).matchAll(/(%\S+) =/g)].map((m) => m[1]);
    expect(names).toEqual(["%c4", "%c-3_i32", "%true", "%cst", "%cst_0"]);
  });

  it("keeps flags and predicates through text", () => {
    const text = `module {
  func.func @f(%arg0: f32, %arg1: i32) -> i1 {
    %0 = arith.addf %arg0, %arg0 fastmath<nnan,contract> : f32
    %1 = arith.addi %arg1, %arg1 overflow<nsw, nuw> : i32
    %2 = arith.cmpf ult, %0, %arg0 fastmath<fast> : f32
    %3 = arith.divsi %1, %arg1 : i32
    return %2 : i1
  }
}
`;
    expect(print(moduleOf(text))).toBe(text);
  });

  it("reports what does not fit", () => {
    expect(errorsOf('func.func @f() {\n%0 = "arith.constant"() {value = 1 : i32} : () -> f32\nreturn }')).toEqual([
      "2: verify/result-type: 'arith.constant' op failed to verify that all of {value, result} have same type",
    ]);
    expect(errorsOf("func.func @f(%a: i16) {\n%0 = arith.extsi %a : i16 to i8\nreturn }")).toEqual([
      "2: verify/result-type: 'arith.extsi' op operand type 'i16' and result type 'i8' are cast incompatible",
    ]);
    expect(faultOf("func.func @f(%a: i8) -> i8 {\n%0 = arith.shli %a, %a : i8\nreturn %0 : i8 }", [8])).toBe(
      "2: run/fault: 'arith.shli': shift by 8 of 8 bits",
    );
  });
});
