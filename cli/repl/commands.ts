/** @file All commands of the REPL, in the order in which .help lists them. */
import { nearest } from "../../index.ts";
import { usageFault } from "../usage.ts";
import type { CommandGroup, ReplCommand } from "./command.ts";
import { executeCommands } from "./commands-execute.ts";
import { lookCommands } from "./commands-look.ts";
import { sessionCommands } from "./commands-session.ts";
import { transformCommands } from "./commands-transform.ts";

export const commandGroups: readonly CommandGroup[] = [
  { title: "the session", commands: sessionCommands },
  { title: "look at the program", commands: lookCommands },
  { title: "transform it", commands: transformCommands },
  { title: "run it", commands: executeCommands },
];

/** The command of a name or of the beginning of one, if that is clear. */
export function findCommand(name: string): ReplCommand {
  const commands = commandGroups.flatMap((g) => g.commands);
  const exact = commands.find((c) => c.name === name || c.aliases?.includes(name));
  if (exact) return exact;
  const begun = commands.filter((c) => c.name.startsWith(name));
  if (begun.length === 1) return begun[0]!;
  if (begun.length > 1) {
    throw usageFault(`'.${name}' may be ${begun.map((c) => `.${c.name}`).join(", ")}`, "write more of its name");
  }
  const near = nearest(
    name,
    commands.map((c) => c.name),
  );
  throw usageFault(`there is no command '.${name}'`, near ? `did you mean '.${near}'?` : ".help lists the commands");
}
