import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluateOp, Interpreter, interpret } from "../../ir/interpret.ts";
import { NDArray } from "../../support/ndarray.ts";
import { faultOf, moduleOf, run } from "../support/run.ts";

describe("values", () => {
  it("wraps integers to their width", () => {
    const add = (type: string) => `func.func @f(%a: ${type}, %b: ${type}) -> ${type} {
      %0 = arith.addi %a, %b : ${type}
      return %0 : ${type}
    }`;
    expect(run(add("i32"), [2147483647, 1])).toEqual([-2147483648]);
    expect(run(add("i8"), [127, 1])).toEqual([-128]);
    expect(run(add("i1"), [1, 1])).toEqual([0]);
    expect(run(add("i12"), [2047, 1])).toEqual([-2048]);
    expect(run(add("i64"), [2n ** 63n - 1n, 1n])).toEqual([-(2n ** 63n)]);
    expect(run(add("i128"), [2n ** 127n - 1n, 1n])).toEqual([-(2n ** 127n)]);
  });

  it("rounds floats once per op", () => {
    const add = (type: string) => `func.func @f(%a: ${type}, %b: ${type}) -> ${type} {
      %0 = arith.addf %a, %b : ${type}
      return %0 : ${type}
    }`;
    expect(run(add("f32"), [16777216, 1])).toEqual([16777216]);
    expect(run(add("f64"), [16777216, 1])).toEqual([16777217]);
    expect(run(add("f16"), [2048, 1])).toEqual([2048]);
    expect(run(add("bf16"), [256, 1])).toEqual([256]);
    expect(run(add("f16"), [65504, 65504])).toEqual([Number.POSITIVE_INFINITY]);
  });

  it("has no negative zero among indices", () => {
    const text = `func.func @f(%a: index) -> index {
      %c0 = arith.constant 0 : index
      %0 = arith.muli %a, %c0 : index
      return %0 : index
    }`;
    expect(Object.is(run(text, [-3])[0], 0)).toBe(true);
  });

  it("lifts elementwise ops over tensors and vectors, strided ones too", () => {
    const text = `func.func @f(%a: tensor<2x3xf16>, %b: tensor<2x3xf16>) -> tensor<2x3xf16> {
      %0 = arith.mulf %a, %b : tensor<2x3xf16>
      return %0 : tensor<2x3xf16>
    }`;
    const a = NDArray.from("f16", [3, 2], [1, 2, 3, 4, 5, 6]).transpose([1, 0]);
    const b = NDArray.filled("f16", [2, 3], 0.5);
    expect((run(text, [a, b])[0] as NDArray).values()).toEqual([0.5, 1.5, 2.5, 1, 2, 3]);
  });

  it("gives each of several results its type", () => {
    const text = `func.func @f(%a: vector<2xi8>, %b: vector<2xi8>) -> (vector<2xi8>, vector<2xi8>) {
      %low, %high = arith.mulsi_extended %a, %b : vector<2xi8>
      return %low, %high : vector<2xi8>, vector<2xi8>
    }`;
    const [low, high] = run(text, [NDArray.from("i8", [2], [100, -100]), NDArray.from("i8", [2], [100, 3])]);
    expect((low as NDArray).values()).toEqual([10000 & 0xff, -44]);
    expect((high as NDArray).values()).toEqual([39, -2]);
  });
});

describe("control", () => {
  const fib = `func.func @f(%n: i32) -> i32 {
    %c2 = arith.constant 2 : i32
    %small = arith.cmpi slt, %n, %c2 : i32
    cf.cond_br %small, ^done(%n : i32), ^more
  ^more:
    %c1 = arith.constant 1 : i32
    %a = arith.subi %n, %c1 : i32
    %b = arith.subi %n, %c2 : i32
    %x = call @f(%a) : (i32) -> i32
    %y = call @f(%b) : (i32) -> i32
    %s = arith.addi %x, %y : i32
    cf.br ^done(%s : i32)
  ^done(%r: i32):
    return %r : i32
  }`;

  it("keeps the registers of recursive calls apart", () => {
    expect(run(fib, [15])).toEqual([610]);
  });

  it("hands block arguments over all at once", () => {
    const text = `func.func @f(%a: i32, %b: i32, %n: index) -> (i32, i32) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      cf.br ^loop(%c0, %a, %b : index, i32, i32)
    ^loop(%i: index, %x: i32, %y: i32):
      %more = arith.cmpi slt, %i, %n : index
      %j = arith.addi %i, %c1 : index
      cf.cond_br %more, ^loop(%j, %y, %x : index, i32, i32), ^done
    ^done:
      return %x, %y : i32, i32
    }`;
    expect(run(text, [1, 2, 3])).toEqual([2, 1]);
  });

  it("can run again, with globals and constants kept", () => {
    const module = moduleOf(`
      memref.global "private" @counter : memref<1xi32> = dense<40>
      func.func @f() -> i32 {
        %c0 = arith.constant 0 : index
        %one = arith.constant 1 : i32
        %m = memref.get_global @counter : memref<1xi32>
        %old = memref.load %m[%c0] : memref<1xi32>
        %new = arith.addi %old, %one : i32
        memref.store %new, %m[%c0] : memref<1xi32>
        return %new : i32
      }`);
    const interpreter = new Interpreter();
    expect(interpreter.call(module, "f", [])).toEqual([41]);
    expect(interpreter.call(module, "f", [])).toEqual([42]);
    expect(interpret(module, "f", [])).toEqual([41]);
  });

  it("calls functions that are values, and those that surroundings provide", () => {
    const text = `func.func private @twice(i32) -> i32
      func.func @f(%a: i32) -> i32 {
        %g = constant @twice : (i32) -> i32
        %0 = call_indirect %g(%a) : (i32) -> i32
        return %0 : i32
      }`;
    expect(run(text, [4], { externals: { twice: ([a]) => [(a as number) * 2] } })).toEqual([8]);
    expect(faultOf(text, [4])).toBe("4: run/no-meaning: '@twice' is declared but has no body");
  });
});

describe("faults", () => {
  it("points at the op", () => {
    const text = `func.func @f(%a: i32, %b: i32) -> i32 {
      %0 = arith.divsi %a, %b : i32
      return %0 : i32
    }`;
    expect(run(text, [-7, 2])).toEqual([-3]);
    expect(faultOf(text, [1, 0])).toBe("2: run/fault: 'arith.divsi': division by zero");
  });

  it("points at the op in a loop after the loop's region has run others", () => {
    const text = `func.func @f(%n: index) {
      %c0 = arith.constant 0 : index
      scf.for %i = %c0 to %n step %c0 {
      }
      return
    }`;
    expect(faultOf(text, [1])).toBe("3: run/fault: 'scf.for': the step 0 is not positive");
  });

  it("stops endless loops and endless recursion", () => {
    const loop = `func.func @f() {
      cf.br ^a
    ^a:
      cf.br ^a
    }`;
    expect(faultOf(loop, [], { maxSteps: 1000 })).toBe("4: run/fault: stopped after 1000 steps");
    const recursion = `func.func @f() {
      call @f() : () -> ()
      return
    }`;
    expect(faultOf(recursion)).toBe("2: run/fault: calls nest more than 1000 deep");
    expect(faultOf(recursion, [], { maxDepth: 1e9 })).toBe("1: run/fault: calls nest too deep for the stack");
  });

  it("says that an op has no meaning only when it runs", () => {
    const text = `func.func @f(%c: i1) {
      scf.if %c {
        "test.unknown"() : () -> ()
      }
      return
    }`;
    expect(run(text, [0])).toEqual([]);
    expect(faultOf(text, [1])).toBe("3: run/no-meaning: 'test.unknown' has no meaning that the interpreter knows");
  });

  it("checks the arguments of the entry", () => {
    const text = "func.func @f(%a: tensor<?x2xf32>, %b: i64) { return }";
    const fits = NDArray.zeros("f32", [5, 2]);
    expect(run(text, [fits, 1n])).toEqual([]);
    expect(faultOf(text, [fits])).toContain("run/arguments: '@f' takes 2 arguments, but 1 are given");
    expect(faultOf(text, [fits, 1])).toContain("takes 'i64' as argument 1, but 1 is given");
    expect(faultOf(text, [NDArray.zeros("f64", [5, 2]), 1n])).toContain("but an array of 5x2xf64 is given");
    expect(faultOf(text, [NDArray.zeros("f32", [2, 5]), 1n])).toContain("but an array of 2x5xf32 is given");
    expect(() => interpret(moduleOf(text), "g", [])).toThrow("there is no function '@g'");
  });
});

describe("one op alone", () => {
  it("is evaluated on known operands, regions included", () => {
    const module = moduleOf(`func.func @f(%c: i1, %a: i32, %b: i32) -> i32 {
      %0 = arith.subi %a, %b : i32
      %1 = scf.execute_region -> i32 {
        %k = arith.constant 5 : i32
        scf.yield %k : i32
      }
      return %0 : i32
    }`);
    const [sub, region] = [...module.region().entry.first!.region().entry];
    expect(evaluateOp(sub!, [3, 10])).toEqual([-7]);
    expect(evaluateOp(region!, [])).toEqual([5]);
  });
});

describe("all scalars", () => {
  it("adds, subtracts and multiplies as two's complement does", () => {
    const text = (op: string, width: number) => `func.func @f(%a: i${width}, %b: i${width}) -> i${width} {
      %0 = arith.${op} %a, %b : i${width}
      return %0 : i${width}
    }`;
    const meanings = { addi: "+", subi: "-", muli: "*" } as const;
    for (const width of [1, 3, 8, 16, 31, 32, 33, 64]) {
      for (const op of ["addi", "subi", "muli"] as const) {
        const module = moduleOf(text(op, width));
        const interpreter = new Interpreter();
        const value = fc.bigInt({ min: -(2n ** BigInt(width - 1)), max: 2n ** BigInt(width - 1) - 1n });
        fc.assert(
          fc.property(value, value, (a, b) => {
            const exact = meanings[op] === "+" ? a + b : meanings[op] === "-" ? a - b : a * b;
            const datum = (v: bigint) => (width > 32 ? v : Number(width === 1 ? v & 1n : v));
            const wrapped = width === 1 ? exact & 1n : BigInt.asIntN(width, exact);
            expect(interpreter.call(module, "f", [datum(a), datum(b)])).toEqual([datum(wrapped)]);
          }),
          { numRuns: 40 },
        );
      }
    }
  });
});
