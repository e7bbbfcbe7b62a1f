/** @file What `sluice` says without a command, with --help, and about a command that it does not know. */
import { nearest } from "../index.ts";
import { print, style } from "./terminal.ts";
import { usageFault } from "./usage.ts";

type Entries = Readonly<Record<string, { readonly summary?: string }>>;

export function help(args: readonly string[], commands: Entries, version: string): number {
  const [name] = args;
  const shown = Object.entries(commands).filter(([, c]) => c.summary !== undefined);
  if (name !== undefined && name !== "--help" && name !== "-h" && name !== "help") {
    const near = nearest(
      name,
      shown.map(([c]) => c),
    );
    throw usageFault(
      name.startsWith("-") ? `unknown option '${name}'` : `there is no command '${name}'`,
      near ? `did you mean '${near}'?` : "`sluice --help` lists the commands",
    );
  }
  const width = Math.max(...shown.map(([c]) => c.length));
  const rows = shown.map(([c, { summary }]) => `  ${style.bold(c.padEnd(width))}  ${summary}\n`);
  print(
    `sluice ${version}: a multi-level ML compiler. ONNX in; WebAssembly, WGSL or C out.\n\n` +
      `Usage: sluice COMMAND [ARGUMENTS]\n\n${rows.join("")}\n` +
      "`sluice COMMAND --help` shows what a command takes.\n",
  );
  return 0;
}
