/** @file Threads beside the one that runs a session: workers in Node and in browsers, on one shared memory. */

/**
 * The text of a worker's module. It is given code and memory, says when it is ready, and works until it is told to stop.
 * Shipped beside an artifact as a file of its own, for pages whose policy allows no other scripts.
 */
export const workerText = `const node = typeof process === "object" && process.versions?.node;
const threads = "node:worker_threads";
const port = node ? (await import(/* @vite-ignore */ /* webpackIgnore: true */ threads)).parentPort : self;
const start = async ({ module, memory, thread, count }) => {
  const { exports } = await WebAssembly.instantiate(module, { sluice: { memory } });
  exports.setup(thread, count, 1);
  port.postMessage("ready");
  exports.work();
  port.close();
};
if (node) port.once("message", start);
else port.addEventListener("message", (event) => start(event.data), { once: true });
`;

/** What Node and browsers have in common. */
interface Port {
  postMessage(message: unknown): void;
}
interface NodeWorker extends Port {
  once(event: "message" | "error", listener: (value: unknown) => void): void;
  unref(): void;
}

const isNode = (): boolean => typeof process === "object" && process.versions?.node !== undefined;

/** Whether memory can be shared here: in Node, and in pages that are isolated from other origins. */
export const canShare = (): boolean =>
  typeof SharedArrayBuffer !== "undefined" &&
  (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false;

/** Whether this thread may sleep: the main thread of a page may not. */
export const maySleep = (): boolean => isNode() || !("document" in globalThis);

/** What to tell those who asked for threads and get none. */
export const whyAlone =
  "sluice: one thread instead of several: memory cannot be shared here. A page must be served with the headers " +
  "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp, and the artifact be compiled for wasm-threads.";

/** Starts threads 1 to count - 1. They are ready when this is done. */
export async function startWorkers(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  count: number,
): Promise<void> {
  const url = `data:text/javascript,${encodeURIComponent(workerText)}`;
  const make = isNode() ? await nodeWorkers(url) : browserWorkers(url);
  await Promise.all(
    Array.from({ length: count - 1 }, (_, i) => {
      const { worker, ready } = make();
      worker.postMessage({ module, memory, thread: i + 1, count });
      return ready;
    }),
  );
}

type Started = { readonly worker: Port; readonly ready: Promise<unknown> };

async function nodeWorkers(url: string): Promise<() => Started> {
  const name = "node:worker_threads";
  const { Worker } = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as {
    Worker: new (url: URL) => NodeWorker;
  };
  return () => {
    const worker = new Worker(new URL(url));
    const ready = new Promise((resolve, reject) => {
      worker.once("message", (message) => {
        // Threads that wait for work keep nobody from ending.
        worker.unref();
        resolve(message);
      });
      worker.once("error", reject);
    });
    return { worker, ready };
  };
}

function browserWorkers(url: string): () => Started {
  return () => {
    const worker = new Worker(url, { type: "module" });
    const ready = new Promise((resolve, reject) => {
      worker.onmessage = resolve;
      worker.onerror = (event) => reject(new Error(event.message || "a worker does not start"));
    });
    return { worker, ready };
  };
}
