/** @file Reading the arguments of a command with commander, our way: faults are diagnostics, and nothing exits. */
import { type Command, CommanderError, InvalidArgumentError } from "commander";
import { print } from "./terminal.ts";
import { usageFault } from "./usage.ts";

/**
 * Reads arguments. Answers the command, or the exit code where nothing is left to do (help was asked for).
 * @throws CompileError (`cli/usage`)
 */
export function parseArguments(command: Command, args: readonly string[]): Command | number {
  command
    .exitOverride()
    .helpOption("-h, --help", "show this")
    .configureOutput({ writeOut: print, writeErr: () => {} });
  if (!command.parent) command.name(`sluice ${command.name()}`);
  try {
    return command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    const [message, hint] = error.message.replace(/^error: /, "").split("\n");
    const help = hint?.replace(/^\((.*)\)$/, "$1") ?? `\`${command.name()} --help\` shows the usage`;
    throw usageFault(message!, help);
  }
}

/**
 * Flags whose value may be left out swallow a file that follows them. So `--flag` alone becomes `--flag=`, and a value
 * is always written `--flag=value`. LLVM's tools also take long flags after a single dash; then that becomes two.
 */
export function normalizeFlags(args: readonly string[], optionalValue: ReadonlySet<string>): string[] {
  return args.map((arg) => {
    const flag = /^--?([A-Za-z][\w-]+)$/.exec(arg)?.[1];
    if (flag !== undefined && optionalValue.has(flag)) return `--${flag}=`;
    return /^-[A-Za-z][\w-]+(=.*)?$/s.test(arg) ? `-${arg}` : arg;
  });
}

/** The value of a switch: `--flag`, `--flag=true`, `--flag=false`. */
export function toSwitch(text: string): boolean {
  if (/^(|1|true|on|yes)$/i.test(text)) return true;
  if (/^(0|false|off|no)$/i.test(text)) return false;
  throw new InvalidArgumentError("Expected true or false.");
}

export function toCount(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("Expected a number.");
  return Number(text);
}
