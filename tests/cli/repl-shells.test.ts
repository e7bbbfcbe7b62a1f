import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { appendHistory, readHistory } from "../../cli/repl/history.ts";
import { bundledCli } from "./sluice.ts";

const sluice = bundledCli();
const folder = mkdtempSync(join(tmpdir(), "sluice-repl-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("sluice repl < script", () => {
  it("runs inputs one after the other, without a prompt", () => {
    const script = "%0 = arith.constant 3 : i32\n%1 = arith.addi %0,\n  %0 : i32\n\n.run canonicalize\n.verify\n";
    const { code, out, err } = sluice(["repl"], script);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^%0 = 3 : i32\n%1 = 6 : i32\n4 → 4 ops, .*\nwell formed\n$/);
  });

  it("stops at the first fault, or goes on when asked to", () => {
    const script = "%0 = arith.constant 3 : i32\n%1 = arith.addi %0, %2 : i32\n%3 = arith.addi %0, %0 : i32\n";
    const stopped = sluice(["repl"], script);
    expect(stopped).toMatchObject({ code: 1, out: "%0 = 3 : i32\n" });
    expect(stopped.err).toContain("input:1:21");
    const gone = sluice(["repl", "--keep-going"], script);
    expect(gone).toMatchObject({ code: 1, out: "%0 = 3 : i32\n%3 = 6 : i32\n" });
  });

  it("begins with a file", () => {
    const file = join(folder, "f.mlir");
    writeFileSync(file, "func.func @f() -> i32 {\n  %0 = arith.constant 4 : i32\n  return %0 : i32\n}\n");
    expect(sluice(["repl", file], `.call @f()\n.save ${join(folder, "g.mlir")}`)).toMatchObject({ code: 0, err: "" });
    expect(readFileSync(join(folder, "g.mlir"), "utf8")).toContain("@f");
    expect(sluice(["repl", join(folder, "none.mlir")], "")).toMatchObject({ code: 1, out: "" });
  });

  it("ends with .exit", () => {
    expect(sluice(["repl"], ".exit\n.nonsense\n")).toEqual({ code: 0, out: "", err: "" });
  });
});

describe("sluice repl --json", () => {
  it("answers requests, also those that it does not understand", () => {
    const requests = [
      '{"id": 1, "input": "%0 = arith.constant 3 : i32"}',
      '{"id": 2, "complete": ".ru"}',
      '{"id": 3, "more": "func.func @f() {"}',
      '{"id": 4, "input": "%1 = arith.addi %0, %9 : i32"}',
      "garbage",
      "{}",
      '{"input": ".exit"}',
      '{"input": ".show"}',
    ];
    const { code, out } = sluice(["repl", "--json"], requests.join("\n"));
    const answers = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(code).toBe(0);
    expect(answers).toHaveLength(7);
    expect(answers[0]).toEqual({ id: 1, ok: true, out: "%0 = 3 : i32\n", diagnostics: [] });
    expect(answers[1]).toEqual({ id: 2, word: ".ru", candidates: [".run"] });
    expect(answers[2]).toEqual({ id: 3, more: true });
    expect(answers[3]).toMatchObject({ id: 4, ok: false, diagnostics: [{ code: "parse/undefined-name" }] });
    expect(answers[4].ok).toBe(false);
    expect(answers[5].ok).toBe(false);
  });
});

describe("history", () => {
  it("keeps entries of many lines, and survives what is no entry", () => {
    const file = join(folder, "deep", "history.jsonl");
    expect(readHistory(10, file)).toEqual([]);
    for (const entry of ["a", "b\nc", '"']) appendHistory(entry, file);
    writeFileSync(file, `${readFileSync(file, "utf8")}broken {\n3\n`);
    expect(readHistory(10, file)).toEqual(["a", "b\nc", '"']);
    expect(readHistory(2, file)).toEqual(["b\nc", '"']);
    expect(readFileSync(file, "utf8").trimEnd().split("\n")).toHaveLength(2);
  });
});
