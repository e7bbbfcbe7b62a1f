/**
 * Generated C on compilers and machines: no word from any compiler, no fault under sanitizers with blocks of exactly the
 * sizes that the header says, the same bits everywhere, and no more instructions than before. What is missing is skipped.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CArtifact } from "../../codegen/c/index.ts";
import { compileModel, targetNamed } from "../../compile.ts";
import { host, instructionsOn, m4, m55, machines, mainText, missing, runOn, strict } from "../support/machines.ts";
import { sharedPath } from "../support/shared.ts";

interface Subject {
  readonly name: string;
  readonly path: string | undefined;
  /** Instructions of an inference on a Cortex-M4, and bytes of the workspace, that are not to be exceeded. */
  readonly instructions: number;
  readonly workspace: number;
}

const subjects: readonly Subject[] = [
  {
    name: "digits",
    path: fileURLToPath(new URL("../../examples/digits/digits.onnx", import.meta.url)),
    instructions: 740_000,
    workspace: 25_120,
  },
  {
    name: "words",
    path: sharedPath("data/onnx/real/kws-micro-fp32/model.onnx"),
    instructions: 10_200_000,
    workspace: 130_176,
  },
  {
    name: "words_int8",
    path: sharedPath("data/onnx/real/kws-micro-qdq/model.onnx"),
    instructions: 7_100_000,
    workspace: 34_416,
  },
];

/**
 * Rules of MISRA C:2012 that generated C breaks, as cppcheck finds them, and how often at most. Required ones: conditions
 * are integers (10.3, 10.6), widths change in the packing of bytes (10.8), a pointer's alignment is asked (11.6), offsets
 * begin at a zero (2.2), pointers are `restrict` (8.14), and products are rounded by shifts of signed numbers, as far as numbers
 * say (10.1, 12.2, 15.6). The others are advisory: operators without brackets (12.1), casts
 * of pointers to memory (11.4, 11.5), early returns (15.5), a union for vectors (19.2), what not every build uses (2.x).
 */
const misra: Readonly<Record<string, number>> = {
  ...{ "2.2": 16, "8.14": 24, "10.3": 10, "10.6": 6, "10.8": 260, "11.6": 1 },
  ...{ "10.1": 1, "12.2": 1, "15.6": 1 },
  ...{ "2.4": 1, "2.5": 18, "2.7": 6, "11.4": 3, "11.5": 36, "12.1": 560, "15.5": 12, "19.2": 2 },
};

/** Frames of a kernel and of what calls it. */
const largestFrame = 208;

describe.each(subjects.filter((s) => s.path !== undefined))("$name in C", ({ name, path, instructions, workspace }) => {
  const root = mkdtempSync(join(tmpdir(), "sluice-machines-"));
  const artifacts = new Map<string, { readonly folder: string; readonly artifact: CArtifact }>();
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  beforeAll(async () => {
    const bytes = readFileSync(path!);
    for (const cpu of ["generic", "m4"]) {
      const options = { target: "c", name, file: `${name}.onnx`, settings: { cpu } };
      const artifact = compileModel(bytes, options) as CArtifact;
      const folder = mkdtempSync(join(root, `${cpu}-`));
      const files = await targetNamed("c", { cpu }).files(artifact);
      for (const [file, content] of files) writeFileSync(join(folder, file), content);
      writeFileSync(join(folder, "main.c"), mainText(artifact.program, 1));
      artifacts.set(cpu, { folder, artifact });
    }
  });

  describe.each(["generic", "m4"])("for %s", (cpu) => {
    let expected: string | undefined;
    const place = (): { readonly folder: string; readonly artifact: CArtifact } => artifacts.get(cpu)!;

    it.each([
      ["gcc", []],
      ["clang-19", []],
      [
        "arm-none-eabi-gcc",
        ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "--specs=picolibc.specs"],
      ],
    ] as const)("%s has nothing to say", (compiler, flags) => {
      if (spawnSync(compiler, ["--version"]).error) {
        console.log(`skipped: there is no ${compiler}`);
        return;
      }
      const { folder } = place();
      for (const file of [`${name}.c`, `${name}_weights.c`, `${name}_test.c`]) {
        const built = spawnSync(compiler, [...strict, "-O2", ...flags, "-c", file, "-o", "out.o"], {
          cwd: folder,
          encoding: "utf8",
        });
        expect(built.stderr).toBe("");
        expect(built.status).toBe(0);
      }
    });

    it("has a header for C++", () => {
      if (spawnSync("g++", ["--version"]).error) {
        console.log("skipped: there is no g++");
        return;
      }
      const built = spawnSync(
        "g++",
        ["-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-x", "c++", "-fsyntax-only", `${name}.h`],
        { cwd: place().folder, encoding: "utf8" },
      );
      expect(built.stderr.replaceAll(/.*#pragma once in main file.*/g, "")).toBe("");
      expect(built.status).toBe(0);
    });

    it.each([
      ["gcc", ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]],
      [
        "clang-19",
        [
          "-fsanitize=address,undefined,float-cast-overflow,implicit-conversion,local-bounds",
          "-fno-sanitize-recover=all",
        ],
      ],
      // What is read before it was written, of the workspace and of anything else.
      ["clang-19", ["-fsanitize=memory", "-fsanitize-memory-param-retval"]],
    ] as const)("has no fault under the sanitizers of %s (%j)", (compiler, flags) => {
      const probe = spawnSync(compiler, [...flags, "-x", "c", "-", "-o", "/dev/null"], {
        input: "int main(void) { return 0; }",
      });
      if (probe.status !== 0) {
        console.log(`skipped: ${compiler} or its sanitizers are missing`);
        return;
      }
      for (const vectors of [[], [`-D${name.toUpperCase()}_NO_SIMD`]]) {
        const machine = { name: `${compiler} sanitized`, compiler, flags: [...flags, "-g", ...vectors], runner: [] };
        expect(runOn(machine, place().folder, name, "main.c").said).toBe("");
      }
    });

    it.each(machines)("answers the same bits on $name", (machine) => {
      const tool = missing(machine);
      if (tool !== undefined) {
        console.log(`skipped: there is no ${tool}`);
        return;
      }
      const { folder } = place();
      expected ??= runOn(host, folder, name, "main.c").printed;
      expect(expected.length).toBeGreaterThan(16);
      expect(runOn(machine, folder, name, "main.c").printed).toBe(expected);
    });
  });

  it("breaks no rules of MISRA C but those that are listed", () => {
    if (spawnSync("cppcheck", ["--version"]).error) {
      console.log("skipped: there is no cppcheck");
      return;
    }
    const options = ["--std=c99", "--addon=misra", "--enable=warning,portability", "--quiet", "--template={id}"];
    const checked = spawnSync("cppcheck", [...options, `${name}.c`], {
      cwd: artifacts.get("m4")!.folder,
      encoding: "utf8",
    });
    expect(checked.status).toBe(0);
    const ids = checked.stderr.split("\n").filter((l) => l !== "");
    const found: Record<string, number> = {};
    for (const id of ids) found[id] = (found[id] ?? 0) + 1;
    console.log(`${name}: ${JSON.stringify(found)}`);
    expect(ids.length).toBeGreaterThan(0);
    const beyond = Object.entries(found).filter(([id, n]) => n > (misra[id.replace("misra-c2012-", "")] ?? 0));
    expect(beyond).toEqual([]);
  });

  it("takes no more of a Cortex-M4 than before", () => {
    const tool = missing(m4);
    if (tool !== undefined) {
      console.log(`skipped: there is no ${tool}`);
      return;
    }
    const { folder, artifact } = artifacts.get("m4")!;
    const count = instructionsOn(m4, folder, artifact.program);
    console.log(`${name}: ${count} instructions, workspace ${artifact.program.workspace} bytes`);
    expect(count).toBeGreaterThan(artifact.report.macs / 2);
    expect(count).toBeLessThanOrEqual(instructions);
    expect(artifact.program.workspace).toBeLessThanOrEqual(workspace);
    const flags = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "--specs=picolibc.specs"];
    const built = spawnSync(
      "arm-none-eabi-gcc",
      ["-std=gnu99", "-O2", "-fstack-usage", ...flags, "-c", `${name}.c`, "-o", "frames.o"],
      { cwd: folder },
    );
    expect(built.status).toBe(0);
    const frames = readFileSync(join(folder, "frames.su"), "utf8")
      .trim()
      .split("\n")
      .map((l) => Number(l.split("\t")[1]));
    expect(Math.max(...frames)).toBeLessThanOrEqual(largestFrame);
  });
});

const quantized = subjects.find((s) => s.name === "words_int8")!;

describe.skipIf(quantized.path === undefined)("words_int8 in C for m55", () => {
  const root = mkdtempSync(join(tmpdir(), "sluice-vectors-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it("multiplies vectors of bytes, with the same bits as words elsewhere", async () => {
    const tool = missing(m55);
    if (tool !== undefined) {
      console.log(`skipped: there is no ${tool}`);
      return;
    }
    const { name, path } = quantized;
    const options = { target: "c", name, file: `${name}.onnx`, settings: { cpu: "m55" } };
    const artifact = compileModel(readFileSync(path!), options) as CArtifact;
    const files = await targetNamed("c", options.settings).files(artifact);
    for (const [file, content] of files) writeFileSync(join(root, file), content);
    writeFileSync(join(root, "main.c"), mainText(artifact.program, 1));
    for (const { compiler, flags } of [host, m55]) {
      const own = flags.filter((f) => f.startsWith("-m") || f.startsWith("--specs"));
      const built = spawnSync(compiler, [...strict, "-O2", ...own, "-c", `${name}.c`, "-o", "out.o"], {
        cwd: root,
        encoding: "utf8",
      });
      expect(built.stderr).toBe("");
    }
    const [here, there] = [host, m55].map((m) => runOn(m, root, name, "main.c").printed);
    expect(there!.length).toBeGreaterThan(16);
    expect(there).toBe(here);
    const count = instructionsOn(m55, root, artifact.program);
    console.log(`${name} for m55: ${count} instructions`);
    expect(count).toBeGreaterThan(artifact.report.macs / 16);
    expect(count).toBeLessThanOrEqual(8_000_000);
  });
});

it("examples/embedded-c reads a digit on a Cortex-M4", () => {
  const tool = missing(m4);
  if (tool !== undefined) {
    console.log(`skipped: there is no ${tool}`);
    return;
  }
  const script = fileURLToPath(new URL("../../examples/embedded-c/run.mjs", import.meta.url));
  const picture = fileURLToPath(new URL("../../examples/digits/pictures/3.pgm", import.meta.url));
  const ran = spawnSync(process.execPath, [script, picture], { encoding: "utf8" });
  expect(`${ran.stdout}${ran.stderr}`).toMatch(/^This is a 3 \(\d+ %\), read in \d+ bytes of RAM\.$/m);
  expect(ran.status).toBe(0);
});
