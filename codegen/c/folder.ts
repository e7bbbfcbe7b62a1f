/** @file An artifact as a folder: header, code, weights, test, build files, report. */
import type { Artifact, Fact, Resources } from "../target.ts";
import { codeText, type FileFacts, fileBase, headerText, weightsText } from "./files.ts";
import type { CProgram } from "./module.ts";
import { cmakeText, libraryText, makeText, reportText, testText } from "./project.ts";
import type { Report } from "./report.ts";

interface Parts extends Artifact {
  readonly program: CProgram;
  readonly report: Report;
  readonly facts: FileFacts;
}

const hex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (b) => b.toString(16).padStart(2, "0")).join("");

/** Names and contents, in the order in which they are to be written. */
export async function artifactFiles(artifact: Artifact): Promise<ReadonlyMap<string, Uint8Array>> {
  const { program, report, facts: given, weights } = artifact as Parts;
  const text = new TextEncoder();
  const hash = hex(await crypto.subtle.digest("SHA-256", joined([artifact.code, weights])));
  const facts: FileFacts = { ...given, hash };
  const base = fileBase(program);
  const files = new Map<string, Uint8Array>();
  if (facts.weights === "bin") files.set(`${base}_weights.bin`, weights);
  else {
    const constants = weightsText(program);
    if (constants) files.set(`${base}_weights.c`, constants);
  }
  files.set(`${base}.c`, text.encode(codeText(program, facts)));
  files.set(`${base}.h`, text.encode(headerText(program, facts)));
  const hasWeights = files.has(`${base}_weights.c`);
  const more: readonly (readonly [name: string, content: string])[] = [
    [`${base}_test.c`, testText(program, facts.weights)],
    ["CMakeLists.txt", cmakeText(program, facts, hasWeights)],
    [`${base}.mk`, makeText(program, facts, hasWeights)],
    ["library.json", libraryText(program, facts)],
    [`${base}_report.json`, `${JSON.stringify({ ...report, hash }, null, 2)}\n`],
    [`${base}_report.txt`, reportText(report)],
  ];
  for (const [name, content] of more) files.set(name, text.encode(content));
  return files;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.byteLength, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.byteLength;
  }
  return all;
}

export function artifactFacts(artifact: Artifact, files: ReadonlyMap<string, Uint8Array>): readonly Fact[] {
  const { program, report } = artifact as Parts;
  const code = files.get(`${fileBase(program)}.c`)!;
  return [
    { name: "kernels", value: `${program.kernels.length} (${program.kernels.reduce((n, k) => n + k.calls, 0)} calls)` },
    { name: "code", value: { shipped: [code] } },
    { name: "weights", value: { bytes: report.constants } },
    { name: "workspace", value: { bytes: report.workspace } },
  ];
}

export function artifactResources(artifact: Artifact): Resources {
  const { report: r } = artifact as Parts;
  return {
    ram: r.workspace + (r.inPlace ? 0 : r.inputs + r.outputs),
    flash: r.constants + r.codeEstimate,
    text: reportText(r),
    json: r,
  };
}
