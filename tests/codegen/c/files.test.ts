/** The files of the target c: what they say, that compilers take them without a word, and that they check themselves. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shortDigits, singleText } from "../../../codegen/c/types.ts";
import { type CompileOptions, compile } from "../../../compile.ts";
import { CompileError } from "../../../support/diagnostic.ts";

const model = readFileSync(fileURLToPath(new URL("../../../examples/digits/digits.onnx", import.meta.url)));
const hasCompiler = spawnSync("gcc", ["--version"]).status === 0;

const strict =
  "-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Wstrict-prototypes -Wmissing-prototypes -Wdouble-promotion -Wfloat-conversion -Wcast-align -Wcast-qual -Wvla -Werror".split(
    " ",
  );

const folder = mkdtempSync(join(tmpdir(), "sluice-c-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function filesOf(settings: Record<string, string>, name = "digits"): Promise<ReadonlyMap<string, Uint8Array>> {
  const options: CompileOptions = { target: "c", file: "digits.onnx", name, settings };
  return (await compile(model, options)).files();
}

function write(where: string, files: ReadonlyMap<string, Uint8Array>): string[] {
  for (const [name, content] of files) writeFileSync(join(where, name), content);
  return [...files.keys()].filter((n) => n.endsWith(".c"));
}

describe("the folder", () => {
  let files: ReadonlyMap<string, Uint8Array>;
  const text = (name: string): string => new TextDecoder().decode(files.get(name));
  beforeAll(async () => {
    files = await filesOf({});
  });

  it("holds code, weights, a test, build files and a report", () => {
    expect([...files.keys()].sort()).toEqual([
      "CMakeLists.txt",
      "digits.c",
      "digits.h",
      "digits.mk",
      "digits_report.json",
      "digits_report.txt",
      "digits_test.c",
      "digits_weights.c",
      "library.json",
    ]);
  });

  it("asks for no heap, no output, and keeps no state", () => {
    const code = text("digits.c").replace(/\/\*[\s\S]*?\*\//g, "");
    expect(code).not.toMatch(/\b(malloc|calloc|free|printf|errno|goto|setjmp)\b/);
    expect(code.match(/^static (?!inline|void|const)/gm)).toBeNull();
    expect([...code.matchAll(/#include (.*)/g)].map((m) => m[1]).sort()).toEqual(['"digits.h"', "<math.h>"]);
  });

  it("says in its header how much memory a run takes", () => {
    const report = JSON.parse(text("digits_report.json")) as { workspace: number; macs: number; constants: number };
    expect(text("digits.h")).toContain(`#define DIGITS_WORKSPACE_SIZE ${report.workspace}u`);
    expect(report.macs).toBe(290080);
    expect(text("digits_report.txt")).toContain("290,080");
    expect(text("digits.h")).toContain("#define DIGITS_INPUT_IMAGE_DIMS {1, 1, 28, 28}");
  });

  it("says which buffers live at each layer, and no more of them than the workspace has", () => {
    const report = JSON.parse(text("digits_report.json")) as {
      workspace: number;
      layers: { live: { offset: number; bytes: number }[]; liveBytes: number }[];
    };
    for (const { live, liveBytes } of report.layers) {
      expect(liveBytes).toBeLessThanOrEqual(report.workspace);
      expect(Math.max(0, ...live.map((b) => b.offset + b.bytes))).toBeLessThanOrEqual(report.workspace);
      // Without --cpu buffers do not overlap.
      expect(liveBytes).toBe(live.reduce((n, b) => n + b.bytes, 0));
    }
    expect(Math.max(...report.layers.map((l) => l.liveBytes))).toBeGreaterThan(report.workspace * 0.9);
  });

  it("is the same for the same model", async () => {
    expect(await filesOf({})).toEqual(files);
  });
});

describe.skipIf(!hasCompiler)("gcc, with all warnings as errors and sanitizers", () => {
  const build = (files: ReadonlyMap<string, Uint8Array>, name: string, ...flags: string[]): string => {
    const sources = write(folder, files).map((f) => join(folder, f));
    const program = join(folder, name);
    const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    execFileSync("gcc", [...strict, "-O1", ...sanitizers, ...flags, ...sources, "-o", program, "-lm"], {
      stdio: "pipe",
    });
    return program;
  };

  it.each([
    ["with vector types", {}, []],
    ["in plain C99", {}, ["-DDIGITS_NO_SIMD"]],
    ["for a machine without vectors", { cpu: "m4" }, []],
    ["with small code", { cpu: "m4", opt: "size" }, []],
    ["in little memory", { cpu: "m4", opt: "ram" }, []],
    ["in little memory, with vectors", { opt: "ram" }, []],
    ["with inputs and outputs in the workspace", { "in-place-io": "yes" }, []],
    ["with all in the workspace, in little memory", { cpu: "m4", opt: "ram", "in-place-io": "yes" }, []],
    ["with channels last", { io: "nhwc" }, []],
    ["for wider vectors than the flags allow", { cpu: "x86-64-v4" }, []],
  ])("builds what checks itself, %s", async (_what, settings, flags) => {
    const program = build(await filesOf(settings as Record<string, string>), "t", ...flags);
    expect(spawnSync(program).status).toBe(0);
  });

  it("makes less code if that is asked for", async () => {
    const [speed, size] = await Promise.all(
      ["speed", "size"].map(async (opt) => {
        const object = join(folder, `${opt}.o`);
        write(folder, await filesOf({ cpu: "m4", opt }));
        execFileSync("gcc", ["-std=c99", "-O2", "-c", join(folder, "digits.c"), "-o", object]);
        return Number(/^ *(\d+)/m.exec(execFileSync("size", [object], { encoding: "utf8" }).split("\n")[1]!)![1]);
      }),
    );
    expect(size!).toBeLessThan(speed! * 0.85);
  });

  it("takes weights from a file, and refuses one that is not its own", async () => {
    const program = build(await filesOf({ weights: "bin" }), "t");
    expect(spawnSync(program, { cwd: folder }).status).toBe(0);
  });

  it("takes weights from a file where inputs and outputs lie in the workspace", async () => {
    const files = await filesOf({ weights: "bin", "in-place-io": "yes" });
    expect(spawnSync(build(files, "t"), { cwd: folder }).status).toBe(0);
  });

  it("reads and writes the workspace as the model does its inputs and outputs", async () => {
    const code = [
      ...write(folder, await filesOf({ cpu: "m4" }, "apart")),
      ...write(folder, await filesOf({ cpu: "m4", "in-place-io": "yes" }, "within")),
    ].filter((f) => !f.endsWith("_test.c"));
    const main = `#include "apart.h"
#include "within.h"
#include <string.h>
static union { double align; uint8_t bytes[APART_WORKSPACE_SIZE]; } a;
static union { double align; uint8_t bytes[WITHIN_WORKSPACE_SIZE]; } b;
static float image[APART_INPUT_IMAGE_LEN], scores[APART_OUTPUT_PROBABILITIES_LEN];
int main(void) {
  const apart_inputs in = { image };
  const apart_outputs out = { scores };
  for (size_t i = 0; i < APART_INPUT_IMAGE_LEN; i++)
    image[i] = WITHIN_INPUT_IMAGE(b.bytes)[i] = (float)(int)(i % 23u) / 22.0f;
  if (apart_run(&in, &out, a.bytes, sizeof a.bytes) != APART_OK) return 1;
  if (within_run(b.bytes, sizeof b.bytes) != WITHIN_OK) return 2;
  return memcmp(scores, WITHIN_OUTPUT_PROBABILITIES(b.bytes), sizeof scores) == 0 ? 0 : 3;
}
`;
    writeFileSync(join(folder, "main.c"), main);
    const sources = [...code, "main.c"].map((f) => join(folder, f));
    const flags = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    execFileSync("gcc", [...strict, ...flags, ...sources, "-o", join(folder, "both"), "-lm"], { stdio: "pipe" });
    expect(spawnSync(join(folder, "both")).status).toBe(0);
  });

  it("puts code and weights where the build wants them", async () => {
    write(folder, await filesOf({ cpu: "m4" }));
    const sectionsOf = (file: string, hook: string, section: string): string => {
      const object = join(folder, "hooked.o");
      const place = `-D${hook}=__attribute__((section("${section}")))`;
      execFileSync("gcc", [...strict, "-O2", place, "-c", join(folder, file), "-o", object], { stdio: "pipe" });
      return execFileSync("size", ["-A", object], { encoding: "utf8" });
    };
    const sizeOf = (table: string, section: string): number =>
      Number(new RegExp(`^\\${section} +(\\d+)`, "m").exec(table)?.[1] ?? 0);
    const code = sectionsOf("digits.c", "DIGITS_CODE_ATTR", ".itcm");
    expect(sizeOf(code, ".itcm")).toBeGreaterThan(1000);
    expect(sizeOf(code, ".text")).toBeLessThan(100);
    const weights = sectionsOf("digits_weights.c", "DIGITS_CONST_ATTR", ".qspi");
    expect(sizeOf(weights, ".qspi")).toBeGreaterThan(10000);
    expect(sizeOf(weights, ".rodata")).toBe(0);
  });

  it.skipIf(spawnSync("make", ["--version"]).status !== 0)("is built by the fragment for make", async () => {
    const where = mkdtempSync(join(folder, "make-"));
    write(where, await filesOf({ cpu: "m4", opt: "size" }));
    const rule = "check: digits_test.c $(DIGITS_OBJECTS)\n\t$(CC) -o $@ $^ -lm\n";
    writeFileSync(join(where, "Makefile"), `include digits.mk\n${rule}`);
    execFileSync("make", ["check"], { cwd: where, stdio: "pipe" });
    expect(spawnSync(join(where, "check")).status).toBe(0);
  });

  it.skipIf(spawnSync("cmake", ["--version"]).status !== 0)("is built by CMake", async () => {
    const where = mkdtempSync(join(folder, "cmake-"));
    write(where, await filesOf({ "in-place-io": "yes" }));
    execFileSync("cmake", ["-S", ".", "-B", "build"], { cwd: where, stdio: "pipe" });
    execFileSync("cmake", ["--build", "build", "--target", "digits_test"], { cwd: where, stdio: "pipe" });
    expect(spawnSync(join(where, "build", "digits_test")).status).toBe(0);
  });

  it("is a library of PlatformIO without its test", async () => {
    const text = new TextDecoder().decode((await filesOf({ opt: "size" })).get("library.json"));
    const library = JSON.parse(text) as { readonly build: { readonly srcFilter: string[]; readonly flags: string[] } };
    expect(library).toMatchObject({ name: "digits", frameworks: "*", platforms: "*" });
    expect(library.build.srcFilter).toEqual(["+<*.c>", "-<digits_test.c>"]);
    expect(library.build.flags).toContain("-Os");
  });

  it("links two models together", async () => {
    const sources = [...write(folder, await filesOf({}, "one")), ...write(folder, await filesOf({}, "two"))]
      .filter((f) => !f.endsWith("_test.c"))
      .map((f) => join(folder, f));
    const main = join(folder, "main.c");
    writeFileSync(
      main,
      '#include "one.h"\n#include "two.h"\nint main(void) {\n  return one_run(NULL, NULL, NULL, 0) == ONE_E_NULL && two_run(NULL, NULL, NULL, 0) == TWO_E_NULL ? 0 : 1;\n}\n',
    );
    execFileSync("gcc", [...strict, main, ...sources, "-o", join(folder, "both"), "-lm"], { stdio: "pipe" });
    expect(spawnSync(join(folder, "both")).status).toBe(0);
  });
});

describe("settings", () => {
  it("are refused all at once when the target has no such", async () => {
    const error = await filesOf({ cpu: "m44", heap: "1" }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CompileError);
    expect((error as CompileError).diagnostics.map((d) => d.code)).toEqual(["cli/usage", "cli/usage"]);
    expect((error as CompileError).diagnostics[0]!.help).toBe('did you mean "m4"?');
  });
});

describe("numbers as text", () => {
  it("read back as the same f32", () => {
    let state = 1;
    for (let i = 0; i < 20000; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const x = new Float32Array(new Uint32Array([state & 0x7fffffff]).buffer)[0]!;
      if (!Number.isFinite(x)) continue;
      expect(Math.fround(Number(singleText(x)))).toBe(x);
    }
  });

  it("are short", () => {
    expect(singleText(0.5)).toBe("0.5");
    expect(singleText(Math.fround(0.1))).toBe("0.1");
    expect(singleText(3)).toBe("3.0");
    expect(shortDigits(Number.POSITIVE_INFINITY)).toBeUndefined();
  });
});
