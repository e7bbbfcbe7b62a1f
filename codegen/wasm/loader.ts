/**
 * @file The module that ships with a compiled model: it fetches the code and the weights, and runs them. Plain
 * JavaScript without dependencies, dynamic code or globals, so that it works from static files under a strict
 * Content-Security-Policy (`script-src 'self' 'wasm-unsafe-eval'`), in browsers and in Node.
 */
import type { ElementType, Manifest, Port } from "../../runtime/manifest.ts";

const arrays: Readonly<Record<ElementType, string>> = {
  bool: "Uint8Array",
  int8: "Int8Array",
  uint8: "Uint8Array",
  int16: "Int16Array",
  uint16: "Uint16Array",
  int32: "Int32Array",
  uint32: "Uint32Array",
  int64: "BigInt64Array",
  uint64: "BigUint64Array",
  float16: "Uint16Array",
  bfloat16: "Uint16Array",
  float32: "Float32Array",
  float64: "Float64Array",
  int4: "Int8Array",
  uint4: "Uint8Array",
  int2: "Int8Array",
  uint2: "Uint8Array",
  float8e4m3fn: "Uint8Array",
  float8e4m3fnuz: "Uint8Array",
  float8e5m2: "Uint8Array",
  float8e5m2fnuz: "Uint8Array",
  float8e8m0: "Uint8Array",
  float4e2m1: "Uint8Array",
};

export interface FileNames {
  readonly code: string;
  readonly weights: string;
}

const portText = (p: Port): string =>
  `{ name: ${JSON.stringify(p.name)}, type: "${p.type}", shape: [${p.shape.join(", ")}], array: ${arrays[p.type]}, offset: ${p.offset} }`;

/** A name stays on its line. */
const commentText = (name: string): string => name.replace(/[\p{C}\u2028\u2029]/gu, "?");

/** The text of `model.js`. */
export function loaderText(manifest: Manifest, files: FileNames): string {
  return `// ${commentText(manifest.model)}: compiled by sluice for ${manifest.target}. Serve this file beside ${files.code} and ${files.weights}.
const inputs = [${manifest.inputs.map(portText).join(", ")}];
const outputs = [${manifest.outputs.map(portText).join(", ")}];

async function read(name, base) {
  const url = new URL(name, base);
  if (url.protocol === "file:") {
    const fs = "node:fs/promises";
    return (await import(/* @vite-ignore */ /* webpackIgnore: true */ fs)).readFile(url);
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(\`cannot load \${url}: \${response.status} \${response.statusText}\`);
  return response.arrayBuffer();
}

const list = (ports) => ports.map((port) => JSON.stringify(port.name)).join(", ") || "none";
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

  constructor(exports) {
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
      if (answer[name] === undefined) answer[name] = this.#results[i].slice();
      else answer[name].set(this.#results[i]);
    }
    return answer;
  }

  /** Gives the memory back. */
  dispose() {
    this.#exports = null;
    this.#sources = this.#results = [];
  }
}

export { inputs, outputs };

/** Loads the model. \`base\` is where its files are, \`code\` and \`weights\` replace them by bytes. */
export async function load({ base = import.meta.url, code, weights } = {}) {
  const [wasm, data] = await Promise.all([code ?? read(${JSON.stringify(files.code)}, base), weights ?? read(${JSON.stringify(files.weights)}, base)]);
  const { exports } = (await WebAssembly.instantiate(wasm, {})).instance;
  const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength);
  if (bytes.length !== ${manifest.memory.weights.bytes}) throw new RangeError(\`the weights have \${bytes.length} bytes, the model wants ${manifest.memory.weights.bytes}\`);
  new Uint8Array(exports.memory.buffer).set(bytes, ${manifest.memory.weights.offset});
  return new Session(exports);
}
`;
}

/** The text of `model.d.ts`: inputs and outputs by name, with their arrays. */
export function declarationText(manifest: Manifest): string {
  const record = (ports: readonly Port[]): string =>
    ports
      .map((p) => `  /** ${p.type} [${p.shape.join(", ")}] */\n  ${JSON.stringify(p.name)}: ${arrays[p.type]};`)
      .join("\n");
  return `// ${commentText(manifest.model)}: compiled by sluice for ${manifest.target}.
export interface Inputs {
${record(manifest.inputs)}
}
export interface Outputs {
${record(manifest.outputs)}
}
export interface Port {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
}
export interface Session {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Runs the model; arrays in \`into\` are filled, the other outputs are new. */
  run(inputs: Inputs, into?: Partial<Outputs>): Outputs;
  dispose(): void;
}
export declare const inputs: readonly Port[];
export declare const outputs: readonly Port[];
export declare function load(options?: {
  readonly base?: string | URL;
  readonly code?: BufferSource;
  readonly weights?: ArrayBuffer | ArrayBufferView;
}): Promise<Session>;
`;
}
