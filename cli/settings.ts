/** @file Flags for what targets leave to choose. */
import type { Command } from "commander";

/** The flags, as commander reads them; what is not given is left to the target. */
export interface SettingFlags {
  readonly cpu?: string;
  readonly weights?: string;
}

export function addSettingFlags(command: Command): void {
  command
    .option("--cpu <name>", "the machine to make code for: a name the target knows, or native for this one")
    .option("--weights <form>", "weights as C text (c) or as a file of bytes (bin)");
}

/** The settings that flags choose. */
export function settingsOf({ cpu, weights }: SettingFlags): Readonly<Record<string, string>> {
  return { ...(cpu === undefined ? {} : { cpu }), ...(weights === undefined ? {} : { weights }) };
}
