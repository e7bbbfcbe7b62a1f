/** The dialects func, cf, scf and ub: what they mean, how they are written, and what is wrong with bad ones. */
import { describe, expect, it } from "vitest";
import { loopLike, regionBranch } from "../../ir/interfaces.ts";
import { NDArray } from "../../support/ndarray.ts";
import { print } from "../../text/printer.ts";
import { errorsOf, faultOf, moduleOf, run } from "../support/run.ts";

/** Text that reads and prints as itself. */
function expectFixpoint(body: string): void {
  const text = `module {\n${body}\n}\n`;
  expect(print(moduleOf(text))).toBe(text);
}

describe("func", () => {
  it("is written with visibility, attributes of arguments and results, and its own attributes", () => {
    expectFixpoint(`  func.func private @g(i32, tensor<?xf32> {a.b = 1 : i32}) -> (f32 {c.d}, i1) attributes {e.f = "x"}
  func.func @f(%arg0: i32 {a.b}, %arg1: () -> ()) -> (() -> ()) {
    return %arg1 : () -> ()
  }`);
  });

  it("returns what its type says", () => {
    expect(errorsOf("func.func @f() -> i32 {\n  return\n}")).toEqual([
      "2: verify/operands: 'func.return' op has 0 operands, but enclosing function (@f) returns 1",
    ]);
    expect(errorsOf("func.func @f(%a: f32) -> i32 {\n  return %a : f32\n}")).toEqual([
      "2: verify/operand-type: type of return operand 0 ('f32') doesn't match function result type ('i32') in function @f",
    ]);
  });

  it("is called as it is declared", () => {
    const text = (call: string) =>
      `func.func private @g(i32) -> i64\nfunc.func @f(%a: i32, %b: f32) {\n  ${call}\n  return\n}`;
    expect(errorsOf(text("%0 = call @g(%a) : (i32) -> i64"))).toEqual([]);
    expect(errorsOf(text("%0 = call @h(%a) : (i32) -> i64"))).toEqual([
      "3: verify/symbol: 'func.call' op 'h' does not reference a valid function",
    ]);
    expect(errorsOf(text("%0 = call @g(%b) : (f32) -> i64"))).toEqual([
      "3: verify/operand-type: 'func.call' op operand type mismatch: expected operand type 'i32', but provided 'f32' for operand number 0",
    ]);
    expect(errorsOf(text("call @g(%a) : (i32) -> ()"))).toEqual([
      "3: verify/operands: 'func.call' op incorrect number of results for callee",
    ]);
  });
});

describe("cf", () => {
  const choose = `  func.func @f(%arg0: i8, %arg1: i32, %arg2: i32) -> i32 {
    cf.switch %arg0 : i8, [
      default: ^bb1(%arg1 : i32),
      42: ^bb1(%arg2 : i32),
      255: ^bb2
    ]
  ^bb1(%0: i32):  // 2 preds: ^bb0, ^bb0
    return %0 : i32
  ^bb2:  // pred: ^bb0
    %c7_i32 = arith.constant 7 : i32
    return %c7_i32 : i32
  }`;

  it("switches by value, signs aside", () => {
    expectFixpoint(choose);
    expect(run(choose, [1, 10, 20])).toEqual([10]);
    expect(run(choose, [42, 10, 20])).toEqual([20]);
    expect(run(choose, [-1, 10, 20])).toEqual([7]);
  });

  it("asserts", () => {
    const text = 'func.func @f(%c: i1) {\n  cf.assert %c, "must hold"\n  return\n}';
    expect(run(text, [1])).toEqual([]);
    expect(faultOf(text, [0])).toBe("2: run/fault: 'cf.assert': must hold");
  });

  it("hands over what the block takes", () => {
    expect(errorsOf("func.func @f(%a: i32) {\n  cf.br ^b(%a : i32)\n^b(%x: i64):\n  return\n}")).toEqual([
      "2: verify/operand-type: type mismatch for bb argument #0 of successor #0",
    ]);
    expect(errorsOf("func.func @f(%a: i32) {\n  cf.br ^b(%a : i32)\n^b:\n  return\n}")).toEqual([
      "2: verify/operands: branch has 1 operands for successor #0, but target block has 0",
    ]);
  });
});

describe("scf", () => {
  it("is written as MLIR writes it", () => {
    expectFixpoint(`  func.func @f(%arg0: index, %arg1: i32, %arg2: i1, %arg3: tensor<8xf32>, %arg4: f32) -> i32 {
    scf.for %arg5 = %arg0 to %arg0 step %arg0 {
    }
    %0 = scf.for %arg5 = %arg1 to %arg1 step %arg1 iter_args(%arg6 = %arg1) -> (i32)  : i32 {
      scf.yield %arg6 : i32
    } {attr = 1 : i32}
    %1 = scf.if %arg2 -> (i32) {
      scf.yield %0 : i32
    } else {
      scf.yield %arg1 : i32
    }
    scf.if %arg2 {
    }
    %2 = scf.while (%arg5 = %arg1) : (i32) -> i64 {
      %7 = arith.extsi %arg5 : i32 to i64
      scf.condition(%arg2) %7 : i64
    } do {
    ^bb0(%arg5: i64):
      scf.yield %arg1 : i32
    }
    %3 = scf.parallel (%arg5, %arg6) = (%arg0, %arg0) to (%arg0, %arg0) step (%arg0, %arg0) init (%arg4) -> f32 {
      scf.reduce(%arg4 : f32) {
      ^bb0(%arg7: f32, %arg8: f32):
        %7 = arith.addf %arg7, %arg8 : f32
        scf.reduce.return %7 : f32
      }
    }
    %4 = scf.forall (%arg5) in (%arg0) shared_outs(%arg6 = %arg3) -> (tensor<8xf32>) {
      scf.forall.in_parallel {
        tensor.parallel_insert_slice %arg3 into %arg6[%arg5] [8] [1] : tensor<8xf32> into tensor<8xf32>
      }
    }
    scf.forall (%arg5, %arg6) = (1, %arg0) to (%arg0, 10) step (2, 3) {
    } {mapping = [#gpu.thread<x>, #gpu.thread<y>]}
    %5 = scf.execute_region -> i32 {
      scf.yield %arg1 : i32
    }
    %6 = scf.index_switch %arg0 -> i32${" "}
    case 2 {
      scf.yield %arg1 : i32
    }
    default {
      scf.yield %5 : i32
    }
    return %6 : i32
  }`);
  });

  it("counts up to the bound, in any integer type, and carries values", () => {
    const sum = (type: string) => `func.func @f(%a: ${type}, %b: ${type}, %s: ${type}) -> ${type} {
      %z = arith.constant 0 : ${type}
      %r = scf.for %i = %a to %b step %s iter_args(%x = %z) -> (${type}) : ${type} {
        %y = arith.addi %x, %i : ${type}
        scf.yield %y : ${type}
      }
      return %r : ${type}
    }`;
    expect(run(sum("index"), [1, 10, 4])).toEqual([15]);
    expect(run(sum("i64"), [1n, 10n, 4n])).toEqual([15n]);
    expect(run(sum("i32"), [5, 5, 1])).toEqual([0]);
  });

  it("hands the while loop's last values to the results", () => {
    const text = `func.func @f(%n: i32) -> (i32, i32) {
      %c0 = arith.constant 0 : i32
      %c1 = arith.constant 1 : i32
      %r:2 = scf.while (%i = %c0, %x = %c1) : (i32, i32) -> (i32, i32) {
        %go = arith.cmpi slt, %i, %n : i32
        scf.condition(%go) %x, %i : i32, i32
      } do {
      ^bb0(%x: i32, %i: i32):
        %j = arith.addi %i, %c1 : i32
        %y = arith.addi %x, %x : i32
        scf.yield %j, %y : i32, i32
      }
      return %r#0, %r#1 : i32, i32
    }`;
    expect(run(text, [5])).toEqual([32, 5]);
  });

  it("reduces over every point of a box", () => {
    const text = `func.func @f(%n: index) -> (index, index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %r:2 = scf.parallel (%i, %j) = (%c0, %c1) to (%n, %n) step (%c1, %c1) init (%c0, %c0) -> (index, index) {
        %p = arith.muli %i, %j : index
        scf.reduce(%p, %i : index, index) {
        ^bb0(%a: index, %b: index):
          %s = arith.addi %a, %b : index
          scf.reduce.return %s : index
        }, {
        ^bb0(%a: index, %b: index):
          %s = arith.maxsi %a, %b : index
          scf.reduce.return %s : index
        }
      }
      return %r#0, %r#1 : index, index
    }`;
    expect(run(text, [4])).toEqual([36, 3]);
    expect(run(text, [0])).toEqual([0, 0]);
  });

  it("fills shared tensors without touching what they were made from", () => {
    const text = `func.func @f(%t: tensor<6xi32>, %v: i32) -> tensor<6xi32> {
      %c3 = arith.constant 3 : index
      %r = scf.forall (%i) = (0) to (6) step (3) shared_outs(%o = %t) -> (tensor<6xi32>) {
        %s = tensor.splat %v : tensor<2xi32>
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %s into %o[%i] [2] [1] : tensor<2xi32> into tensor<6xi32>
        }
      }
      return %r : tensor<6xi32>
    }`;
    const t = NDArray.from("i32", [6], [1, 2, 3, 4, 5, 6]);
    expect((run(text, [t, 9])[0] as NDArray).values()).toEqual([9, 9, 3, 9, 9, 6]);
    expect(t.values()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("chooses by index, and runs a graph of blocks in place", () => {
    const text = `func.func @f(%i: index, %c: i1) -> i32 {
      %r = scf.index_switch %i -> i32
      case 2 {
        %a = arith.constant 20 : i32
        scf.yield %a : i32
      }
      case 5 {
        %x = scf.execute_region -> i32 {
          %a = arith.constant 50 : i32
          cf.cond_br %c, ^one, ^two(%a : i32)
        ^one:
          %b = arith.constant 51 : i32
          cf.br ^two(%b : i32)
        ^two(%y: i32):
          scf.yield %y : i32
        }
        scf.yield %x : i32
      }
      default {
        %a = arith.constant 0 : i32
        scf.yield %a : i32
      }
      return %r : i32
    }`;
    expect([2, 5, 7].map((i) => run(text, [i, 1])[0])).toEqual([20, 51, 0]);
    expect(run(text, [5, 0])).toEqual([50]);
  });

  it("answers the questions of passes", () => {
    const module = moduleOf(`func.func @f(%n: index, %x: f32, %c: i1) {
      %r = scf.for %i = %n to %n step %n iter_args(%a = %x) -> (f32) {
        scf.yield %a : f32
      }
      scf.if %c {
      }
      return
    }`);
    const [loop, branch] = [...module.region().entry.first!.region().entry];
    const carried = loopLike.of(loop!)!.carried(loop!);
    expect(carried).toHaveLength(1);
    expect(carried[0]!.arg).toBe(carried[0]!.next);
    expect(carried[0]!.result).toBe(loop!.result());
    expect(loopLike.of(loop!)!.inductionVariable(loop!)).toBe(loop!.region().entry.args[0]);
    const chosen = (v: boolean) => regionBranch.of(branch!)!.chosen(branch!, () => v);
    expect(chosen(true)).toBe(branch!.region(0));
    expect(chosen(false)).toBe("none");
  });

  it("says what is wrong", () => {
    const faults: readonly (readonly [string, string])[] = [
      [
        "scf.for %i = %n to %n step %n iter_args(%a = %x) -> (f32) {\n    scf.yield %n : index\n  }",
        "0-th region iter_arg and 0-th yielded value have different type: 'f32' != 'index'",
      ],
      ["%r = scf.if %c -> (f32) {\n    scf.yield %x : f32\n  }", "must have an else block if defining values"],
      ["scf.index_switch %n\n  case 1 {\n  }\n  case 1 {\n  }\n  default {\n  }", "has duplicate case value: 1"],
    ];
    for (const [op, wanted] of faults) {
      const [first] = errorsOf(`func.func @f(%n: index, %x: f32, %c: i1) {\n  ${op}\n  return\n}`);
      expect(first).toContain(wanted);
      expect(first).toMatch(/^2: verify\//);
    }
  });
});

describe("ub", () => {
  it("poison is a constant that stands for any value", () => {
    const text =
      "func.func @f() -> (i64, tensor<2xf32>) {\n%0 = ub.poison : i64\n%1 = ub.poison : tensor<2xf32>\nreturn %0, %1 : i64, tensor<2xf32> }";
    const [a, b] = run(text);
    expect(a).toBe(0n);
    expect((b as NDArray).shape).toEqual([2]);
  });
});
