/** @file What the loaders of all targets that run in JavaScript are written with. */
import type { Port } from "../runtime/manifest.ts";
import { arrayNames } from "./files.ts";

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

/** Fields for inputs or outputs in a declaration, by name, with their arrays; `more` are other forms that they may have. */
export const fieldsText = (ports: readonly Port[], more = ""): string =>
  ports
    .map(
      (p) => `  /** ${p.type} [${p.shape.join(", ")}] */\n  ${JSON.stringify(p.name)}: ${arrayNames[p.type]}${more};`,
    )
    .join("\n");

/** The declaration of what a session says of an input or output. */
export const portDeclaration = `export interface Port {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
}`;

/** Whole threes of bytes, so that the pieces can be joined; as many as a call takes arguments. */
const piece = 3 << 12;

function base64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let i = 0; i < bytes.length; i += piece) pieces.push(btoa(String.fromCharCode(...bytes.subarray(i, i + piece))));
  return pieces.join("");
}

/** The same `read`, of files that are part of the text itself: nothing is fetched. */
export const embeddedReadText = (files: ReadonlyMap<string, Uint8Array>): string => `const embedded = {
${[...files].map(([name, bytes]) => `  ${JSON.stringify(name)}: "${base64(bytes)}",`).join("\n")}
};

const read = async (name) => Uint8Array.from(atob(embedded[name]), (c) => c.charCodeAt(0));`;
