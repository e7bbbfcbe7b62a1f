// Serves examples/ as static files under a strict Content-Security-Policy: node examples/digits-browser/serve.mjs [PORT [PAGE]]
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
/** No inline scripts, no eval, no blobs: WebAssembly, and scripts that are files beside the page. */
export const policy =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; style-src 'self'; img-src data:";
const types = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".wgsl": "text/plain; charset=utf-8",
};

/** A server of the files in a folder and below. */
export function serve(folder = root) {
  return createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    try {
      // An absolute path has no way out of its root.
      const path = join(folder, normalize(decodeURIComponent(pathname)), pathname.endsWith("/") ? "index.html" : "");
      const body = await readFile(path);
      const type = types[extname(path)] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type, "content-security-policy": policy }).end(body);
    } catch {
      response.writeHead(404, { "content-type": "text/plain" }).end(`no such file: ${pathname}\n`);
    }
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const server = serve().listen(Number(process.argv[2] ?? 8080), "127.0.0.1", () => {
    console.log(`http://127.0.0.1:${server.address().port}/${process.argv[3] ?? "digits-browser"}/`);
  });
}
