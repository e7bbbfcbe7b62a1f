/** @file The command line, or a command of the REPL, is at fault. */
import { type CompileError, fault, unknownLocation } from "../index.ts";

export const usageFault = (message: string, help?: string): CompileError =>
  fault("cli/usage", unknownLocation, message, help === undefined ? {} : { help });
