/** Threads in a real browser: pages that are isolated from other origins, and one that is not. */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Compiled, compile } from "../../compile.ts";
import { Session } from "../../runtime/session.ts";

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (path) => path !== undefined && existsSync(path),
);

const types: Readonly<Record<string, string>> = { js: "text/javascript", wasm: "application/wasm" };

/** Serves files from memory; `/isolated/` with the headers that isolate a page, `/plain/` without. */
function serve(files: ReadonlyMap<string, Uint8Array>): Server {
  return createServer((request, response) => {
    const [, kind, name = ""] = (request.url ?? "").split("/");
    const content = name === "" ? "<!doctype html><title>threads</title>" : files.get(name);
    if (kind === "isolated") {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    response.setHeader("Content-Type", types[name.split(".").at(-1)!] ?? "text/html");
    response.statusCode = content === undefined ? 404 : 200;
    response.end(content);
  });
}

describe.skipIf(executablePath === undefined)("threads in a browser (needs chromium)", () => {
  const image = Float32Array.from({ length: 784 }, (_, i) => Math.sin(i) ** 2);
  let compiled: Compiled;
  let server: Server;
  let browser: Browser;

  beforeAll(async () => {
    const bytes = readFileSync("examples/digits/digits.onnx");
    compiled = await compile(bytes, { file: "digits.onnx", target: "wasm-threads" });
    server = serve(await compiled.files());
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    browser = await chromium.launch({ executablePath: executablePath!, args: ["--no-sandbox"] });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  /** Loads the model in a page with two threads, runs it some times, and answers what it said. */
  async function inPage(kind: "isolated" | "plain"): Promise<{
    readonly isolated: boolean;
    readonly variant: string;
    readonly answers: number[][];
    readonly warnings: string[];
  }> {
    const page = await browser.newPage();
    const warnings: string[] = [];
    page.on("console", (m) => void (m.type() === "warning" && warnings.push(m.text())));
    const { port } = server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/${kind}/`);
    // As text, which nothing has rewritten on its way.
    const found = (await page.evaluate(`(async () => {
      const { load } = await import("./digits.js");
      const session = await load({ threads: 2 });
      const answers = [];
      for (let i = 0; i < 5; i++) {
        answers.push([...session.run({ image: Float32Array.from(${JSON.stringify([...image])}) }).probabilities]);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      session.dispose();
      return { isolated: crossOriginIsolated, variant: session.variant, answers };
    })()`)) as { isolated: boolean; variant: string; answers: number[][] };
    await page.close();
    return { ...found, warnings };
  }

  it("run a model where the page is isolated; the answers are those of one thread", async () => {
    const { isolated, variant, answers, warnings } = await inPage("isolated");
    expect(isolated).toBe(true);
    expect(variant).toMatch(/threads$/);
    expect(warnings).toEqual([]);
    for (const a of answers) expect(a).toEqual(answers[0]);
    const alone = await Session.load(compiled, { variant: "simd" });
    const expected = alone.run({ image }).probabilities as Float32Array;
    answers[0]!.forEach((v, i) => expect(Math.abs(v - expected[i]!)).toBeLessThan(1e-5));
  });

  it("are one where it is not, and the console says why", async () => {
    const { isolated, variant, answers, warnings } = await inPage("plain");
    expect(isolated).toBe(false);
    expect(variant).not.toMatch(/threads/);
    expect(warnings.join()).toContain("Cross-Origin-Opener-Policy: same-origin");
    for (const a of answers) expect(a).toEqual(answers[0]);
  });
});
