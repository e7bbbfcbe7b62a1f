import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { readNpy } from "../../cli/npy.ts";
import { NDArray } from "../../index.ts";
import { fromNDArray } from "../../onnx/ndarray.ts";
import { writeTensorFile } from "../../onnx/values.ts";
import { bundledCli } from "./sluice.ts";

const sluice = bundledCli();
const folder = mkdtempSync(join(tmpdir(), "sluice-model-"));
afterAll(() => rmSync(folder, { recursive: true }));

const digits = "examples/digits/digits.onnx";
const picture = (n: number): string => `image=examples/digits/pictures/${n}.npy`;
const expected = JSON.parse(readFileSync("examples/digits/pictures/expected.json", "utf8")) as Record<string, number[]>;

describe("sluice check", () => {
  it("finds nothing wrong with a good model", () => {
    expect(sluice(["check", digits])).toMatchObject({ code: 0, out: `${digits}: no errors\n` });
  });

  it("says everything that is wrong", () => {
    const cut = join(folder, "cut.onnx");
    writeFileSync(cut, readFileSync(digits).subarray(0, 3000));
    const { code, out, err } = sluice(["check", cut]);
    expect(code).toBe(1);
    expect(out).toMatch(/cut\.onnx: \d+ errors?\n$/);
    expect(err).toContain("error[onnx/wire]");
    expect(sluice(["check", join(folder, "none.onnx")])).toMatchObject({ code: 1, out: "" });
  });
});

describe("sluice compile of a damaged model", () => {
  it("leaves nothing on disk", () => {
    const bytes = readFileSync(digits);
    const out = join(folder, "none");
    const half = join(folder, "half.onnx");
    writeFileSync(half, bytes.subarray(0, bytes.length >> 1));
    const before = readdirSync(folder).sort();
    expect(sluice(["compile", half, "-o", out]).code).toBe(1);
    expect(readdirSync(folder).sort()).toEqual(before);
    // A folder that cannot be filled is not left half filled: a file of the artifact's is a folder already.
    mkdirSync(join(out, "digits.weights.bin", "x"), { recursive: true });
    expect(sluice(["compile", digits, "-o", out]).code).toBe(1);
    expect(readdirSync(out)).toEqual(["digits.weights.bin"]);
    rmSync(out, { recursive: true });
  });
});

describe("sluice inspect", () => {
  it("shows what a model is made of", () => {
    const { code, out } = sluice(["inspect", digits]);
    expect(code).toBe(0);
    expect(out).toContain("image: float32[1, 1, 28, 28]");
    expect(out).toContain("9,098 in 6 tensors");
    expect(out).toMatch(/MACs +290 k/);
    expect(out).toMatch(/^ +2 {2}Conv$/m);
  });
});

describe("sluice run MODEL", () => {
  it.each(["wasm-simd", "interpreter"])("reads a digit on %s", (target) => {
    const { code, out } = sluice(["run", digits, "--target", target, "--input", picture(7)]);
    expect(code).toBe(0);
    expect(out).toMatch(/^probabilities: 1x10xf32 \[.*\], largest 0\.99\d* at 7\n$/);
  });

  it("writes outputs, and compares with what is expected", () => {
    const out = join(folder, "out");
    expect(sluice(["run", digits, "--input", picture(3), "--save", out]).code).toBe(0);
    const array = readNpy(readFileSync(join(out, "probabilities.npy")));
    expected["3"]?.forEach((p, i) => {
      expect(array.get([0, i])).toBeCloseTo(p, 5);
    });
    expect(sluice(["run", digits, "--compare", join(folder, "none")]).code).toBe(2);
    const image = readNpy(readFileSync("examples/digits/pictures/3.npy"));
    const sets = join(folder, "sets");
    const set = join(sets, "test_data_set_0");
    mkdirSync(set, { recursive: true });
    const write = (file: string, a: NDArray): void =>
      writeFileSync(join(set, file), writeTensorFile(fromNDArray("", a)));
    write("input_0.pb", image);
    write("output_0.pb", array);
    expect(sluice(["run", digits, "--compare", sets])).toMatchObject({ code: 0, out: `${set}: as expected\n` });
    write("output_0.pb", NDArray.zeros("f32", [1, 10]));
    const wrong = sluice(["run", digits, "--compare", set]);
    expect(wrong.code).toBe(1);
    expect(wrong.out).toContain("of 10 elements differ");
  });

  it("takes random inputs, the same for the same seed", () => {
    const one = sluice(["run", digits, "--input", "image=random:4"]);
    expect(one.code).toBe(0);
    expect(sluice(["run", digits, "--input", "image=random:4"]).out).toBe(one.out);
    expect(sluice(["run", digits, "--input", "image=random:5"]).out).not.toBe(one.out);
    expect(sluice(["run", digits]).err).toContain("input 'image' is not given");
  });

  it("tries vectors of 256 bits if told to, and says which code runs", () => {
    const largest = (text: string): string | undefined => /largest \S+ at (\d+)/.exec(text)?.[1];
    const plain = sluice(["run", digits, "--input", picture(2)]);
    const wide = sluice(["run", digits, "--input", picture(2), "--wide"]);
    expect(wide.code).toBe(0);
    expect(wide.err).toMatch(/^runs the variant \S+$/m);
    expect(wide.err.includes("vectors stay at 128 bits")).toBe(Number.parseInt(process.versions.v8, 10) < 13);
    expect(largest(wide.out)).toBe(largest(plain.out));
    expect(largest(wide.out)).toBe("2");
  });

  it("refuses inputs that do not fit", () => {
    expect(sluice(["run", digits, "--input", "picture=random:1"])).toMatchObject({ code: 2, out: "" });
    expect(sluice(["run", digits, "--input", "image"])).toMatchObject({ code: 2, out: "" });
    expect(sluice(["run", digits, "--target", "abacus"])).toMatchObject({ code: 2, out: "" });
  });
});

describe("sluice compile", () => {
  it("writes files that run by themselves", async () => {
    const out = join(folder, "digits");
    const { code, out: summary } = sluice(["compile", digits, "-o", out]);
    expect(code).toBe(0);
    expect(summary).toMatch(/MACs +290 k/);
    expect(readdirSync(out).sort()).toEqual([
      "digits.d.ts",
      "digits.js",
      "digits.relaxed.wasm",
      "digits.v8-12.wasm",
      "digits.wasm",
      "digits.weights.bin",
      "manifest.json",
    ]);
    const loader = (await import(pathToFileURL(join(out, "digits.js")).href)) as Record<string, unknown>;
    expect(Object.keys(loader).length).toBeGreaterThan(0);
  });

  it("prints the program at each storey", () => {
    expect(sluice(["compile", digits, "--emit", "mlir-graph"]).out).toContain('"graph.conv"');
    expect(sluice(["compile", digits, "--emit", "mlir-linalg"]).out).toContain("linalg.");
    expect(sluice(["compile", digits, "--emit", "mlir-kernel"]).out).toContain("scf.for");
    // Of the one variant that is asked for, where one is.
    const kernels = (...flags: string[]): string => sluice(["compile", digits, "--emit", "mlir-kernel", ...flags]).out;
    expect(kernels("--relaxed")).toContain("wasm.relaxed_madd");
    expect(kernels("--variants", "simd")).toBe(kernels());
    expect(sluice(["compile", digits, "--relaxed", "--print-pipeline"]).out).toContain("wasm-relaxed-madd");
    expect(sluice(["compile", digits, "--emit", "wat"]).out).toMatch(/^\(module/);
  });

  it("prints the schedules of kernels, and takes them back changed", () => {
    const file = join(folder, "schedule.json");
    const text = sluice(["compile", digits, "--emit", "schedule"]).out;
    const schedules = JSON.parse(text) as Record<
      string,
      Record<string, { tile: number[]; lanes: number; vector: number }>
    >;
    const [name, kernel] = Object.entries(schedules.v8!).find(([, k]) => k.vector >= 0 && k.tile[k.vector]! > k.lanes)!;
    kernel.tile[kernel.vector] = kernel.lanes;
    writeFileSync(file, JSON.stringify(schedules));
    const again = sluice(["compile", digits, "--emit", "schedule", "--schedule", file]);
    expect(JSON.parse(again.out)).toEqual(schedules);
    const wat = (...flags: string[]): string => sluice(["compile", digits, "--emit", "wat", ...flags]).out;
    expect(wat("--schedule", file)).not.toBe(wat());
    kernel.tile[kernel.vector] = kernel.lanes - 1;
    writeFileSync(file, JSON.stringify({ v8: { [name]: kernel, kernel0: kernel } }));
    const { code, err } = sluice(["compile", digits, "-o", join(folder, "unfit"), "--schedule", file]);
    expect(code).toBe(1);
    expect(err).toContain(
      `error[schedule/unfit]: the schedule given for ${name} on v8: tile[${kernel.vector}] is no multiple`,
    );
    expect(err).toContain('a schedule is given for "kernel0", which is no kernel');
    // What threads do together cannot be changed by numbers.
    type Together = Record<string, Record<string, { share?: number[]; team?: number[]; rows?: number }>>;
    const onGpu = JSON.parse(sluice(["compile", digits, "--target", "wgsl", "--emit", "schedule"]).out) as Together;
    const teams = Object.values(onGpu).flatMap((k) => Object.values(k).filter((s) => s.team));
    expect(teams.length).toBeGreaterThan(0);
    for (const s of teams) s.team = [3, 99];
    writeFileSync(file, JSON.stringify(onGpu));
    const bad = sluice(["compile", digits, "--target", "wgsl", "-o", join(folder, "unfit"), "--schedule", file]);
    expect(bad.code).toBe(1);
    expect(bad.err).toMatch(/error\[schedule\/unfit\]: .*: team stays \d+,\d+/);
    writeFileSync(file, '{"v9": {}}');
    expect(sluice(["compile", digits, "--schedule", file]).err).toContain('there is no machine "v9"');
  });

  it("watches passes as `sluice opt` does", () => {
    const dumps = join(folder, "dumps");
    const { code, err } = sluice([
      "compile",
      digits,
      "-o",
      join(folder, "w"),
      "--timing",
      "--verify-each",
      `--dump-dir=${dumps}`,
    ]);
    expect(code).toBe(0);
    expect(err).toMatch(/Total\n$/);
    expect(readdirSync(dumps)).toContain("00-input.mlir");
  });
});
