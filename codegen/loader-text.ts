/** @file What the loaders of all targets that run in JavaScript are written with. */

/** A name stays on its line. */
export const commentText = (name: string): string => name.replace(/[\p{C}\u2028\u2029]/gu, "?");

/** `read(name, base)`: the bytes of a file beside the loader, from the disk or over the network. */
export const readText = `async function read(name, base) {
  const url = new URL(name, base);
  if (url.protocol === "file:") {
    const fs = "node:fs/promises";
    return (await import(/* @vite-ignore */ /* webpackIgnore: true */ fs)).readFile(url);
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(\`cannot load \${url}: \${response.status} \${response.statusText}\`);
  return response.arrayBuffer();
}`;
