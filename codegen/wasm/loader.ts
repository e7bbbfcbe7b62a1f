/**
 * @file The module that ships with a compiled model: it fetches the code and the weights, and runs them. Plain
 * JavaScript without dependencies, dynamic code or globals, so that it works from static files under a strict
 * Content-Security-Policy (`script-src 'self' 'wasm-unsafe-eval'`), in browsers and in Node.
 */
import { isDecisive, probeOf } from "../../runtime/features.ts";
import { type FileEntry, type Manifest, type Port, plainVariant, type VariantEntry } from "../../runtime/manifest.ts";
import { whyAlone } from "../../runtime/workers.ts";
import { arrayNames } from "../files.ts";
import { commentText, embeddedReadText, fieldsText, portDeclaration, readText } from "../loader-text.ts";
import { pageSize } from "./types.ts";

export interface FileNames {
  readonly code: string;
  readonly weights: string;
  readonly variants: readonly (VariantEntry & { readonly file: FileEntry })[];
  /** What these files hold, if the loader is to hold it instead. */
  readonly embedded?: ReadonlyMap<string, Uint8Array>;
}

const portText = (p: Port): string =>
  `{ name: ${JSON.stringify(p.name)}, type: "${p.type}", shape: [${p.shape.join(", ")}], array: ${arrayNames[p.type]}, offset: ${p.offset} }`;

function variantRows({ code, variants }: FileNames, own: string): string {
  const rows = [...variants].reverse().map(({ name, file, automatic, needs, threads, memoryBytes = 0 }) => {
    const { bytes, refused, answers } = probeOf(needs);
    const module = `new Uint8Array([${[...bytes].join(",")}])`;
    const probe =
      answers.length > 0
        ? `() => answers(${module}, ${JSON.stringify(answers)})`
        : `() => WebAssembly.validate(${module}) === ${!refused}`;
    const decisive = isDecisive(needs) ? ", decisive: true" : "";
    const shared = threads ? `, pages: ${Math.ceil(memoryBytes / pageSize)}` : "";
    const chosen = automatic || needs === "threads";
    return `  { name: ${JSON.stringify(name)}, file: ${JSON.stringify(file.file)}, automatic: ${chosen}${shared}${decisive}, probe: ${probe} },`;
  });
  return [
    ...rows,
    `  { name: ${JSON.stringify(own)}, file: ${JSON.stringify(code)}, automatic: true, probe: () => true },`,
  ].join("\n");
}

/** The part of `model.js` that asks engines what they answer. */
const answersText = `// What the specification leaves to engines, each does in one way.
function answers(bytes, wanted) {
  if (!WebAssembly.validate(bytes)) return false;
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  return wanted.every(([given, answer]) => f(...given) === answer);
}

`;

/** The part of `model.js` that starts threads; the worker's module is a file beside it. */
const threadsText = (worker: string): string => `const node = typeof process === "object" && process.versions?.node;
const canShare = () => typeof SharedArrayBuffer !== "undefined" && globalThis.crossOriginIsolated !== false;

async function startThreads(exports, module, memory, count) {
  exports.setup(0, count, node || !("document" in globalThis) ? 1 : 0);
  const url = new URL(${JSON.stringify(worker)}, import.meta.url);
  const threads = "node:worker_threads";
  const Thread = node ? (await import(/* @vite-ignore */ /* webpackIgnore: true */ threads)).Worker : Worker;
  await Promise.all(Array.from({ length: count - 1 }, (_, i) => new Promise((resolve, reject) => {
    const worker = new Thread(url, { type: "module" });
    const ready = () => resolve(node && worker.unref());
    if (node) worker.once("message", ready).once("error", reject);
    else Object.assign(worker, { onmessage: ready, onerror: (event) => reject(new Error(event.message || "a worker does not start")) });
    worker.postMessage({ module, memory, thread: i + 1, count });
  })));
}
`;

/** The text of `model.js`. */
export function loaderText(manifest: Manifest, files: FileNames): string {
  const hasThreads = files.variants.some((v) => v.threads);
  const use = files.embedded
    ? "Code and weights are inside."
    : `Serve this file beside ${files.code} and ${files.weights}.`;
  return `// ${commentText(manifest.model)}: compiled by sluice for ${manifest.target}. ${use}
const inputs = [${manifest.inputs.map(portText).join(", ")}];
const outputs = [${manifest.outputs.map(portText).join(", ")}];
// What there is, best first; a probe says whether the engine offers what the code needs.
const variants = [
${variantRows(files, manifest.variant ?? plainVariant)}
];

${files.embedded ? embeddedReadText(files.embedded) : readText}

${files.variants.some((v) => isDecisive(v.needs)) ? answersText : ""}const list = (ports) => ports.map((port) => JSON.stringify(port.name)).join(", ") || "none";
const text = (given) => given === undefined ? "nothing" : (given?.constructor?.name ?? String(given)) + (given?.length === undefined ? "" : \` of \${given.length}\`);

function has(ports, name) {
  for (const port of ports) if (port.name === name) return true;
  return false;
}

// Nothing is made where all is well: a run allocates nothing but the outputs that it is not given.
function check(ports, views, given, role) {
  for (const name in given) {
    if (!has(ports, name)) throw new TypeError(\`the model has no \${role} "\${name}"; its \${role}s are \${list(ports)}\`);
  }
  let open = false;
  for (let i = 0; i < ports.length; i++) {
    const port = ports[i];
    const array = given[port.name];
    if (array === undefined && role === "output") open = true;
    else if (!(array instanceof port.array && array.length === views[i].length)) {
      throw new TypeError(\`\${role} "\${port.name}" must be a \${port.array.name} of \${views[i].length} elements (\${port.type} \${port.shape.join("x")}), got \${text(array)}\`);
    }
  }
  return open;
}

function viewsOf(ports, memory) {
  return ports.map((port) => new port.array(memory, port.offset, port.shape.reduce((n, d) => n * d, 1)));
}

class Session {
  #exports;
  #sources;
  #results;
  inputs = inputs;
  outputs = outputs;

  constructor(exports, variant) {
    this.variant = variant;
    this.#exports = exports;
    this.#sources = viewsOf(inputs, exports.memory.buffer);
    this.#results = viewsOf(outputs, exports.memory.buffer);
  }

  /** Typed arrays by name in, typed arrays by name out; \`into\` gives arrays to fill. Runs never overlap: they are synchronous. */
  run(given, into = {}) {
    if (!this.#exports) throw new Error("the session is disposed");
    check(inputs, this.#sources, given, "input");
    const answer = check(outputs, this.#results, into, "output") ? { ...into } : into;
    for (let i = 0; i < inputs.length; i++) this.#sources[i].set(given[inputs[i].name]);
    this.#exports.run();
    for (let i = 0; i < outputs.length; i++) {
      const { name } = outputs[i];
      const own = this.#results[i];
      // Engines clear what slice() copies into before they copy.
      if (answer[name] === undefined) answer[name] = new own.constructor(own);
      else answer[name].set(own);
    }
    return answer;
  }

  /** Runs until the engine has compiled well what it runs: it first compiles quickly and badly, and again in the background. */
  async warmUp(limit = 2000) {
    const until = performance.now() + limit;
    for (let best = Infinity, stale = 0; stale < 3 && performance.now() < until; ) {
      const took = quickest(() => this.#exports?.run(), 10);
      stale = took < best * 0.97 ? 0 : stale + 1;
      best = Math.min(best, took);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Gives the memory back. */
  dispose() {
    this.#exports?.stop?.();
    this.#exports = null;
    this.#sources = this.#results = [];
  }
}

export { inputs, outputs };

/**
 * Loads the model. \`base\` is where its files are, \`code\` and \`weights\` replace them by bytes. \`variant\` names the code to
 * run, or "fastest": each that the engine takes is tried, and the quickest kept of those that answer alike.
 */
export async function load({ base = import.meta.url, code, weights, variant, threads = 1 } = {}) {
  const data = Promise.resolve(weights ?? read(${JSON.stringify(files.weights)}, base));
  const open = async (wasm, v) => start(...(await Promise.all([wasm, data])), v, threads);
  const run = (v) => open(read(v.file, base), v);
  if (code) return open(code, { name: variant ?? "given" });
  const several = threads > 1 && canShare();
  if (threads > 1 && !several && variant === undefined) console.warn(${JSON.stringify(whyAlone)});
  const takes = (v) => (several || !v.pages) && v.probe();
  const automatic = variants.find((v) => v.automatic && (!several || v.pages) && takes(v)) ?? variants.find((v) => v.automatic && !v.pages && takes(v));
  if (variant !== "fastest") {
    const chosen = variant === undefined ? automatic : variants.find((v) => v.name === variant);
    if (!chosen) throw new RangeError(\`there is no variant "\${variant}", but \${variants.map((v) => v.name).join(", ")}\`);
    if (chosen.decisive && !chosen.probe()) throw new RangeError(\`the variant "\${variant}" would answer something else on this engine\`);
    return run(chosen);
  }
  let best = await trial(await run(automatic));
  for (const v of variants) {
    if (v === automatic || !automatic.pages !== !v.pages || !takes(v)) continue;
    const other = await trial(await run(v));
    const [keep, drop] = other.ms < best.ms * 0.95 && alike(other.answer, best.answer) ? [other, best] : [best, other];
    drop.session.dispose();
    best = keep;
  }
  return best.session;
}

/** What a session answers to small numbers, and how quickly. */
async function trial(session) {
  const given = {};
  for (const p of inputs) {
    const big = p.array === BigInt64Array || p.array === BigUint64Array;
    const one = (_, i) => (big ? BigInt(i & 1) : p.type.endsWith("float16") ? 0 : p.type.startsWith("float") ? Math.sin(i * 0.7) : i & 1);
    given[p.name] = p.array.from({ length: p.shape.reduce((n, d) => n * d, 1) }, one);
  }
  await session.warmUp();
  return { session, answer: session.run(given), ms: quickest(() => session.run(given), 40) };
}

/** Codes round products that they add differently. */
function alike(a, b) {
  return outputs.every(({ name }) => {
    const largest = b[name].reduce((m, v) => Math.max(m, Math.abs(Number(v))), 0);
    return a[name].every((v, i) => Math.abs(Number(v) - Number(b[name][i])) <= 1e-3 * largest);
  });
}

function quickest(run, ms) {
  let best = Infinity;
  const until = performance.now() + ms;
  for (let n = 0; n < 2 || performance.now() < until; n++) {
    const begin = performance.now();
    run();
    best = Math.min(best, performance.now() - begin);
  }
  return best;
}

${hasThreads ? threadsText(`./${manifest.model}.worker.js`) : "const canShare = () => false;\n"}
async function start(wasm, data, { name, pages }, threads) {
  const memory = pages && new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const { module, instance } = await WebAssembly.instantiate(wasm, { sluice: { memory } });
  const { exports } = instance;
  const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength);
  if (bytes.length !== ${manifest.memory.weights.bytes}) throw new RangeError(\`the weights have \${bytes.length} bytes, the model wants ${manifest.memory.weights.bytes}\`);
  new Uint8Array(exports.memory.buffer).set(bytes, ${manifest.memory.weights.offset});
  exports.init?.();
  if (memory) await startThreads(exports, module, memory, threads);
  return new Session(exports, name);
}
`;
}

/** The text of `model.d.ts`: inputs and outputs by name, with their arrays. */
export function declarationText(manifest: Manifest, { variants }: FileNames): string {
  const names = [manifest.variant ?? plainVariant, ...variants.map((v) => v.name)]
    .map((n) => JSON.stringify(n))
    .join(" | ");
  return `// ${commentText(manifest.model)}: compiled by sluice for ${manifest.target}.
export interface Inputs {
${fieldsText(manifest.inputs)}
}
export interface Outputs {
${fieldsText(manifest.outputs)}
}
${portDeclaration}
export interface Session {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Runs the model; arrays in \`into\` are filled, the other outputs are new. */
  run(inputs: Inputs, into?: Partial<Outputs>): Outputs;
  /** The name of the code that runs. */
  readonly variant: string;
  /** Runs until the engine has compiled well what it runs, for so many milliseconds at most. */
  warmUp(limit?: number): Promise<void>;
  dispose(): void;
}
export declare const inputs: readonly Port[];
export declare const outputs: readonly Port[];
export declare function load(options?: {
  readonly base?: string | URL;
  readonly code?: BufferSource;
  readonly weights?: ArrayBuffer | ArrayBufferView;
  /** So many threads share the work, where memory can be shared. */
  readonly threads?: number;
  /** The code to run; without it, the best that the engine takes. "fastest" tries them. */
  readonly variant?: ${names} | "fastest";
}): Promise<Session>;
`;
}
