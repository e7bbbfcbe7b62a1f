import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ModuleBuilder } from "../../../codegen/wasm/assembler.ts";
import type { FunctionBuilder } from "../../../codegen/wasm/function-builder.ts";
import type { ValueType } from "../../../codegen/wasm/types.ts";
import { InternalError } from "../../../support/diagnostic.ts";
import { disassemble } from "./wabt.ts";

type Exports = Record<string, (...args: (number | bigint)[]) => unknown>;

function run(m: ModuleBuilder, imports: WebAssembly.Imports = {}): Exports {
  const bytes = m.toBytes();
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports as unknown as Exports;
}

/** The one function of a module, exported and ended. */
function compile(
  params: readonly ValueType[],
  results: readonly ValueType[],
  write: (f: FunctionBuilder) => void,
): (...args: (number | bigint)[]) => unknown {
  const m = new ModuleBuilder();
  const f = m.function("f", params, results);
  write(f);
  f.end();
  m.export("f", "function", f.index);
  return run(m).f!;
}

describe("functions that run", () => {
  it("loops: factorial", () => {
    const factorial = compile(["i32"], ["i64"], (f) => {
      const n = f.param(0, "n");
      const product = f.local("i64", "product");
      f.i64Const(1).localSet(product);
      const done = f.block();
      const next = f.loop();
      f.localGet(n).op("i32.eqz").brIf(done);
      f.localGet(product).localGet(n).op("i64.extend_i32_u").op("i64.mul").localSet(product);
      f.localGet(n).i32Const(1).op("i32.sub").localSet(n).br(next);
      f.end().end();
      f.localGet(product);
    });
    expect(factorial(20)).toBe(2432902008176640000n);
    expect(factorial(0)).toBe(1n);
  });

  it("memory and SIMD: a dot product with a scalar tail", () => {
    const m = new ModuleBuilder("dot");
    m.memory({ initial: 1 });
    m.export("memory", "memory");
    const f = m.function("dot", ["i32", "i32", "i32"], ["f32"]);
    const [a, b, n] = [f.param(0, "a"), f.param(1, "b"), f.param(2, "n")];
    const sums = f.local("v128", "sums");
    const sum = f.local("f32", "sum");
    const vectors = f.block();
    const nextVector = f.loop();
    f.localGet(n).i32Const(4).op("i32.lt_s").brIf(vectors);
    f.localGet(sums);
    f.localGet(a).access("v128.load", 16).localGet(b).access("v128.load", 1024, 1).op("f32x4.mul");
    f.op("f32x4.add").localSet(sums);
    for (const [pointer, step] of [
      [a, 16],
      [b, 16],
      [n, -4],
    ] as const) {
      f.localGet(pointer).i32Const(step).op("i32.add").localSet(pointer);
    }
    f.br(nextVector).end().end();
    f.localGet(sums).lane("f32x4.extract_lane", 0);
    for (const lane of [1, 2, 3]) f.localGet(sums).lane("f32x4.extract_lane", lane).op("f32.add");
    f.localSet(sum);
    const scalars = f.block();
    const nextScalar = f.loop();
    f.localGet(n).op("i32.eqz").brIf(scalars);
    f.localGet(a).access("f32.load", 16).localGet(b).access("f32.load", 1024).op("f32.mul");
    f.localGet(sum).op("f32.add").localSet(sum);
    for (const [pointer, step] of [
      [a, 4],
      [b, 4],
      [n, -1],
    ] as const) {
      f.localGet(pointer).i32Const(step).op("i32.add").localSet(pointer);
    }
    f.br(nextScalar).end().end();
    f.localGet(sum).end();
    m.export("dot", "function", f.index);
    expect(m.features()).toEqual(["simd128"]);

    const { dot, memory } = run(m) as unknown as { dot: (...args: number[]) => number; memory: WebAssembly.Memory };
    const floats = new Float32Array(memory.buffer);
    const length = 11;
    let wanted = 0;
    for (let i = 0; i < length; i++) {
      floats[100 + 4 + i] = i + 1;
      floats[100 + 256 + i] = 2 * i - 3;
      wanted += (i + 1) * (2 * i - 3);
    }
    expect(dot(400, 400, length)).toBe(wanted);
  });

  it("if with results, br_table, select, multi-value", () => {
    const clamp = compile(["i32"], ["i32"], (f) => {
      f.localGet(0).i32Const(0).op("i32.lt_s").if(["i32"]);
      f.i32Const(0).else().localGet(0).i32Const(100).localGet(0).i32Const(100).op("i32.lt_s").select().end();
    });
    expect([-5, 7, 200].map((x) => clamp(x))).toEqual([0, 7, 100]);

    const choose = compile(["i32"], ["i32"], (f) => {
      const outer = f.block();
      const two = f.block();
      const one = f.block();
      f.localGet(0).brTable([one, two], outer).end();
      f.i32Const(10).return().end();
      f.i32Const(20).return().end();
      f.i32Const(30);
    });
    expect([0, 1, 2, 99].map((x) => choose(x))).toEqual([10, 20, 30, 30]);

    const divide = compile(["i32", "i32"], ["i32", "i32"], (f) => {
      f.localGet(0).localGet(1).op("i32.div_s").localGet(0).localGet(1).op("i32.rem_s");
    });
    expect(divide(17, 5)).toEqual([3, 2]);
  });

  it("code that is never run may take any operand", () => {
    const f = compile(["i32"], ["f32"], (w) => {
      w.localGet(0).if(["f32"]);
      w.f32Const(1).return().i32Const(0).select().op("f32.neg").else().f32Const(2).end();
    });
    expect([f(1), f(0)]).toEqual([1, 2]);
  });

  it("loops with parameters", () => {
    // (n, sum) goes round the loop on the operand stack.
    const triangle = compile(["i32"], ["i32"], (f) => {
      const n = f.local("i32");
      const sum = f.local("i32");
      f.localGet(0).i32Const(0);
      const next = f.loop(["i32"], ["i32", "i32"]);
      f.localSet(sum).localTee(n).i32Const(1).op("i32.sub");
      f.localGet(sum).localGet(n).op("i32.add");
      f.localGet(n).i32Const(1).op("i32.gt_s").brIf(next);
      f.localSet(sum).drop().localGet(sum).end();
    });
    expect(triangle(100)).toBe(5050);
  });

  it("constants of any value come back", () => {
    const i32 = fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 });
    const i64 = fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 64n - 1n), fc.integer({ min: -(2 ** 40), max: 2 ** 40 }));
    const lanes = fc.array(fc.integer(), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(i32, i64, fc.double(), lanes, (a, b, c, d) => {
        const v128: ValueType[] = ["i32", "i64", "f64", "f32", "i32", "i32", "i32", "i32"];
        const f = compile([], v128, (w) => {
          w.i32Const(a).i64Const(b).f64Const(c).f32Const(c);
          for (let i = 0; i < 4; i++) w.v128Const(Int32Array.from(d)).lane("i32x4.extract_lane", i);
        });
        expect(f()).toEqual([a | 0, BigInt.asIntN(64, BigInt(b)), c, Math.fround(c), ...d]);
      }),
      { numRuns: 200 },
    );
  });

  it("locals of mixed types and indices beyond one byte", () => {
    const types: ValueType[] = ["i32", "f64", "f64", "i64", "v128", "f32"];
    const sum = compile(["f64"], ["f64"], (f) => {
      const locals: number[] = [];
      for (let i = 0; i < 600; i++) {
        const type = types[i % types.length]!;
        const index = f.local(type);
        expect(f.localType(index)).toBe(type);
        if (type === "f64") locals.push(index);
      }
      for (const index of locals) f.f64Const(index).localSet(index);
      f.localGet(0);
      for (const index of locals) f.localGet(index).op("f64.add");
    });
    // Locals 1 to 600 follow the parameter; those with index 2 or 3 modulo 6 are doubles.
    let wanted = 0.5;
    for (let i = 1; i <= 600; i++) if (i % 6 === 2 || i % 6 === 3) wanted += i;
    expect(sum(0.5)).toBe(wanted);
  });
});

describe("modules", () => {
  it("import functions and memory, call, and run a start function", () => {
    const m = new ModuleBuilder();
    const log = m.importFunction("env", "log", ["i32"], []);
    m.importMemory("env", "memory", { initial: 1 });
    const counter = m.global("i32", true, 5);
    const start = m.function("start", [], []);
    const later = m.function("later", ["i32"], ["i32"]); // called before its body is there
    start.i32Const(8).call(later.index).call(log).end();
    later.localGet(0).access("i32.load").globalGet(counter).op("i32.add").end();
    m.startWith(start.index);
    m.data(Uint8Array.of(0x39, 0x30, 0, 0), 8);
    const logged: number[] = [];
    const memory = new WebAssembly.Memory({ initial: 1 });
    run(m, { env: { memory, log: (x: number) => logged.push(x) } });
    expect(logged).toEqual([12345 + 5]);
  });

  it("globals of every type", () => {
    const m = new ModuleBuilder();
    const vector = m.global("v128", false, new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer));
    m.export("i32", "global", m.global("i32", false, 0xffffffff));
    m.export("i64", "global", m.global("i64", false, -(2n ** 63n)));
    m.export("f32", "global", m.global("f32", false, 0.1));
    m.export("f64", "global", m.global("f64", false, 0.1));
    const f = m.function("f", [], ["f32"]);
    f.globalGet(vector).lane("f32x4.extract_lane", 2).end();
    m.export("f", "function", f.index);
    m.export("funcref", "global", m.global("funcref", false, f.index));
    m.export("externref", "global", m.global("externref", false, null));
    const exports = run(m);
    const value = (name: string): unknown => (exports[name] as unknown as WebAssembly.Global).value;
    expect(["i32", "i64", "f32", "f64", "externref"].map(value)).toEqual([
      -1,
      -(2n ** 63n),
      Math.fround(0.1),
      0.1,
      null,
    ]);
    expect((value("funcref") as () => number)()).toBe(3);
    expect(exports.f!()).toBe(3);
  });

  it("tables: indirect calls and passive elements", () => {
    const m = new ModuleBuilder();
    const type = { params: ["i32"], results: ["i32"] } as const;
    m.table({ type: "funcref", initial: 2 });
    const second = m.table({ type: "funcref", initial: 4, maximum: 4 });
    const [double, square] = ["double", "square"].map((name) => m.function(name, type.params, type.results));
    double!.localGet(0).i32Const(2).op("i32.mul").end();
    square!.localGet(0).localGet(0).op("i32.mul").end();
    m.elements([double!.index, square!.index], { table: 0, offset: 0 });
    m.elements([square!.index], { table: second, offset: 0 });
    const passive = m.elements([double!.index]);
    const f = m.function("f", ["i32", "i32"], ["i32"]);
    f.i32Const(3).i32Const(0).i32Const(1).tableInit(passive, second).elemDrop(passive);
    f.localGet(1).localGet(0).callIndirect(type);
    f.i32Const(3).callIndirect(type, second).i32Const(0).callIndirect(type, second).end();
    m.export("f", "function", f.index);
    expect(run(m).f!(0, 5)).toBe((5 * 2 * 2) ** 2);
    expect(run(m).f!(1, 5)).toBe((25 * 2) ** 2);
    expect(m.features()).toEqual(["bulk-memory", "reference-types"]);
  });

  it("passive data and bulk memory", () => {
    const m = new ModuleBuilder();
    m.memory({ initial: 1 });
    const segment = m.data(Uint8Array.of(1, 2, 3, 4));
    const f = m.function("f", [], ["i32"]);
    f.i32Const(100).i32Const(0).i32Const(4).data("memory.init", segment).data("data.drop", segment);
    f.i32Const(101).i32Const(100).i32Const(4).op("memory.copy");
    f.i32Const(104).i32Const(9).i32Const(1).op("memory.fill");
    f.i32Const(101).access("i32.load", 0, 1).end();
    m.export("f", "function", f.index);
    expect(run(m).f!()).toBe(0x09030201);
  });

  it("shared memory, which threads wait on", () => {
    const m = new ModuleBuilder();
    m.importMemory("env", "memory", { initial: 1, maximum: 4, shared: true });
    const f = m.function("f", ["i32"], ["i32"]);
    f.i32Const(64).localGet(0).access("i32.atomic.rmw.add").end();
    m.export("f", "function", f.index);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
    const exports = run(m, { env: { memory } });
    expect([exports.f!(3), exports.f!(4), exports.f!(0)]).toEqual([0, 3, 7]);
    expect(m.features()).toEqual(["threads"]);
  });

  it("carry names, which wabt reads back, and custom sections", async () => {
    const m = new ModuleBuilder("kernels");
    m.importFunction("env", "log", ["i32"], []);
    const f = m.function("conv2d", ["i32"], []);
    f.param(0, "input");
    f.local("i32");
    f.localGet(f.param(0, "input")).localSet(f.local("i32", "row")).end();
    m.custom("sluice", Uint8Array.of(1, 2, 3));
    const text = await disassemble(m.toBytes());
    expect(text).toContain("(module $kernels");
    expect(text).toContain("(func $conv2d (type 0) (param $input i32)");
    expect(text).toContain("local.get $input\n    local.set $row");
    const module = new WebAssembly.Module(m.toBytes());
    expect(WebAssembly.Module.customSections(module, "sluice").map((b) => [...new Uint8Array(b)])).toEqual([[1, 2, 3]]);
    const bare = new WebAssembly.Module(m.toBytes({ names: false }));
    expect(WebAssembly.Module.customSections(bare, "name")).toEqual([]);
    expect(WebAssembly.Module.customSections(module, "name")).toHaveLength(1);
  });

  it("an empty module, and equal calls give equal bytes", () => {
    expect([...new ModuleBuilder().toBytes({ names: false })]).toEqual([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const build = (): Uint8Array<ArrayBuffer> => {
      const m = new ModuleBuilder("twice");
      for (const name of ["a", "b"]) {
        const f = m.function(name, ["f32"], ["f32"]);
        f.localGet(0).op("f32.neg").end();
        m.export(name, "function", f.index);
      }
      return m.toBytes();
    };
    expect(build()).toEqual(build());
    const m = new ModuleBuilder();
    expect(m.typeIndex({ params: ["i32"], results: [] })).toBe(m.typeIndex({ params: ["i32"], results: [] }));
    expect(m.typeIndex({ params: [], results: ["i32"] })).toBe(1);
  });
});

describe("misuse is named", () => {
  const cases: [string, (f: FunctionBuilder, m: ModuleBuilder) => void, RegExp][] = [
    ["a wrong operand", (f) => f.i32Const(1).f32Const(2).op("i32.add"), /"kernel", i32\.add: takes i32, .* f32/],
    ["a missing operand", (f) => f.i32Const(1).op("i32.add"), /i32\.add: takes an operand where there is none/],
    [
      "an operand of the enclosing block",
      (f) => {
        f.i32Const(1).block();
        f.drop();
      },
      /drop: takes an operand where there is none/,
    ],
    ["a leftover", (f) => f.i32Const(1).end(), /end: leaves 1 more than the results of the function/],
    [
      "a missing result",
      (f) => {
        f.block(["i32"]);
        f.end();
      },
      /end: takes an operand/,
    ],
    [
      "a closed label",
      (f) => {
        const label = f.block();
        f.end().br(label);
      },
      /br: branches to a block that is closed/,
    ],
    [
      "an if that must have an else",
      (f) => {
        f.i32Const(1).if(["i32"]);
        f.i32Const(1).end();
      },
      /end: an if without else/,
    ],
    [
      "a missing result after an arm that never ends",
      (f) => {
        f.i32Const(1).if(["i32"]);
        f.unreachable().else().end();
      },
      /end: takes an operand where there is none/,
    ],
    [
      "an else outside of an if",
      (f) => {
        f.block();
        f.else();
      },
      /else: stands in a block/,
    ],
    ["more after the end", (f) => f.end().op("nop"), /nop: stands after the end/],
    ["an unknown local", (f) => f.localGet(0), /local\.get: there is no local 0/],
    ["an unknown parameter", (f) => f.param(0, "x"), /there is no parameter 0/],
    ["an unknown function", (f) => f.call(7), /call: there is no function 7/],
    ["an unknown global", (f) => f.globalGet(1), /global\.get: there is no global 1/],
    ["an unknown table", (f) => f.table("table.size"), /table\.size: there is no table 0/],
    ["an unknown data segment", (f) => f.data("data.drop", 0), /data\.drop: there is no data segment 0/],
    ["an unknown element segment", (f) => f.elemDrop(0), /elem\.drop: there is no element segment 0/],
    ["a constant global set", (f) => f.i32Const(1).globalSet(0), /global\.set: global 0 is constant/],
    ["a lane too many", (f) => f.v128Const(new Uint8Array(16)).lane("f32x4.extract_lane", 4), /lanes 0 to 3, not 4/],
    ["a short vector", (f) => f.v128Const(new Uint8Array(8)), /v128\.const: needs 16 bytes, has 8/],
    ["a short shuffle", (f) => f.shuffle([1, 2, 3]), /i8x16\.shuffle: needs 16 lanes, has 3/],
    ["a wide constant", (f) => f.i32Const(2 ** 32), /i32\.const: 4294967296 has no 32 bits/],
    ["no memory", (f) => f.i32Const(1).access("i32.load"), /i32\.load: the module has no memory/],
    [
      "a wild alignment",
      (f, m) => {
        m.memory({ initial: 1 });
        f.i32Const(1).access("i32.load", 0, 8);
      },
      /i32\.load: cannot be aligned to 8/,
    ],
    [
      "an unaligned atomic",
      (f, m) => {
        m.memory({ initial: 1 });
        f.i32Const(1).access("i32.atomic.load", 0, 2);
      },
      /i32\.atomic\.load: is atomic and must be aligned to 4/,
    ],
    ["a mixed select", (f) => f.i32Const(1).f32Const(1).i32Const(0).select(), /select: chooses between i32 and f32/],
    [
      "a select of references",
      (f) => f.refNull("funcref").refNull("funcref").i32Const(0).select(),
      /select: needs its/,
    ],
    ["ref.is_null of a number", (f) => f.i32Const(0).refIsNull(), /ref\.is_null: takes i32/],
    [
      "br_table with different labels",
      (f) => {
        const outer = f.block(["i32"]);
        const inner = f.block();
        f.i32Const(0).brTable([outer], inner);
      },
      /br_table: its labels take different operands/,
    ],
  ];
  it.each(cases)("%s", (_, write, message) => {
    const m = new ModuleBuilder();
    m.global("i32", false, 0);
    const f = m.function("kernel", [], []);
    let error: unknown;
    try {
      write(f, m);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(InternalError);
    expect((error as Error).message).toMatch(message);
  });

  it("in modules", () => {
    const fails = (write: (m: ModuleBuilder) => unknown): void => {
      expect(() => write(new ModuleBuilder())).toThrow(InternalError);
    };
    fails((m) => m.export("x", "function", 0));
    fails((m) => m.startWith(0));
    fails((m) => m.data(new Uint8Array(1), 0));
    fails((m) => m.memory({ initial: 2, maximum: 1 }));
    fails((m) => m.memory({ initial: 1, maximum: 65537 }));
    fails((m) => m.memory({ initial: 1, shared: true }));
    fails((m) => m.table({ type: "funcref", initial: 2, maximum: 1 }));
    fails((m) => m.elements([0]));
    fails((m) => m.global("i64", false, 1) || m.toBytes());
    fails((m) => {
      m.memory({ initial: 1 });
      m.memory({ initial: 1 });
    });
    fails((m) => {
      m.memory({ initial: 1 });
      m.export("memory", "memory");
      m.export("memory", "memory");
    });
    fails((m) => {
      m.function("f", [], []);
      m.importFunction("env", "g", [], []);
    });
    fails((m) => {
      m.function("f", [], []);
      m.toBytes();
    });
  });
});

describe("the operand checker", () => {
  type Step = (f: FunctionBuilder, labels: ReturnType<FunctionBuilder["block"]>[]) => unknown;
  const types: ValueType[][] = [[], ["i32"], ["f32"], ["i32", "f32"]];
  const steps: Step[] = [
    (f) => f.i32Const(1),
    (f) => f.i32Const(1),
    (f) => f.f32Const(1),
    (f) => f.op("i32.add"),
    (f) => f.op("f32.mul"),
    (f) => f.op("f32.convert_i32_s"),
    (f) => f.op("i32x4.splat"),
    (f) => f.lane("i32x4.extract_lane", 1),
    (f) => f.localGet(0),
    (f) => f.localSet(0),
    (f) => f.localTee(1),
    (f) => f.drop(),
    (f) => f.select(),
    (f) => f.call(f.index),
    (f) => f.return(),
    (f) => f.unreachable(),
    (f) => f.else(),
    (f, labels) => {
      f.end();
      labels.pop();
    },
    ...types.flatMap((results): Step[] =>
      types.flatMap((params): Step[] => [
        (f, labels) => labels.push(f.block(results, params)),
        (f, labels) => labels.push(f.loop(results, params)),
        (f, labels) => labels.push(f.if(results, params)),
      ]),
    ),
    ...[1, 2, 3].flatMap((up): Step[] => [
      (f, labels) => f.br(labels.at(-up)!),
      (f, labels) => f.brIf(labels.at(-up)!),
      (f, labels) => f.brTable(labels.slice(-up), labels.at(-1)!),
    ]),
  ];

  /** Replays steps in a fresh module; undefined when the checker refuses one. */
  function replay(sequence: readonly Step[], finish: boolean): Uint8Array<ArrayBuffer> | undefined {
    const m = new ModuleBuilder();
    const f = m.function("f", ["i32", "f32"], ["i32"]);
    const labels: ReturnType<FunctionBuilder["block"]>[] = [];
    try {
      for (const step of sequence) {
        if (f.finished) return undefined;
        step(f, labels);
      }
    } catch {
      return undefined;
    }
    if (!finish) return new Uint8Array();
    while (!f.finished) {
      f.unreachable();
      if (labels.pop()?.kind === "if") f.else().unreachable();
      f.end();
    }
    return m.toBytes();
  }

  it("lets through only what the engine accepts", () => {
    let longest = 0;
    fc.assert(
      fc.property(fc.array(fc.nat(steps.length - 1), { minLength: 30, maxLength: 120 }), (choices) => {
        const accepted: Step[] = [];
        for (const choice of choices) {
          if (replay([...accepted, steps[choice]!], false)) accepted.push(steps[choice]!);
        }
        longest = Math.max(longest, accepted.length);
        const bytes = replay(accepted, true);
        expect(bytes && WebAssembly.validate(bytes)).toBe(true);
      }),
      { numRuns: 150 },
    );
    expect(longest).toBeGreaterThan(20);
  });
});
