/** @file The flags that say how IR is printed, with mlir-opt's names: for every command that prints IR. */
import { type Command, Option } from "commander";
import type { PrintOptions } from "../index.ts";
import { toCount, toSwitch } from "./arguments.ts";

/** Flags whose value may be left out (`normalizeFlags`). */
export const printSwitches = [
  "print-generic",
  "mlir-print-op-generic",
  "mlir-print-debuginfo",
  "mlir-print-local-scope",
  "mlir-print-value-users",
  "keep-names",
] as const;

export interface PrintFlags {
  readonly printGeneric?: boolean;
  readonly mlirPrintOpGeneric?: boolean;
  readonly mlirPrintDebuginfo?: boolean;
  readonly mlirPrintLocalScope?: boolean;
  readonly mlirPrintValueUsers?: boolean;
  readonly keepNames?: boolean;
  readonly mlirElideElementsattrsIfLarger?: number;
  readonly mlirElideResourceStringsIfLarger?: number;
  readonly resources?: "inline" | "names";
  readonly mlirVersion?: "19" | "22";
}

export function addPrintFlags(command: Command): void {
  const on = (flags: string, help: string): Option => new Option(`${flags} [bool]`, help).argParser(toSwitch);
  command
    .addOption(on("--print-generic", "print every op in the generic form"))
    .addOption(on("--mlir-print-op-generic", "the same, by mlir-opt's name").hideHelp())
    .addOption(on("--mlir-print-debuginfo", "print places as loc(…)"))
    .addOption(on("--mlir-print-local-scope", "print without aliases, each line by itself"))
    .addOption(on("--mlir-print-value-users", "name the users of values in comments"))
    .addOption(on("--keep-names", "values keep the names of the text they were read from"))
    .addOption(
      new Option("--mlir-elide-elementsattrs-if-larger <n>", "leave out constants of more elements").argParser(toCount),
    )
    .addOption(
      new Option("--mlir-elide-resource-strings-if-larger <n>", "leave out resources of longer text").argParser(
        toCount,
      ),
    )
    .addOption(new Option("--resources <how>", "big constants at the end of the text").choices(["inline", "names"]))
    .addOption(
      new Option("--mlir-version <version>", "whose generic form is printed").choices(["19", "22"]).default("19"),
    );
}

export function printOptions(flags: PrintFlags): PrintOptions {
  return {
    generic: flags.printGeneric || flags.mlirPrintOpGeneric || false,
    debugInfo: flags.mlirPrintDebuginfo ?? false,
    localScope: flags.mlirPrintLocalScope ?? false,
    valueUsers: flags.mlirPrintValueUsers ?? false,
    keepNames: flags.keepNames ?? false,
    resources: flags.resources ?? "inline",
    mlirVersion: flags.mlirVersion === "22" ? 22 : 19,
    ...(flags.mlirElideElementsattrsIfLarger !== undefined && {
      elideElementsAttrsIfLarger: flags.mlirElideElementsattrsIfLarger,
    }),
    ...(flags.mlirElideResourceStringsIfLarger !== undefined && {
      elideResourcesIfLarger: flags.mlirElideResourceStringsIfLarger,
    }),
  };
}
