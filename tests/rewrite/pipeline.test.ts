import { describe, expect, it } from "vitest";
import { attr } from "../../ir/attributes.ts";
import type { Operation } from "../../ir/core.ts";
import { f32 } from "../../ir/types.ts";
import { convertOps } from "../../rewrite/convert.ts";
import { defineAnalysis, definePass, type PassEnvironment, Statistics } from "../../rewrite/pass.ts";
import { parsePipeline, printPipeline, runPipeline } from "../../rewrite/pipeline.ts";
import { Diagnostics, InternalError, invariant } from "../../support/diagnostic.ts";
import { nearest } from "../../support/nearest.ts";
import * as toy from "../support/toy.ts";

let log: string[] = [];
const count = defineAnalysis("count", (op) => {
  log.push("computed");
  let n = 0;
  op.walk(() => n++);
  return n;
});
const touch = definePass("touch", { doc: "Changes.", run: (op) => void log.push(op.name) });
const look = definePass("look", {
  doc: "Looks.",
  run(op, _options, pass) {
    log.push(`${pass.analysis(count, op)}`);
    pass.count("looked");
    return false;
  },
});
const onFunc = definePass("on-func", { doc: "Runs on functions.", on: toy.func, run: (op) => void log.push(op.name) });
const tune = definePass("tune", {
  doc: "Has options.",
  options: {
    maxIterations: attr.int.default(10),
    sizes: attr.ints.default([]),
    level: attr.oneOf("cache", "register").default("cache"),
    ratio: attr.f64.default(0.5),
    fast: attr.bool.default(false),
    needed: attr.string,
  },
  run(_op, options) {
    const level: "cache" | "register" = options.level;
    log.push(JSON.stringify({ ...options, level }));
  },
});
const fails = definePass("fails", { doc: "Fails.", run: (op, _o, pass) => pass.fail(op, "cannot") });
const crashes = definePass("crashes", { doc: "Crashes.", run: () => invariant(false, "broken") });
const passes = [touch, look, onFunc, tune, fails, crashes];

function env(): PassEnvironment {
  return { context: toy.toyContext(), diagnostics: new Diagnostics() };
}
function run(text: string, root: Operation = toy.program(() => {}), statistics = new Statistics()) {
  log = [];
  const e = env();
  const pipeline = parsePipeline(text, passes, e.diagnostics);
  const ok = pipeline !== undefined && runPipeline(pipeline, root, e, { statistics });
  return { ok, diagnostics: e.diagnostics.list };
}
const faultsOf = (text: string) => {
  const diagnostics = new Diagnostics();
  expect(parsePipeline(text, passes, diagnostics)).toBeUndefined();
  return diagnostics.list.map((d) => `${d.code}@${d.at.kind === "span" ? d.at.start : "?"} ${d.help ?? ""}`.trim());
};

describe("pipelines", () => {
  it.each([
    "builtin.module(touch,look)",
    "builtin.module(toy.func(on-func,touch),look,any(touch))",
    "touch,toy.func(look)",
    "builtin.module(tune{max-iterations=3 sizes=[4,8] level=register ratio=0.25 fast=true needed=x})",
    'tune{needed="two words"}',
    "builtin.module()",
  ])("reads and prints %s", (text) => {
    const diagnostics = new Diagnostics();
    const pipeline = parsePipeline(text, passes, diagnostics);
    expect(diagnostics.list).toEqual([]);
    expect(printPipeline(pipeline!)).toBe(text);
  });

  it("takes space and defaults, and leaves defaults out when printing", () => {
    const text = " builtin.module (\n touch ,\n tune { level=cache needed=a sizes=4 } )\n";
    const pipeline = parsePipeline(text, passes, new Diagnostics())!;
    expect(printPipeline(pipeline)).toBe("builtin.module(touch,tune{sizes=4 needed=a})");
    expect(pipeline.steps[1]!.options).toMatchObject({ sizes: [4], maxIterations: 10, fast: false });
    expect(printPipeline(pipeline, 1)).toBe("builtin.module(tune{sizes=4 needed=a})");
  });

  it("reports faults at their place and says what was meant", () => {
    expect(faultsOf("builtin.module(tuch)")).toEqual(["pass/unknown@15 did you mean 'touch'?"]);
    expect(faultsOf("touch,tune{needed=a level=cash sise=1}")).toEqual([
      "pass/option@20",
      "pass/option@31 it has max-iterations, sizes, level, ratio, fast, needed",
    ]);
    expect(faultsOf("tune{needed=a max-iteration=1}")).toEqual(["pass/option@14 did you mean 'max-iterations'?"]);
    expect(faultsOf("tune")).toEqual(["pass/option@0"]);
    expect(faultsOf("builtin.module(touch")).toEqual(["pass/syntax@20"]);
    expect(faultsOf("builtin.module(touch))")).toEqual(["pass/syntax@21"]);
    expect(faultsOf("touch,,look")).toEqual(["pass/syntax@6"]);
    expect(faultsOf("builtin.module(on-func)")).toEqual(["pass/anchor@15 nest it: toy.func(on-func)"]);
  });

  it("runs steps on the ops their nesting leads to", () => {
    expect(run("builtin.module(touch,toy.func(on-func))").ok).toBe(true);
    expect(log).toEqual(["builtin.module", "toy.func"]);
    // Without any nesting a pass finds its ops, and a nest may start below the root.
    run("on-func,touch");
    expect(log).toEqual(["toy.func", "builtin.module"]);
    run("toy.func(touch)");
    expect(log).toEqual(["toy.func"]);
    const { ok, diagnostics } = run("toy.box(touch)");
    expect(ok).toBe(false);
    expect(diagnostics.map((d) => d.code)).toEqual(["pass/anchor"]);
  });

  it("keeps analyses until something changes, and counts", () => {
    const statistics = new Statistics();
    run(
      "look,look,touch,look",
      toy.program(() => {}),
      statistics,
    );
    expect(log).toEqual(["computed", "2", "2", "builtin.module", "computed", "2"]);
    expect(statistics.of("look").get("looked")).toBe(3);
  });

  it("stops after a pass that fails, and names the pass that crashes", () => {
    const { ok, diagnostics } = run("touch,fails,touch");
    expect(ok).toBe(false);
    expect(log).toHaveLength(1);
    expect(diagnostics.map((d) => d.message)).toEqual(["fails: cannot"]);
    expect(() => run("crashes")).toThrow(InternalError);
    expect(() => run("crashes")).toThrow("in pass 'crashes': broken");
  });
});

describe("nearest", () => {
  it("finds a name within a third of the word", () => {
    expect(nearest("canonicalise", ["cse", "canonicalize"])).toBe("canonicalize");
    expect(nearest("ces", ["cse", "dce"])).toBe("cse");
    expect(nearest("xyz", ["cse"])).toBeUndefined();
  });
});

describe("convertOps", () => {
  const root = () =>
    toy.program(
      (b, [a]) => {
        const s = toy.sub(b, a!, a!);
        toy.box(b, {
          types: [],
          body: (inner) => {
            toy.use(inner, [toy.sub(inner, s, a!)]);
            toy.give(inner, []);
            return undefined;
          },
        });
      },
      [f32],
    );

  it("lowers definitions before uses, and what lowerings build", () => {
    const op = root();
    const diagnostics = new Diagnostics();
    const ok = convertOps(
      op,
      {
        illegal: [toy.sub, toy.neg],
        lower(o, rw) {
          const sub = toy.sub.match(o);
          if (sub) return toy.add(rw, sub.lhs, toy.neg(rw, sub.rhs));
          const neg = toy.neg.match(o);
          return neg && toy.mul(rw, neg.operand, toy.num(rw, -1));
        },
      },
      toy.toyContext(),
      diagnostics,
    );
    expect(ok).toBe(true);
    expect(toy.lines(op)).toEqual([
      "%1 = toy.constant -1",
      "%2 = toy.mul %0, %1",
      "%3 = toy.add %0, %2",
      "toy.box",
      "  %4 = toy.constant -1",
      "  %5 = toy.mul %0, %4",
      "  %6 = toy.add %3, %5",
      "  toy.use %6",
      "  toy.give",
    ]);
  });

  it("reports what is left, each at its place, and sees circles", () => {
    const diagnostics = new Diagnostics();
    expect(convertOps(root(), { illegal: [toy.sub], lower: () => undefined }, toy.toyContext(), diagnostics)).toBe(
      false,
    );
    expect(diagnostics.list.map((d) => d.code)).toEqual(["convert/illegal", "convert/illegal"]);
    const circle = new Diagnostics();
    const again = convertOps(
      root(),
      {
        illegal: [toy.sub],
        lower(o, rw) {
          const { lhs, rhs } = toy.sub.of(o);
          return toy.sub(rw, lhs, rhs);
        },
      },
      toy.toyContext(),
      circle,
    );
    expect(again).toBe(false);
    expect(circle.list.map((d) => d.code)).toEqual(["convert/illegal", "convert/illegal"]);
  });

  it("is for whole dialects, and leaves what is partial", () => {
    const dialect = toy.toyDialect();
    const partial = new Diagnostics();
    expect(
      convertOps(root(), { illegal: [dialect], lower: () => undefined, partial: true }, toy.toyContext(), partial),
    ).toBe(true);
    const all = new Diagnostics();
    convertOps(root(), { illegal: [dialect], lower: () => undefined }, toy.toyContext(), all);
    expect(all.errorCount).toBe(6);
  });
});
