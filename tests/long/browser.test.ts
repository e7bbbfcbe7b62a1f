/** The example page in a real browser, from static files under a strict Content-Security-Policy. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { policy, serve } from "../../examples/digits-browser/serve.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (path) => path !== undefined && existsSync(path),
);

describe.skipIf(executablePath === undefined)("the page that reads digits (needs chromium)", () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-browser-"));
  const server = serve(folder);
  let browser: Browser;
  let page: Page;
  /** What the page complained of: errors, and what the policy forbade. */
  const complaints: string[] = [];

  beforeAll(async () => {
    for (const name of ["digits", "digits-browser"]) {
      cpSync(join(root, "examples", name), join(folder, name), { recursive: true });
    }
    execFileSync(process.execPath, [
      ...["--import", "tsx", join(root, "cli/main.ts"), "compile", join(root, "examples/digits/digits.onnx")],
      ...["-o", join(folder, "digits-browser/model")],
    ]);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    browser = await chromium.launch({ executablePath: executablePath!, args: ["--no-sandbox"] });
    page = await browser.newPage();
    page.on("console", (m) => void (["error", "warning"].includes(m.type()) && complaints.push(m.text())));
    page.on("pageerror", (e) => void complaints.push(e.message));
    const { port } = server.address() as AddressInfo;
    const response = await page.goto(`http://127.0.0.1:${port}/digits-browser/`);
    expect(response?.headers()["content-security-policy"]).toBe(policy);
    await page.locator("#answer[data-ready]").waitFor();
  });

  afterAll(async () => {
    await browser?.close();
    server.close();
    rmSync(folder, { recursive: true });
  });

  const digitRead = async (): Promise<string | null> => {
    await page.locator("#answer[data-digit]").waitFor();
    return page.locator("#answer").getAttribute("data-digit");
  };

  it("forbids everything but scripts from files, and WebAssembly", async () => {
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval';");
    // The policy is in force: this is what it is there to stop.
    const inlined = await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "document.title = 'inlined'";
      document.head.append(script);
      return document.title;
    });
    expect(inlined).not.toBe("inlined");
    expect(complaints.join()).toContain("Content Security Policy");
    complaints.length = 0;
  });

  it("reads each of the shipped pictures", async () => {
    for (let digit = 0; digit < 10; digit++) {
      await page.locator("#clear").click();
      await page.getByTitle(`a picture of a ${digit}`).click();
      expect(await digitRead()).toBe(String(digit));
      expect(await page.locator("#answer").textContent()).toMatch(new RegExp(`^This is a ${digit} \\(\\d+\\.\\d %\\)`));
    }
    expect(complaints).toEqual([]);
  });

  const circle = (x: number, y: number, r: number, from = 0, to = 1): (readonly [number, number])[] =>
    Array.from({ length: 17 }, (_, i) => {
      const a = 2 * Math.PI * (from + ((to - from) * i) / 16) - Math.PI / 2;
      return [x + r * Math.cos(a), y + r * Math.sin(a)] as const;
    });

  it.each<[string, readonly (readonly [number, number])[]]>([
    ["0", circle(140, 140, 80)],
    [
      "1",
      [
        [150, 40],
        [140, 240],
      ],
    ],
    [
      "7",
      [
        [70, 60],
        [210, 60],
        [120, 240],
      ],
    ],
    ["8", [...circle(140, 90, 45, 0.5, 1.5), ...circle(140, 190, 52)]],
  ])("reads a %s that is drawn with the mouse", async (digit, points) => {
    await page.locator("#clear").click();
    const box = (await page.locator("#paper").boundingBox())!;
    const at = ([x, y]: readonly [number, number]): [number, number] => [box.x + x, box.y + y];
    await page.mouse.move(...at(points[0]!));
    await page.mouse.down();
    for (const p of points.slice(1)) await page.mouse.move(...at(p), { steps: 4 });
    await page.mouse.up();
    expect(await digitRead()).toBe(digit);
    expect(complaints).toEqual([]);
  });
});
