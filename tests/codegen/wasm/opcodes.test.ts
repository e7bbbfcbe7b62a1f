import { describe, expect, it } from "vitest";
import { ModuleBuilder } from "../../../codegen/wasm/assembler.ts";
import type { FunctionBuilder } from "../../../codegen/wasm/function-builder.ts";
import {
  type Feature,
  featureBit,
  featureNames,
  type Instruction,
  instructionOf,
  instructions,
  type Mnemonic,
  type MnemonicOf,
} from "../../../codegen/wasm/opcodes.ts";
import type { FunctionType, ValueType } from "../../../codegen/wasm/types.ts";
import { disassemble } from "./wabt.ts";

/** A module in which every index that `write` uses exists, with one function that holds the instruction. */
function moduleWith(type: FunctionType, write: (f: FunctionBuilder) => void): Uint8Array<ArrayBuffer> {
  const m = new ModuleBuilder();
  const callee = m.importFunction("env", "callee", ["i32", "f32"], ["i64"]);
  m.memory({ initial: 1, maximum: 2, shared: true });
  m.global("i32", true, 0);
  m.table({ type: "funcref", initial: 4 });
  m.table({ type: "funcref", initial: 4 });
  m.elements([callee], { table: 0, offset: 0 });
  m.elements([callee]);
  m.data(Uint8Array.of(1, 2, 3));
  const f = m.function("f", type.params, type.results);
  write(f);
  f.end();
  return m.toBytes();
}

/** One instruction with fixed operands, which are parameters of the function, and sample immediates. */
function fixed(instruction: Instruction): Uint8Array<ArrayBuffer> {
  const type = instruction.signature!;
  const mnemonic = instruction.mnemonic as never;
  return moduleWith(type, (f) => {
    type.params.forEach((_, i) => {
      f.localGet(i);
    });
    switch (instruction.immediate) {
      case "access":
        return f.access(mnemonic, 8);
      case "access+lane":
        return f.accessLane(mnemonic, instruction.lanes - 1, 300);
      case "lane":
        return f.lane(mnemonic, instruction.lanes - 1);
      case "shuffle":
        return f.shuffle(Array.from({ length: 16 }, (_, i) => 31 - i));
      case "i32":
        return f.i32Const(-5);
      case "i64":
        return f.i64Const(-5n);
      case "f32":
        return f.f32Const(0.5);
      case "f64":
        return f.f64Const(0.5);
      case "v128":
        return f.v128Const(Float32Array.of(1, 2, 3, 4));
      case "data":
      case "data+memory":
        return f.data(mnemonic, 0);
      case "element":
        return f.elemDrop(1);
      case "element+table":
        return f.tableInit(1, 1);
      case "table+table":
        return f.tableCopy(1, 0);
      default:
        return f.op(mnemonic);
    }
  });
}

const none: FunctionType = { params: [], results: [] };
const answers = (...results: ValueType[]): FunctionType => ({ params: [], results });

/** The instructions whose operands depend on the immediate or the context: one use of each. */
const inContext: Record<MnemonicOf<Instruction["immediate"], null>, [FunctionType, (f: FunctionBuilder) => void]> = {
  unreachable: [answers("v128"), (f) => f.unreachable()],
  block: [
    answers("i32"),
    (f) => {
      f.block(["i32"]);
      f.i32Const(1).end();
    },
  ],
  loop: [
    answers("f32"),
    (f) => {
      f.f32Const(1);
      f.loop(["f32"], ["f32"]);
      f.end();
    },
  ],
  if: [
    none,
    (f) => {
      f.i32Const(1).if();
      f.end();
    },
  ],
  else: [
    answers("i32", "i64"),
    (f) => {
      f.i32Const(1).if(["i32", "i64"]);
      f.i32Const(1).i64Const(2).else().i32Const(3).i64Const(4).end();
    },
  ],
  end: [none, (f) => f.op("nop")],
  br: [
    none,
    (f) => {
      const outer = f.block();
      f.block();
      f.br(outer).end().end();
    },
  ],
  br_if: [
    answers("i32"),
    (f) => {
      const block = f.block(["i32"]);
      f.i32Const(7).i32Const(1).brIf(block).end();
    },
  ],
  br_table: [
    none,
    (f) => {
      const outer = f.block();
      const inner = f.block();
      f.i32Const(1).brTable([inner, outer], inner).end().end();
    },
  ],
  return: [answers("i32"), (f) => f.i32Const(1).return()],
  call: [answers("i64"), (f) => f.i32Const(1).f32Const(2).call(0)],
  call_indirect: [
    answers("i64"),
    (f) =>
      f
        .i32Const(1)
        .f32Const(2)
        .i32Const(0)
        .callIndirect({ params: ["i32", "f32"], results: ["i64"] }),
  ],
  drop: [none, (f) => f.f64Const(1).drop()],
  select: [answers("f64"), (f) => f.f64Const(1).f64Const(2).i32Const(0).select()],
  select_t: [answers("funcref"), (f) => f.refNull("funcref").refFunc(0).i32Const(0).selectTyped("funcref")],
  "local.get": [
    answers("v128"),
    (f) => {
      f.localGet(f.local("v128"));
    },
  ],
  "local.set": [
    none,
    (f) => {
      f.i32Const(1).localSet(f.local("i32"));
    },
  ],
  "local.tee": [
    answers("i32"),
    (f) => {
      f.i32Const(1).localTee(f.local("i32"));
    },
  ],
  "global.get": [answers("i32"), (f) => f.globalGet(0)],
  "global.set": [none, (f) => f.i32Const(1).globalSet(0)],
  "table.get": [answers("funcref"), (f) => f.i32Const(0).table("table.get")],
  "table.set": [none, (f) => f.i32Const(0).refNull("funcref").table("table.set", 1)],
  "table.size": [answers("i32"), (f) => f.table("table.size")],
  "table.grow": [answers("i32"), (f) => f.refNull("funcref").i32Const(1).table("table.grow")],
  "table.fill": [none, (f) => f.i32Const(0).refFunc(0).i32Const(1).table("table.fill")],
  "ref.null": [answers("externref"), (f) => f.refNull("externref")],
  "ref.is_null": [answers("i32"), (f) => f.refNull("funcref").refIsNull()],
  "ref.func": [answers("funcref"), (f) => f.refFunc(0)],
};

function moduleOf(instruction: Instruction): Uint8Array<ArrayBuffer> {
  if (instruction.signature !== null) return fixed(instruction);
  const [type, write] = inContext[instruction.mnemonic as keyof typeof inContext];
  return moduleWith(type, write);
}

const all = [...instructions()];
/** V8 of Node 20 has relaxed SIMD behind a flag only. */
const native = WebAssembly.validate(moduleOf(instructionOf("f32x4.relaxed_madd")))
  ? all
  : all.filter((instruction) => instruction.feature !== "relaxed-simd");

describe("the instruction table", () => {
  it("is complete", () => {
    const count = new Map<Feature, number>();
    for (const { feature } of all) count.set(feature, (count.get(feature) ?? 0) + 1);
    // Core specification 2.0, index of instructions; relaxed-simd and threads overviews.
    expect(Object.fromEntries(count)).toEqual({
      mvp: 172,
      "sign-extension": 5,
      "nontrapping-float-to-int": 8,
      "reference-types": 9,
      "bulk-memory": 7,
      simd128: 236,
      "relaxed-simd": 20,
      threads: 67,
    });
    expect(new Set(all.map(({ code }) => code.join(" "))).size).toBe(all.length);
  });

  it("is accepted by the engine, row by row", () => {
    for (const instruction of native) {
      if (!WebAssembly.validate(moduleOf(instruction))) expect.fail(instruction.mnemonic);
    }
    expect(native.length).toBeGreaterThan(500);
  });

  it("means to wabt what it says, row by row", async () => {
    for (const instruction of all) {
      const text = await disassemble(moduleOf(instruction));
      if (instruction.mnemonic === "end") continue; // a bracket in the text
      const word = instruction.mnemonic === "select_t" ? "select (result funcref" : instruction.mnemonic;
      const lines = text.split("\n").map((line) => line.trim().replace(/\)+$/, ""));
      if (!lines.some((line) => line === word || line.startsWith(`${word} `))) {
        expect.fail(`${word} is not in ${text}`);
      }
    }
  });

  it("gives memory accesses their natural alignment", async () => {
    // wabt writes the alignment only where it is not the natural one.
    for (const instruction of all.filter(({ bytes }) => bytes > 0)) {
      const text = await disassemble(moduleOf(instruction));
      expect(text).toContain(`${instruction.mnemonic} offset=`);
      expect(text, instruction.mnemonic).not.toContain("align=");
    }
  });
});

describe("features", () => {
  it("are bits", () => {
    const bits = featureBit("mvp") | featureBit("threads") | featureBit("simd128");
    expect(featureNames(bits)).toEqual(["simd128", "threads"]);
  });

  it("are those of the row", () => {
    const of = (mnemonic: Mnemonic): Feature => instructionOf(mnemonic).feature;
    expect(of("i32.add")).toBe("mvp");
    expect(of("f32x4.relaxed_madd")).toBe("relaxed-simd");
    expect(of("memory.copy")).toBe("bulk-memory");
  });
});
