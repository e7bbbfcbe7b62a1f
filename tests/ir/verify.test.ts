import { describe, expect, it } from "vitest";
import { errorsOf } from "../support/run.ts";

describe("structure", () => {
  it("counts operands, results, regions and successors", () => {
    const of = (op: string) => errorsOf(`func.func @f(%a: i32, %b: f32) {\n  ${op}\n  return\n}`);
    expect(of('%0 = "arith.addi"(%a) : (i32) -> i32')).toEqual([
      "2: verify/operands: 'arith.addi' op expected 2 operands, but found 1",
    ]);
    expect(of('"arith.addi"(%a, %a) : (i32, i32) -> ()')).toEqual([
      "2: verify/operands: 'arith.addi' op requires one result",
    ]);
    expect(of('"scf.if"(%a) : (i32) -> ()')[0]).toBe(
      "2: verify/operand-type: 'scf.if' op operand #0 must be 1-bit signless integer, but got 'i32'",
    );
    expect(of('"scf.for"(%a, %a, %a) : (i32, i32, i32) -> ()')).toEqual([
      "2: verify/region: 'scf.for' op requires one region",
    ]);
    expect(of('"cf.cond_br"(%a, %a) <{operandSegmentSizes = array<i32: 1, 2, 0>}> : (i32, i32) -> ()')[0]).toBe(
      "2: verify/operands: 'cf.cond_br' op operand count (2) does not match with the total size (3) specified in attribute 'operandSegmentSizes'",
    );
  });

  it("reports every fault, not only the first", () => {
    const errors = errorsOf(`func.func @f(%a: i32, %b: f32) {
      %0 = "arith.addi"(%a, %b) : (i32, f32) -> i32
      %1 = "arith.addf"(%a, %b) : (i32, f32) -> f32
      return
    }`);
    expect(errors).toEqual([
      "2: verify/operand-type: 'arith.addi' op operand #1 must be signless-integer-like, but got 'f32'",
      "3: verify/operand-type: 'arith.addf' op operand #0 must be floating-point-like, but got 'i32'",
    ]);
  });

  it("wants blocks to end as they must", () => {
    expect(errorsOf("func.func @f(%a: i32) {\n  %0 = arith.addi %a, %a : i32\n}")).toEqual([
      "2: verify/terminator: block with no terminator, has 'arith.addi'",
    ]);
    expect(errorsOf('func.func @f() {\n  return\n  "test.op"() : () -> ()\n}')[0]).toBe(
      "2: verify/terminator: 'func.return' op must be the last operation in the parent block",
    );
    expect(errorsOf("scf.yield")[0]).toContain("expects parent op to be one of 'scf.execute_region, scf.for,");
  });

  it("holds inferred types against written ones", () => {
    expect(errorsOf('func.func @f(%a: i32) {\n  %0 = "arith.addi"(%a, %a) : (i32, i32) -> i64\n  return\n}')).toEqual([
      "2: verify/op: 'arith.addi' op requires the same type for all operands and results",
    ]);
  });
});

describe("names and values", () => {
  it("finds each symbol once, where symbols belong", () => {
    expect(errorsOf("func.func private @f()\nfunc.func private @f()")).toEqual([
      "2: verify/symbol: redefinition of symbol named 'f'",
    ]);
    expect(errorsOf("func.func @f() {\n  func.func private @g()\n  return\n}")).toEqual([
      "2: verify/symbol: 'func.func' op symbol's parent must have the SymbolTable trait",
    ]);
  });

  it("sees uses that no definition reaches", () => {
    const text = `func.func @f(%c: i1) -> i32 {
      cf.cond_br %c, ^a, ^b
    ^a:
      %0 = arith.constant 1 : i32
      cf.br ^b
    ^b:
      return %0 : i32
    }`;
    expect(errorsOf(text)).toEqual(["7: verify/dominance: operand #0 does not dominate this use"]);
  });

  it("lets graphs refer forward, and blocks that nothing reaches say anything", () => {
    expect(errorsOf('%0 = "test.a"(%1) : (i32) -> i32\n%1 = "test.b"() : () -> i32')).toEqual([]);
    expect(
      errorsOf(
        "func.func @f() {\n  return\n^dead:\n  %0 = arith.addi %1, %1 : i32\n  %1 = arith.addi %0, %0 : i32\n  cf.br ^dead\n}",
      ),
    ).toEqual([]);
  });
});
