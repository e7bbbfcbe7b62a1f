/**
 * @file What compiling takes, each time in a process of its own that starts from nothing, as users' do: `sluice compile`
 * (ahead of time, for all engines), `compile` and `load` of a program (just in time, the variant of this engine), and C.
 * Runs take turns between this build and those it is compared with.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

// Whoever reads what is printed may have seen enough (`| head`).
process.stdout.on("error", (error) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const usage = `usage: npm run build && node bench/compile-time.mjs [options] MODEL.onnx…

Times compilations in fresh processes: the least wall and processor time of the runs, and peak memory.

  --runs N        runs of each (3)
  --kinds LIST    of aot (sluice compile), jit (compile and load in a program), c (all)
  --against DIST  another build to compare with, a folder like dist/; may be repeated
  --passes        what each pass takes in a fresh process, and how many operations it leaves
  --help          this text
`;

const here = fileURLToPath(import.meta.url);
const megabyte = 2 ** 20;

/** Writes what the process has taken to descriptor 3 when it ends. */
const atExit = `import { writeSync } from "node:fs"; process.on("exit", () => { const r = process.resourceUsage();
  writeSync(3, JSON.stringify({ cpu: (r.userCPUTime + r.systemCPUTime) / 1000, peak: r.maxRSS / 1024 })); });`;

/** Runs node on arguments; answers milliseconds and MiB, and what it printed. */
function measured(args) {
  const hook = `data:text/javascript,${encodeURIComponent(atExit)}`;
  const started = performance.now();
  const done = spawnSync(process.execPath, ["--import", hook, ...args], {
    stdio: ["ignore", "pipe", "inherit", "pipe"],
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  const wall = performance.now() - started;
  if (done.status !== 0) throw new Error(`node ${args.join(" ")} failed`);
  return { wall, ...JSON.parse(done.output[3]), text: done.stdout };
}

const cli = (dist, model, ...flags) => {
  const folder = mkdtempSync(join(tmpdir(), "compile-time-"));
  try {
    return measured([join(dist, "cli/main.js"), "compile", model, "-o", folder, ...flags]);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const kinds = {
  aot: (dist, model) => cli(dist, model),
  c: (dist, model) => cli(dist, model, "--target", "c"),
  /** Only what lies between the bytes and the loaded session: importing the compiler is printed apart. */
  jit: (dist, model) => {
    const { peak, text } = measured([here, "--worker", "jit", "--against", dist, model]);
    return { peak, ...JSON.parse(text) };
  },
};

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

async function jit(dist, model) {
  const first = performance.now();
  const { compile } = await (await import(pathToFileURL(join(dist, "index.js")))).loadCompiler();
  const bytes = readFileSync(model);
  const [started, cpu] = [performance.now(), cpuMs()];
  const compiled = await compile(bytes, { variants: "here" });
  await compiled.load();
  const times = { wall: performance.now() - started, cpu: cpuMs() - cpu, importing: started - first };
  console.log(JSON.stringify(times));
}

async function passes(dist, model, kind) {
  const { compile } = await (await import(pathToFileURL(join(dist, "index.js")))).loadCompiler();
  const rows = [];
  const count = (root) => {
    let ops = 0;
    root.walk(() => ops++);
    return ops;
  };
  const started = performance.now();
  let counting = 0;
  const watch = {
    start(_pipeline, root) {
      rows.push({ name: "(import)", ms: performance.now() - started, ops: count(root) });
    },
    after({ step, root }, _changed, ms) {
      const before = performance.now();
      rows.push({ name: step.pass.name, ms, ops: count(root) });
      counting += performance.now() - before;
    },
    finish() {
      const passes = rows.slice(1).reduce((sum, r) => sum + r.ms, rows[0].ms);
      rows.push({ name: "(between passes)", ms: performance.now() - started - passes - counting });
    },
  };
  let ended = started;
  const options = kind === "c" ? { target: "c" } : { variants: kind === "jit" ? "here" : "automatic" };
  const last = { finish: () => (ended = performance.now()) };
  const compiled = await compile(readFileSync(model), { ...options, instruments: [watch, last] });
  rows.push({ name: kind === "aot" ? "(code, and the other variants)" : "(code)", ms: performance.now() - ended });
  if (kind === "jit") {
    ended = performance.now();
    await compiled.load();
    rows.push({ name: "(load)", ms: performance.now() - ended });
  }
  for (const { name, ms, ops } of rows) {
    console.log(
      `    ${name.padEnd(32)}${ms.toFixed(1).padStart(9)} ms${ops === undefined ? "" : `${ops}`.padStart(9)}`,
    );
  }
}

function compare(models, dists, names, runs, withPasses) {
  for (const model of models) {
    const size = statSync(model).size / megabyte;
    console.log(`${basename(model)}, ${size.toFixed(1)} MiB, Node ${process.versions.node}`);
    for (const name of names) {
      const best = dists.map(() => ({ wall: Infinity, cpu: Infinity, peak: Infinity, importing: Infinity }));
      for (let i = 0; i < runs; i++) {
        dists.forEach((dist, d) => {
          const taken = kinds[name](dist, model);
          for (const key of Object.keys(best[d])) best[d][key] = Math.min(best[d][key], taken[key] ?? Infinity);
        });
      }
      dists.forEach((dist, d) => {
        const { wall, cpu, peak, importing } = best[d];
        const apart = importing < Infinity ? `  after ${importing.toFixed(0)} ms of importing` : "";
        const cells = [`${wall.toFixed(0)} ms`, `${cpu.toFixed(0)} ms cpu`, `${peak.toFixed(0)} MiB`];
        console.log(`  ${name.padEnd(5)}${cells.map((c) => c.padStart(13)).join("")}${apart}  ${dist}`);
      });
      if (withPasses) console.log(measured([here, "--worker", name, "--passes", "--against", dists[0], model]).text);
    }
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "3" },
    against: { type: "string", multiple: true, default: [] },
    kinds: { type: "string", default: Object.keys(kinds).join(",") },
    passes: { type: "boolean", default: false },
    worker: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const dists = values.against.map((d) => resolve(d));
const unknown = values.kinds.split(",").find((k) => !Object.hasOwn(kinds, k));
if (values.help) process.stdout.write(usage);
else if (positionals.length === 0 || unknown !== undefined) {
  process.stderr.write(`${unknown === undefined ? "no model is given" : `there is no kind "${unknown}"`}\n\n${usage}`);
  process.exitCode = 2;
} else if (values.worker !== undefined) {
  if (values.passes) await passes(dists[0], positionals[0], values.worker);
  else await jit(dists[0], positionals[0]);
} else {
  dists.unshift(resolve(here, "../../dist"));
  compare(positionals, dists, values.kinds.split(","), Number(values.runs), values.passes);
}
