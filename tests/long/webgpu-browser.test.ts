/** The page that reads pictures on the GPU, in a real browser, by the adapter in software that Chromium brings. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serve } from "../../examples/digits-browser/serve.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (path) => path !== undefined && existsSync(path),
);

/** Tasks of the page's main thread that took 50 ms or more, by when they began; kept from the very beginning. */
const watchTasks = `
globalThis.longTasks = [];
new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((e) => [e.startTime, e.duration])))
  .observe({ type: "longtask", buffered: true });`;

describe.skipIf(executablePath === undefined)("the page that reads pictures on the GPU (needs chromium)", () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-webgpu-"));
  const server = serve(folder);
  let browser: Browser;
  /** What pages complained of. */
  const complaints: string[] = [];

  beforeAll(async () => {
    for (const name of ["digits", "webgpu-image"]) {
      cpSync(join(root, "examples", name), join(folder, name), { recursive: true });
    }
    execFileSync(process.execPath, [
      ...["--import", "tsx", join(root, "cli/main.ts"), "compile", join(root, "examples/digits/digits.onnx")],
      ...["--target", "wgsl", "-o", join(folder, "webgpu-image/model")],
    ]);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    browser = await chromium.launch({
      executablePath: executablePath!,
      args: ["--no-sandbox", "--enable-unsafe-webgpu", "--disable-background-networking", "--disable-sync"],
    });
  });

  afterAll(async () => {
    await browser?.close();
    server.close();
    rmSync(folder, { recursive: true });
  });

  async function open(script: string): Promise<Page> {
    const page = await browser.newPage();
    page.on("console", (m) => void (m.type() === "error" && complaints.push(m.text())));
    page.on("pageerror", (e) => void complaints.push(e.message));
    await page.addInitScript(script);
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/webgpu-image/`);
    await page.locator("body[data-ready]").waitFor({ timeout: 120_000 });
    return page;
  }

  const digitRead = async (page: Page): Promise<string | null> => {
    await page.locator("#answer[data-digit]").waitFor();
    return page.locator("#answer").getAttribute("data-digit");
  };

  it("reads each of the shipped pictures, with the probabilities that are recorded", async () => {
    const page = await open("");
    expect(await page.locator("#message").textContent()).toMatch(/^loaded in \d+ ms$/);
    const expected = JSON.parse(
      readFileSync(join(root, "examples/digits/pictures/expected.json"), "utf8"),
    ) as number[][];
    for (let digit = 0; digit < 10; digit++) {
      await page.evaluate(() => {
        delete document.querySelector<HTMLElement>("#answer")!.dataset.digit;
      });
      await page.getByTitle(`a picture of a ${digit}`).click();
      expect(await digitRead(page)).toBe(String(digit));
      const shares = await page.locator("#probabilities td:nth-child(3)").allTextContents();
      expect(shares).toEqual(Object.values(expected[digit]!).map((p) => `${(p * 100).toFixed(1)} %`));
    }
    await page.close();
    expect(complaints).toEqual([]);
  });

  it("reads a picture of its user's, dark on light", async () => {
    const page = await open("");
    const png = await page.evaluate(() => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 200, height: 200 });
      const pen = canvas.getContext("2d")!;
      pen.fillStyle = "white";
      pen.fillRect(0, 0, 200, 200);
      Object.assign(pen, { lineWidth: 18, lineCap: "round", strokeStyle: "black" });
      pen.beginPath();
      pen.moveTo(105, 35);
      pen.lineTo(95, 165);
      pen.stroke();
      return canvas.toDataURL("image/png").split(",")[1]!;
    });
    await page.evaluate(() => {
      delete document.querySelector<HTMLElement>("#answer")!.dataset.digit;
    });
    await page
      .locator("#file")
      .setInputFiles({ name: "1.png", mimeType: "image/png", buffer: Buffer.from(png, "base64") });
    expect(await digitRead(page)).toBe("1");
    await page.close();
    expect(complaints).toEqual([]);
  });

  it("is not blocked for as long as 50 ms from loading the model to the first answer", async () => {
    // A machine that has other things to do interrupts a page for longer now and then: the best of some tries counts.
    const found: number[][][] = [];
    for (let i = 0; i < 4 && !found.some((tasks) => tasks.length === 0); i++) {
      const page = await open(watchTasks);
      await new Promise((resolve) => setTimeout(resolve, 200));
      const tasks = (await page.evaluate(`(() => {
        const [from, to] = ["load", "answer"].map((name) => performance.getEntriesByName(name)[0].startTime);
        return longTasks.filter(([start, took]) => start + took > from && start < to);
      })()`)) as number[][];
      found.push(tasks);
      await page.close();
    }
    expect(found).toContainEqual([]);
  });

  it("sees tasks that take longer", async () => {
    const page = await open(watchTasks);
    const seen = await page.evaluate(`(async () => {
      await new Promise((resolve) => setTimeout(resolve));
      longTasks.length = 0;
      for (const until = performance.now() + 80; performance.now() < until; );
      await new Promise((resolve) => setTimeout(resolve, 300));
      return longTasks.length;
    })()`);
    expect(seen).toBeGreaterThan(0);
    await page.close();
  });

  it.each([
    ["there is no WebGPU here", `Object.defineProperty(Navigator.prototype, "gpu", { value: undefined })`],
    ["there is no WebGPU adapter", "GPU.prototype.requestAdapter = async () => null"],
  ])("says that %s", async (message, script) => {
    const page = await open(script);
    expect(await page.locator("#status[data-fault]").textContent()).toContain(`This page needs WebGPU: ${message}`);
    expect(await page.locator("#file").isDisabled()).toBe(true);
    await page.close();
    expect(complaints).toEqual([]);
  });
});
