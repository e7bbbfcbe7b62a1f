import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { ReplHost } from "../../cli/repl/command.ts";
import { Repl } from "../../cli/repl/engine.ts";
import { totalOps } from "../../cli/repl/session.ts";
import { Diagnostics, verify } from "../../index.ts";

const files = new Map<string, string>();
const host: ReplHost = {
  color: false,
  readFile(path) {
    const text = files.get(path);
    if (text === undefined) throw new Error(`no ${path}`);
    return new TextEncoder().encode(text);
  },
  writeFile: (path, content) => void files.set(path, content),
  listFiles: (prefix) => [...files.keys()].filter((f) => f.startsWith(prefix)),
};

let repl: Repl;
beforeEach(async () => {
  repl = await Repl.create(host);
});

/** What an input answers; it must be right. */
const say = async (input: string): Promise<string> => {
  const { ok, out, diagnostics, fault } = await repl.handle(input);
  expect({ ok, diagnostics, fault }, input).toMatchObject({ ok: true, fault: undefined });
  return out;
};
/** The code and the place of what is wrong with an input, which must change nothing. */
const fault = async (
  input: string,
): Promise<{ code: string | undefined; at: string | undefined; help: string | undefined }> => {
  const before = repl.state;
  const reply = await repl.handle(input);
  expect(reply.ok, input).toBe(false);
  expect(reply.fault).toBeUndefined();
  expect(repl.state).toBe(before);
  const [first] = reply.diagnostics;
  const at = first?.at;
  const place = at?.kind === "span" ? Object.values(at.source.position(at.start)).join(":") : undefined;
  return { code: first?.code, at: place, help: first?.help };
};

const square = "func.func @square(%a: i32) -> i32 {\n  %0 = arith.muli %a, %a : i32\n  return %0 : i32\n}";

describe("ops at the prompt", () => {
  it("are run, and keep their values", async () => {
    expect(await say("%0 = arith.constant 3 : i32")).toBe("%0 = 3 : i32\n");
    expect(await say("%x = arith.addi %0, %0 : i32")).toBe("%x = 6 : i32\n");
    expect(await say("%r:2 = arith.addui_extended %x, %0 : i32, i1")).toBe("%r#0 = 9 : i32\n%r#1 = false\n");
    expect(await say("%y = arith.addi %r#0, %x : i32")).toBe("%y = 15 : i32\n");
    expect(await say("arith.constant 4 : index")).toBe("4 : index\n");
  });

  it("may be several at once, with regions, and print", async () => {
    await say("%n = arith.constant 4 : index");
    const out = await say(`%c0 = arith.constant 0 : index
%c1 = arith.constant 1 : index
%sum = scf.for %i = %c0 to %n step %c1 iter_args(%s = %c0) -> (index) {
  vector.print %i : index
  %t = arith.addi %s, %i : index
  scf.yield %t : index
}`);
    expect(out).toBe("0\n1\n2\n3\n%c0 = 0 : index\n%c1 = 1 : index\n%sum = 6 : index\n");
  });

  it("share memory", async () => {
    await say("%m = memref.alloc() : memref<2xi32>");
    await say("%i = arith.constant 1 : index");
    await say("%v = arith.constant 7 : i32");
    await say("memref.store %v, %m[%i] : memref<2xi32>");
    expect(await say("%w = memref.load %m[%i] : memref<2xi32>")).toBe("%w = 7 : i32\n");
  });

  it("call functions of the program", async () => {
    await say(square);
    await say("%a = arith.constant 5 : i32");
    expect(await say("%b = func.call @square(%a) : (i32) -> i32")).toBe("%b = 25 : i32\n");
  });

  it("stand in a function that returns their values, so that passes keep them", async () => {
    await say("%a = arith.constant 5 : i32");
    await say("%b = arith.addi %a, %a : i32");
    await say(".run canonicalize");
    expect(await say(".show")).toContain("%b = arith.constant 10 : i32");
    expect(await say("%c = arith.muli %b, %a : i32")).toBe("%c = 50 : i32\n");
    expect(await say(".show")).toContain("return %a, %b, %c : i32, i32, i32");
  });

  it("may define a name anew that they do not use", async () => {
    await say("%a = arith.constant 5 : i32");
    expect(await say("%a = arith.constant 2.5 : f32")).toBe("%a = 2.500000e+00 : f32\n");
    expect(await say(".type %a")).toBe("f32\n");
    expect((await fault("%a = arith.addf %a, %a : f32")).code).toBe("parse/redefinition");
  });

  it("that have no meaning are added, but not run", async () => {
    await say(".set unregistered on");
    expect(await say('%a = "foo.bar"() : () -> i32')).toBe("%a = (not run) : i32\n");
    expect(await say("%b = arith.addi %a, %a : i32")).toBe("%b = (not run) : i32\n");
    expect(await say("%c = arith.constant 1 : i32")).toBe("%c = 1 : i32\n");
  });

  it("are forgotten when their function is no more what it was", async () => {
    await say("%a = arith.constant 5 : i32");
    await say("func.func @_() {\n  return\n}");
    expect(await say("%b = arith.constant 6 : i32")).toBe(
      "forgot %a: passes have changed the function that held them\n%b = 6 : i32\n",
    );
    expect((await fault("%c = arith.addi %a, %b : i32")).code).toBe("parse/undefined-name");
  });
});

describe("faults", () => {
  it("have their place in what was typed, and change nothing", async () => {
    await say("%x = arith.constant 3 : i32");
    expect(await fault("%y = arith.addi %x, %nix : i32")).toMatchObject({ code: "parse/undefined-name", at: "1:21" });
    expect(await fault("%y = arith.addi %x, %x : f32")).toMatchObject({ at: "1:6" });
    expect(await fault("\n  arith.addj %x, %x : i32")).toMatchObject({ code: "parse/unknown-op", at: "2:3" });
    expect(await fault("func.func @f() -> i32 {\n  return\n}")).toMatchObject({ code: "verify/operands", at: "2:3" });
    const zero = "%z = arith.constant 0 : i32\n%q = arith.divsi %x, %z : i32";
    expect(await fault(zero)).toMatchObject({ code: "run/fault", at: "2:6" });
    expect(await say("%y = arith.addi %x, %x : i32")).toBe("%y = 6 : i32\n");
  });

  it("brackets and blocks that have no place at the prompt", async () => {
    expect((await fault("}\nfunc.func @g() {")).code).toBe("parse/syntax");
    expect((await fault("cf.br ^bb1\n^bb1:")).code).toBeDefined();
    expect((await fault("return")).code).toBeDefined();
  });

  it("programs that never end are stopped", async () => {
    await say(".set steps 1000");
    const forever = "scf.while : () -> () {\n  %t = arith.constant true\n  scf.condition(%t)\n} do {\n  scf.yield\n}";
    expect((await fault(forever)).code).toBe("run/fault");
  });

  it("whatever is typed, the program stays well formed and nothing is thrown", async () => {
    const bits = [
      "%a",
      "%0",
      "=",
      "arith.addi",
      "arith.constant",
      "3",
      ":",
      "i32",
      "{",
      "}",
      "(",
      ")",
      "@f",
      "func.func",
      "return",
    ];
    const token = fc.oneof(fc.constantFrom(...bits, ".undo", ".run cse", "\n", ","), fc.string({ maxLength: 4 }));
    await fc.assert(
      fc.asyncProperty(fc.array(token, { maxLength: 12 }), async (tokens) => {
        const reply = await repl.handle(tokens.join(" "));
        expect(reply.fault).toBeUndefined();
        expect(verify(repl.module, new Diagnostics())).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe("programs", () => {
  it("functions are added, and replaced by others of their name", async () => {
    expect(await say(square)).toBe("");
    expect(await say(".call @square(7)")).toBe("49 : i32\n");
    expect(await say(square.replace("muli", "addi"))).toBe("replaced @square\n");
    expect(await say(".call @square(7)")).toBe("14 : i32\n");
  });

  it("modules give what stands in them", async () => {
    await say(`module attributes {test.note} {\n${square}\n}`);
    expect(await say(".show")).toContain("module attributes {test.note}");
    await say(`module {\n${square.replace("@square", "@other")}\n}`);
    expect(await say(".call @other(3)")).toBe("9 : i32\n");
    expect(await say(".call @square(3)")).toBe("9 : i32\n");
  });

  it("aliases are known from then on", async () => {
    await say("#next = affine_map<(d0) -> (d0 + 1)>");
    await say("%i = arith.constant 4 : index");
    expect(await say("%j = affine.apply #next(%i)")).toBe("%j = 5 : index\n");
    await say("func.func @f(%i: index) -> index {\n  %0 = affine.apply #next(%i)\n  return %0 : index\n}");
    expect(await fault("%k = affine.apply #next(%nix)")).toMatchObject({ at: "1:25" });
    expect(await fault("#bad = affine_map<(d0) -> (d1)>")).toMatchObject({ code: "parse/undefined-name" });
  });
});

describe("commands", () => {
  it("may be abbreviated, and begin with a colon", async () => {
    await say(square);
    expect(await say(":call @square(2)")).toBe("4 : i32\n");
    expect(await say(".ca @square(2)")).toBe("4 : i32\n");
    expect((await fault(".s")).help).toContain("more");
    expect((await fault(".shwo")).help).toBe("did you mean '.show'?");
  });

  it("every one has help, and unknown ones have none", async () => {
    const list = await say(".help");
    for (const c of repl.groups.flatMap((g) => g.commands)) {
      expect(list).toContain(`.${c.name}`);
      expect(await say(`.help ${c.name}`)).toContain(c.summary);
    }
    expect((await fault(".help nothing")).code).toBe("cli/usage");
  });

  it(".load, .save, .reload, .new", async () => {
    files.set("a.mlir", square);
    expect(await say(".load a.mlir")).toBe("3 ops\n");
    expect(await say(".call @square(2)")).toBe("4 : i32\n");
    await say(".save b.mlir");
    expect(files.get("b.mlir")).toContain("func.func @square");
    files.set("a.mlir", square.replace("muli", "subi"));
    await say(".reload");
    expect(await say(".call @square(2)")).toBe("0 : i32\n");
    files.set("bad.mlir", "func.func @f( {");
    expect(await fault(".load bad.mlir")).toMatchObject({ code: "parse/syntax", at: "1:14" });
    await say(".new");
    expect(totalOps(repl.module)).toBe(0);
  });

  it(".run changes the program, or says that nothing has changed; .undo and .redo go back and forth", async () => {
    await say(
      "func.func @f(%x: i32) -> i32 {\n%c = arith.constant 0 : i32\n%0 = arith.addi %x, %c : i32\nreturn %0 : i32\n}",
    );
    expect(await say(".run canonicalize")).toMatch(/^4 → 2 ops, /);
    expect(await say(".run --canonicalize --cse")).toMatch(/^nothing changed, /);
    expect(await say(".ops")).toMatch(/2 {2}in all/);
    expect(await say(".undo 2")).toContain("func.func @f");
    expect(totalOps(repl.module)).toBe(4);
    expect(await say(".redo")).toContain("run canonicalize");
    expect(totalOps(repl.module)).toBe(2);
    expect(await say(".undo 99")).toBe("at 0: new\n");
    expect(await say(".undo")).toBe("there is nothing to undo\n");
    expect(await fault(".run canonicalise")).toMatchObject({
      code: "pass/unknown",
      help: "did you mean 'canonicalize'?",
    });
    expect((await fault(".run")).code).toBe("cli/usage");
  });

  it(".diff, .history, .mark, .goto, .pipeline", async () => {
    await say(square.replace("return %0", "%1 = arith.muli %a, %a : i32\n  return %0"));
    await say(".mark start");
    await say(".run builtin.module(cse)");
    expect(await say(".diff")).toContain("-    %1 = arith.muli");
    await say(".run builtin.module(func.func(canonicalize))");
    expect(await say(".pipeline")).toBe("--pass-pipeline='builtin.module(cse,func.func(canonicalize))'\n");
    expect(await say(".diff start")).toContain("-    %1 = arith.muli");
    expect(await say(".diff 2 3")).toBe("nothing changed\n");
    expect(await say(".history")).toMatch(/ {3}1 .*\[start\]\n.*run builtin\.module\(cse\)\n→ {3}3/);
    expect(await say(".goto start")).toMatch(/^at 1/);
    expect(await say(".goto 3")).toMatch(/^at 3/);
    expect((await fault(".goto nowhere")).code).toBe("cli/usage");
  });

  it("a new step after .undo forgets what was undone", async () => {
    await say(square);
    await say(".mark here");
    await say(".undo");
    await say("%0 = arith.constant 1 : i32");
    expect(await say(".redo")).toBe("there is nothing to redo\n");
    expect((await fault(".goto here")).code).toBe("cli/usage");
  });

  it(".type, .uses, .find", async () => {
    await say(square);
    await say("%v = arith.constant 2.0 : f32");
    expect(await say(".type %v")).toBe("f32\n");
    expect(await say(".type @square %a")).toBe("i32  in @square\n");
    expect(await say(".type @square")).toBe("func.func @square(%a: i32) -> i32 { … }\n");
    expect(await say(".uses %a")).toBe("%a in @square: argument 0 : i32\n  %0 = arith.muli %a, %a : i32\n");
    expect(await say(".find arith.*")).toBe(
      "@square: %0 = arith.muli %a, %a : i32\n@_: %v = arith.constant 2.000000e+00 : f32\n2 ops\n",
    );
    expect((await fault(".type %nix")).code).toBe("cli/usage");
  });

  it(".doc, .dialects, .passes", async () => {
    expect(await say(".doc arith.addi")).toContain("Integer addition");
    expect(await say(".doc addi")).toContain("`arith.addi`");
    expect(await say(".doc canonicalize")).toContain("max-iterations");
    expect(await say(".doc verify/dominance")).toContain("verify/dominance");
    expect(await fault(".doc arith.adi")).toMatchObject({ help: "did you mean 'arith.addi'?" });
    expect(await say(".dialects scf")).toMatch(/^scf\.for +/m);
    expect(await say(".passes dominates")).toMatch(/^cse .*\n$/);
  });

  it(".verify, .generic, .set, .time, .exit", async () => {
    await say(square);
    expect(await say(".verify")).toBe("well formed\n");
    expect(await say(".generic @square")).toContain('"func.func"()');
    await say(".set generic on");
    expect(await say(".show")).toContain('"builtin.module"()');
    expect((await fault(".set generic maybe")).code).toBe("cli/usage");
    expect((await fault(".set genric on")).help).toBe("did you mean 'generic'?");
    expect(await say(".time @square(3)")).toMatch(/median of \d+ calls/);
    expect((await fault(".time")).code).toBe("cli/usage");
    expect(await say(".time canonicalize,cse")).toMatch(/canonicalize\n.*cse\n.*in all/);
    expect(await say(".time")).toMatch(/canonicalize\n.*cse\n.*in all/);
    expect((await repl.handle(".exit")).exit).toBe(true);
  });

  it(".call wants the arguments that the function takes", async () => {
    await say(square);
    await say("%v = arith.constant 9 : i32");
    await say("%f = arith.constant 9.0 : f32");
    expect(await say(".call @square(%v)")).toBe("81 : i32\n");
    for (const wrong of [".call @square()", ".call @square(1.5)", ".call @square(%f)", ".call @squar(1)", ".call"]) {
      expect((await fault(wrong)).code, wrong).toMatch(/run\/arguments|cli\/usage/);
    }
    expect((await fault(".call @square(%nix)")).code).toBe("cli/usage");
  });
});

describe("completion", () => {
  const of = (line: string) => repl.complete(line);

  it("of what the lines above have named, in an input that is not complete", () => {
    const above = "func.func @foo(%alpha: i32) -> i32 {\n  %beta = arith.addi %alpha, %alpha : i32\n^done:";
    const inside = (line: string) => repl.complete(line, above).candidates;
    expect(inside("  return %b")).toEqual(["%beta"]);
    expect(inside("  %gamma = arith.addi %a")).toEqual(["%alpha"]);
    expect(inside("  call @f")).toEqual(["@foo"]);
    expect(inside("  cf.br ^d")).toEqual(["^done"]);
    expect(inside("  %x = arith.mulsi_e")).toEqual(["arith.mulsi_extended"]);
    expect(inside("  return %beta : i3")).toEqual(["i32"]);
  });

  it("of commands and what they take", async () => {
    expect(of(".ru")).toEqual({ word: ".ru", candidates: [".run"] });
    expect(of(":undo").candidates).toEqual([":undo"]);
    expect(of(".run canon").candidates).toEqual(["canonicalize"]);
    expect(of(".run canonicalize,cs").candidates).toEqual(["cse"]);
    expect(of(".run --cs").candidates).toEqual(["--cse"]);
    expect(of(".doc arith.addi").candidates).toContain("arith.addi");
    expect(of(".set gen").candidates).toEqual(["generic"]);
    expect(of(".nothing x").candidates).toEqual([]);
    files.set("a.mlir", "");
    expect(of(".load a.").candidates).toEqual(["a.mlir"]);
  });

  it("of ops, types, values, symbols", async () => {
    await say(square);
    await say("%value = arith.constant 9 : i32");
    expect(of("%1 = arith.addi_").candidates).toEqual([]);
    expect(of("%1 = arith.mul").candidates).toEqual(expect.arrayContaining(["arith.muli", "arith.mulf"]));
    expect(of("arith.mulf %va")).toEqual({ word: "%va", candidates: ["%value"] });
    expect(of("%1 = arith.muli %value, %value : i3").candidates).toEqual(["i32"]);
    expect(of("func.call @sq").candidates).toEqual(["@square"]);
    expect(of(".call @sq").candidates).toEqual(["@square"]);
  });
});
