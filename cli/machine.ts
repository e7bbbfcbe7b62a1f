/** @file This machine and its engine, in words, for what is measured on it. */
import { cpus } from "node:os";

export const machineText = (): string =>
  `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${cpus().length} cores, Node ${process.versions.node} (V8 ${process.versions.v8.replace(/-.*$/, "")})`;
