import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { bundledCli } from "./sluice.ts";

const sluice = bundledCli();
const folder = mkdtempSync(join(tmpdir(), "sluice-opt-"));
afterAll(() => rmSync(folder, { recursive: true }));

const square = `func.func @square(%x: i32) -> i32 {
  %c0 = arith.constant 0 : i32
  %0 = arith.addi %x, %c0 : i32
  %1 = arith.muli %0, %0 : i32
  return %1 : i32
}
`;
const simple = `module {
  func.func @square(%arg0: i32) -> i32 {
    %0 = arith.muli %arg0, %arg0 : i32
    return %0 : i32
  }
}
`;
const broken = "func.func @g(%x: i32) -> f32 {\n  return %x : i32\n}\n";

describe("sluice opt", () => {
  it("reads standard input, runs passes by their flags, prints", () => {
    expect(sluice(["opt", "--canonicalize"], square)).toEqual({ code: 0, out: simple, err: "" });
    expect(sluice(["opt", "-", "-canonicalize"], square).out).toBe(simple);
  });

  it("takes options of passes after their flag, and whole pipelines", () => {
    expect(sluice(["opt", "--canonicalize=max-iterations=3", "--cse"], square).out).toBe(simple);
    const pipeline = "--pass-pipeline=builtin.module(func.func(canonicalize{max-iterations=3}))";
    expect(sluice(["opt", pipeline], square).out).toBe(simple);
    expect(sluice(["opt", pipeline, "--cse"], square).code).toBe(2);
  });

  it("prints the pipeline it runs", () => {
    const { err } = sluice(["opt", "--cse", "--canonicalize=max-iterations=3", "--print-pipeline"], square);
    expect(err).toBe("cse,canonicalize{max-iterations=3}\n");
  });

  it("a file after a flag without a value is a file", () => {
    const path = join(folder, "square.mlir");
    writeFileSync(path, square);
    expect(sluice(["opt", "--canonicalize", path]).out).toBe(simple);
    expect(sluice(["opt", "--print-generic", path]).out).toContain('"func.func"()');
    expect(sluice(["opt", "--mlir-print-op-generic=false", path]).out).not.toContain('"func.func"()');
  });

  it("keeps the sections of a split input apart, and prints those without faults", () => {
    const { code, out, err } = sluice(
      ["opt", "--split-input-file", "--canonicalize"],
      `${square}// -----\n${broken}// -----\n${square}`,
    );
    expect(code).toBe(1);
    expect(out).toBe(`${simple}// -----\n// -----\n${simple}`);
    expect(err).toContain("error[verify/operand-type]");
    expect(err).toContain("<stdin>:9:3");
  });

  it("writes faults as people, editors and tools want them", () => {
    expect(sluice(["opt", "--error-format=line"], broken).err).toMatch(/^<stdin>:2:3: error: type of return operand 0/);
    const json = JSON.parse(sluice(["opt", "--error-format=json"], broken).err);
    expect(json).toMatchObject({ code: "verify/operand-type", at: { file: "<stdin>", line: 2, column: 3 } });
    expect(sluice(["opt", "--error-format=xml"], broken).code).toBe(2);
  });

  it("refuses unknown dialects, unless told otherwise", () => {
    const text = '"foo.bar"() : () -> ()\n';
    expect(sluice(["opt"], text).err).toContain("parse/unregistered");
    expect(sluice(["opt", "--allow-unregistered-dialect"], text).out).toBe(`module {\n  ${text}}\n`);
  });

  it("puts no module around a single op when asked", () => {
    expect(sluice(["opt", "--no-implicit-module", "--canonicalize"], square).out).toBe(
      simple.replace(/^module \{\n|^\}\n$|^ {2}/gm, ""),
    );
    expect(sluice(["opt", "--no-implicit-module"], square + square.replace("@square", "@other")).code).toBe(1);
  });

  it("checks that what is printed reads as the same program", () => {
    expect(sluice(["opt", "--verify-roundtrip"], square).code).toBe(0);
  });

  it("says which pass may be meant", () => {
    const { code, err } = sluice(["opt", "--pass-pipeline=canonicalise"], square);
    expect(code).toBe(1);
    expect(err).toContain("pass/unknown");
    expect(err).toContain("did you mean 'canonicalize'?");
    expect(sluice(["opt", "--canonicalise"], square)).toMatchObject({ code: 2 });
  });

  it("lists passes and dialects", () => {
    expect(sluice(["opt", "--list-passes"]).out).toMatch(/^canonicalize +Brings/m);
    expect(sluice(["opt", "--show-dialects"]).out).toMatch(/^arith +/m);
  });
});

describe("sluice opt -o", () => {
  it("writes the file whole, and leaves no other", () => {
    const target = join(folder, "out.mlir");
    expect(sluice(["opt", "--canonicalize", "-o", target], square)).toEqual({ code: 0, out: "", err: "" });
    expect(readFileSync(target, "utf8")).toBe(simple);
    expect(readdirSync(folder).filter((f) => f.endsWith(".tmp"))).toEqual([]);
  });

  it("leaves the file as it was when the input is at fault", () => {
    const target = join(folder, "kept.mlir");
    writeFileSync(target, "before");
    expect(sluice(["opt", "-o", target], broken).code).toBe(1);
    expect(readFileSync(target, "utf8")).toBe("before");
  });

  it("says what is wrong with a path", () => {
    const { code, err } = sluice(["opt", join(folder, "none.mlir")]);
    expect(code).toBe(1);
    expect(err).toContain("error[cli/file]");
    expect(sluice(["opt", "-o", join(folder, "none/out.mlir")], square).code).toBe(1);
    expect(existsSync(join(folder, "none"))).toBe(false);
  });
});

describe("sluice opt --verify-diagnostics", () => {
  const verifying = (text: string, ...more: string[]) => sluice(["opt", "--verify-diagnostics", ...more], text);
  const at = (comment: string, before = "", after = "") =>
    `func.func @g(%x: i32) -> f32 {\n${before}  ${comment}\n  return %x : i32\n${after}}\n`;

  it("is content when what is expected comes, at its place", () => {
    for (const text of [
      at("// expected-error@+1 {{type of return operand 0 ('i32')}}"),
      at("// expected-error @below {{return operand}}", "  // another comment\n"),
      at("", "", "  // expected-error@-1 {{return operand}}\n"),
      at("", "", "  // expected-error@above {{return operand}}\n"),
      at("// expected-error-re@+1 {{operand {{[0-9]+}} ('i{{.*}}') doesn't match}}"),
    ]) {
      expect(verifying(text), text).toMatchObject({ code: 0, err: "" });
    }
  });

  it("tells what came in vain or unexpectedly", () => {
    const elsewhere = verifying(at("// expected-error {{return operand}}"));
    expect(elsewhere.code).toBe(1);
    expect(elsewhere.err).toContain("unexpected error: type of return operand");
    expect(elsewhere.err).toContain('expected error "return operand" was not produced');
    expect(verifying(square.replace("%c0 =", "// expected-warning@+1 {{x}}\n%c0 =")).code).toBe(1);
    expect(verifying(broken).code).toBe(1);
    expect(
      verifying(broken.replace("i32)", "i32) // expected-error@+1 {{no such thing}}\n"), "--split-input-file").code,
    ).toBe(1);
  });

  it("looks at each section by itself", () => {
    const expecting = at("// expected-error@+1 {{return operand}}");
    expect(verifying(`${expecting}// -----\n${square}// -----\n${expecting}`, "--split-input-file")).toMatchObject({
      code: 0,
      err: "",
    });
    const one = sluice(
      ["opt", "--verify-diagnostics=only-expected", "--split-input-file"],
      `${expecting}// -----\n${broken}`,
    );
    expect(one.code).toBe(0);
  });
});
