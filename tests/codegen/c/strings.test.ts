/** Constants as strings of their bytes: compilers read back what was written, whatever the bytes. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { stringGuards, stringType, writeStrings } from "../../../codegen/c/strings.ts";
import { compile } from "../../../compile.ts";
import { makeGraph, makeModel, makeNode, makeTensor, makeValue } from "../../../onnx/make.ts";
import { writeModel } from "../../../onnx/write.ts";
import { ByteWriter } from "../../../support/bytes.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-strings-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const compilers = ["gcc", "clang", "clang-19", "tcc"].filter((cc) => spawnSync(cc, ["-v"]).status === 0);
const strict = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/** Every pair of bytes beside each other, so every escape in front of every character. */
const pairs = Uint8Array.from({ length: 2 * 65536 }, (_, i) => (i % 2 === 0 ? i >> 9 : i >> 1) & 255);

describe.each(compilers)("%s", (cc) => {
  it.each([
    ["shorter than a row", 36],
    ["a row", 4000],
    ["rows", 12_000],
    ["rows and a rest", pairs.length],
  ])("reads back %s", (_, length) => {
    const bytes = pairs.subarray(pairs.length - length);
    const w = new ByteWriter(1024);
    w.utf8(`#include <stdint.h>\n#include <stdio.h>\n${stringGuards.join("\n")}\n`);
    w.utf8(`static const ${stringType("x_text", "uint32_t", length / 4, length)} x_text = `);
    writeStrings(w, bytes);
    w.utf8(`;\nint main(void) { return fwrite(x_text.elements, 4, ${length / 4}, stdout) != ${length / 4}; }\n`);
    writeFileSync(join(folder, "x.c"), w.subarray());
    execFileSync(cc, [...strict, join(folder, "x.c"), "-o", join(folder, "x")], { stdio: "pipe" });
    expect(execFileSync(join(folder, "x"), { maxBuffer: 1 << 20 }).equals(bytes)).toBe(true);
  });
});

it("lines and strings are no longer than compilers must take", () => {
  const w = new ByteWriter(1024);
  writeStrings(w, pairs);
  const text = new TextDecoder().decode(w.subarray());
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(124);
});

describe("a model of more than a megabyte", () => {
  const side = 600;
  const weights = Float32Array.from({ length: side * side }, (_, i) => Math.sin(i) / 8);
  const model = writeModel(
    makeModel(
      makeGraph("g", {
        nodes: [makeNode("MatMul", ["x", "w"], ["p"]), makeNode("Add", ["p", "b"], ["y"])],
        inputs: [makeValue("x", "float32", [1, side])],
        outputs: [makeValue("y", "float32", [1, side])],
        initializers: [
          makeTensor("w", "float32", [side, side], weights),
          makeTensor("b", "float32", [side], weights.slice(0, side)),
        ],
      }),
      17,
    ),
  );

  it("has its large constants as strings, and its small ones as numbers", async () => {
    const files = await (await compile(model, { target: "c", name: "large" })).files();
    const text = new TextDecoder().decode(files.get("large_weights.c"));
    expect(text).toContain(".elements");
    expect(text).toMatch(/const float large_w\d\[600\] = \{/);
    // Smaller than as numbers, which take 12 characters or so.
    expect(text.length).toBeLessThan(side * side * 12);
  });

  it.skipIf(!compilers.includes("gcc"))("computes with them what WebAssembly does", async () => {
    const x = Float32Array.from({ length: side }, (_, i) => Math.cos(i));
    const answer = (await (await compile(model)).load()).run({ x }).y as Float32Array;
    const files = await (await compile(model, { target: "c", name: "large" })).files();
    for (const [name, content] of files) writeFileSync(join(folder, name), content);
    writeFileSync(join(folder, "x.bin"), new Uint8Array(x.buffer));
    const main = `#include <stdio.h>
#include "large.h"
static float x[${side}], y[${side}];
static union { double align[2]; uint8_t bytes[LARGE_WORKSPACE_SIZE + 32u]; } memory;
int main(void) {
  large_inputs in;
  large_outputs out;
  uint8_t *const ws = memory.bytes + (16u - (uintptr_t)memory.bytes % 16u) % 16u;
  in.x = x;
  out.y = y;
  if (fread(x, 4, ${side}, stdin) != ${side}) return 1;
  if (large_run(&in, &out, ws, LARGE_WORKSPACE_SIZE) != LARGE_OK) return 2;
  return fwrite(y, 4, ${side}, stdout) != ${side};
}
`;
    writeFileSync(join(folder, "main.c"), main);
    const sources = ["large.c", "large_weights.c", "main.c"].map((f) => join(folder, f));
    execFileSync("gcc", [...strict, "-O1", ...sources, "-o", join(folder, "large"), "-lm"], { stdio: "pipe" });
    const out = execFileSync(join(folder, "large"), { input: readFileSync(join(folder, "x.bin")) });
    const y = new Float32Array(Uint8Array.from(out).buffer);
    y.forEach((v, i) => expect(v).toBeCloseTo(answer[i]!, 4));
  });
});
