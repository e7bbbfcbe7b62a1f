// Writes the reference pages of docs/ from the records of dialects, passes and diagnostic codes. With --check it writes
// nothing, names the pages that are stale, and fails if there are any.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { dialectPage, errorsPage, numericsPage, passesPage } from "../cli/reference.ts";
import { dialects, passes } from "../index.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const notice = "<!-- Written by `npm run docs`; do not edit. -->\n\n";

const pages = new Map<string, string>([
  ...dialects.map((d) => [`docs/dialects/${d.name}.md`, dialectPage(d)] as const),
  ["docs/passes.md", passesPage(passes)],
  ["docs/errors.md", errorsPage()],
  ["docs/numerics.md", numericsPage()],
]);

const check = process.argv.includes("--check");
const stale: string[] = [];
for (const [path, text] of pages) {
  const file = join(root, path);
  const wanted = notice + text;
  if (existsSync(file) && readFileSync(file, "utf8") === wanted) continue;
  stale.push(path);
  if (check) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, wanted);
}
const folder = join(root, "docs/dialects");
for (const name of existsSync(folder) ? readdirSync(folder) : []) {
  const path = `docs/dialects/${name}`;
  if (pages.has(path)) continue;
  stale.push(path);
  if (!check) rmSync(join(root, path));
}
for (const path of stale) console.log(`${check ? "stale" : "wrote"} ${path}`);
if (check && stale.length > 0) process.exitCode = 1;
