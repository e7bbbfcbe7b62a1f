/** @file Flags for what targets leave to choose. */
import type { Command } from "commander";

/** The flags, as commander reads them; what is not given is left to the target. */
export interface SettingFlags {
  readonly cpu?: string;
  readonly opt?: string;
  readonly io?: string;
  readonly requant?: string;
  readonly inPlaceIo?: boolean;
  readonly weights?: string;
  readonly embed?: boolean;
}

export function addSettingFlags(command: Command): void {
  command
    .option("--cpu <name>", "the machine to make code for: a name the target knows, or native for this one")
    .option("--opt <what>", "what to make small: the time of a run (speed), code (size) or the workspace (ram)")
    .option(
      "--io <layout>",
      "inputs and outputs of four dimensions as the model has them (nchw) or channels last (nhwc)",
    )
    .option(
      "--requant <semantics>",
      "how sums of integers become bytes: times a float, rounded to even (onnx), or in fixed point (tflite)",
    )
    .option("--in-place-io", "inputs and outputs lie in the workspace")
    .option("--weights <form>", "weights as C text (c) or as a file of bytes (bin)")
    .option("--embed", "code and weights inside of the loader: one file to ship")
    .option("--no-embed", "code and weights as files of their own (the default)");
}

/** The settings that flags choose. */
export function settingsOf({
  cpu,
  opt,
  io,
  requant,
  inPlaceIo,
  weights,
  embed,
}: SettingFlags): Readonly<Record<string, string>> {
  return {
    ...(cpu === undefined ? {} : { cpu }),
    ...(opt === undefined ? {} : { opt }),
    ...(io === undefined ? {} : { io }),
    ...(requant === undefined ? {} : { requant }),
    ...(inPlaceIo ? { "in-place-io": "yes" } : {}),
    ...(weights === undefined ? {} : { weights }),
    // Separate files are what targets make without being asked; those that know no other form have no such setting.
    ...(embed ? { embed: "yes" } : {}),
  };
}

/** The same for what is run here: it is made for this machine, where that makes a difference and no other is asked for. */
export const settingsHere = (
  known: Readonly<Record<string, unknown>> | undefined,
  flags: SettingFlags,
): Readonly<Record<string, string>> => ({
  ...(known && "cpu" in known ? { cpu: "native" } : {}),
  ...settingsOf(flags),
});
