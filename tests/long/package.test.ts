/** The package as it is published: packed, put into another project's node_modules, imported, run and type-checked there. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const project = mkdtempSync(join(tmpdir(), "sluice-package-"));
const installed = join(project, "node_modules/sluice");
afterAll(() => rmSync(project, { recursive: true }));

beforeAll(() => {
  const packed = execFileSync("npm", ["pack", "--silent", "--pack-destination", project], {
    cwd: root,
    encoding: "utf8",
  });
  mkdirSync(installed, { recursive: true });
  const archive = join(project, packed.trim().split("\n").at(-1)!);
  execFileSync("tar", ["xzf", archive, "-C", installed, "--strip-components=1"]);
  // What it depends on, as npm would have installed it.
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const name of [...Object.keys(dependencies), "@types/node"]) {
    const link = join(project, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, "node_modules", name), link);
  }
  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
});

const node = (...args: string[]): string => execFileSync(process.execPath, args, { cwd: project, encoding: "utf8" });

describe("the package", () => {
  it("is imported by its three names", () => {
    const script = `
      import { compile, opt } from "sluice";
      import { defineOp } from "sluice/ir";
      import { Session } from "sluice/runtime";
      console.log(typeof compile, typeof defineOp, typeof Session.load);
      console.log(await opt("func.func @f() { return }", "canonicalize"));`;
    expect(node("--input-type=module", "-e", script)).toBe(
      "function function function\nmodule {\n  func.func @f() {\n    return\n  }\n}\n\n",
    );
  });

  it("compiles and runs a model", () => {
    const model = join(root, "examples/digits/digits.onnx");
    const script = `
      import { readFileSync } from "node:fs";
      import { compile } from "sluice";
      const session = await (await compile(readFileSync(${JSON.stringify(model)}))).load();
      console.log(session.run({ image: new Float32Array(784) }).probabilities.length);`;
    expect(node("--input-type=module", "-e", script)).toBe("10\n");
  });

  it("brings its command line", () => {
    const { bin, version } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    expect(node(join(installed, bin.sluice), "--version")).toBe(`${version}\n`);
  });

  it("has types", () => {
    writeFileSync(
      join(project, "use.ts"),
      `import { compile, type Compiled } from "sluice";
import { attr, defineOp, one, RankedTensor } from "sluice/ir";
import type { Session } from "sluice/runtime";
export const scale = defineOp("my.scale", {
  doc: "Scales.",
  operands: [one("x", RankedTensor)],
  attrs: { by: attr.f32 },
  results: [one("y", RankedTensor)],
  infer: ({ x }) => [x.type],
});
export async function load(bytes: Uint8Array): Promise<Session> {
  const compiled: Compiled = await compile(bytes, { target: "wasm-simd" });
  // @ts-expect-error there is no such option
  await compile(bytes, { taget: "wasm-simd" });
  return compiled.load();
}
`,
    );
    const options = {
      strict: true,
      module: "nodenext",
      target: "es2022",
      lib: ["es2023", "dom"],
      noEmit: true,
      types: [],
    };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["use.ts"] }));
    const { stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", project], { encoding: "utf8" });
    expect(stdout).toBe("");
  });

  it("needs Node for nothing but the command line", () => {
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const text = readFileSync(file, "utf8");
      expect(
        text.match(/(?:from|import)\s*\(?\s*"(?:node:)?(?:fs|path|module|url|os|util|process|crypto)"/g),
        file,
      ).toBeNull();
      expect(text.match(/\brequire\(\s*"/g), file).toBeNull();
      for (const m of text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) visit(join(dirname(file), m[1]!));
    };
    for (const entry of ["index.js", "ir/index.js", "runtime/session.js"]) visit(join(installed, "dist", entry));
    expect(seen.size).toBeGreaterThan(5);
  });

  it("holds nothing that users do not need", () => {
    expect(readdirSync(installed).sort()).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "dist",
      "docs",
      "package.json",
    ]);
  });
});
