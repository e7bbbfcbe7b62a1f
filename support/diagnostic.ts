/** @file Diagnostics: what is wrong with a user's input, where, and how to mend it; and the faults that are ours. */
import type { Code } from "./codes.ts";
import { type Location, unknownLocation } from "./location.ts";

export type Severity = "error" | "warning" | "remark";

export interface Note {
  readonly message: string;
  readonly at: Location;
}

export interface Diagnostic {
  readonly code: Code;
  readonly severity: Severity;
  readonly message: string;
  readonly at: Location;
  readonly notes: readonly Note[];
  readonly help?: string;
}

export interface DiagnosticExtras {
  readonly notes?: readonly Note[];
  readonly help?: string;
}

/** The sink that collects diagnostics. Reporting never throws; whoever drives asks `hasErrors` when a step is done. */
export class Diagnostics {
  readonly list: Diagnostic[] = [];
  #errors = 0;

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  get errorCount(): number {
    return this.#errors;
  }

  report(diagnostic: Diagnostic): void {
    if (diagnostic.severity === "error") this.#errors++;
    this.list.push(diagnostic);
  }

  error(code: Code, at: Location, message: string, extras: DiagnosticExtras = {}): void {
    this.report(makeDiagnostic("error", code, at, message, extras));
  }

  warning(code: Code, at: Location, message: string, extras: DiagnosticExtras = {}): void {
    this.report(makeDiagnostic("warning", code, at, message, extras));
  }

  remark(code: Code, at: Location, message: string, extras: DiagnosticExtras = {}): void {
    this.report(makeDiagnostic("remark", code, at, message, extras));
  }

  addAll(others: Iterable<Diagnostic>): void {
    for (const d of others) this.report(d);
  }

  /** Throws a CompileError with everything collected if there is an error among it. */
  throwIfErrors(): void {
    if (this.hasErrors) throw new CompileError(this.list.slice());
  }
}

export function makeDiagnostic(
  severity: Severity,
  code: Code,
  at: Location,
  message: string,
  extras: DiagnosticExtras = {},
): Diagnostic {
  const base = { code, severity, message, at, notes: extras.notes ?? [] };
  return extras.help === undefined ? base : { ...base, help: extras.help };
}

/** The input is at fault; carries all diagnostics of the run, not only the first. */
export class CompileError extends Error {
  override readonly name = "CompileError";
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    const errors = diagnostics.filter((d) => d.severity === "error");
    super(
      errors.length === 1
        ? `${errors[0]!.code}: ${errors[0]!.message}`
        : `${errors.length} errors: ${errors
            .slice(0, 5)
            .map((d) => `${d.code}: ${d.message}`)
            .join("; ")}`,
    );
    this.diagnostics = diagnostics;
  }
}

/** One user fault that stops the current step at once (the interpreter's faults, a pass that cannot go on). */
export function fault(code: Code, at: Location, message: string, extras: DiagnosticExtras = {}): CompileError {
  return new CompileError([makeDiagnostic("error", code, at, message, extras)]);
}

/** We are at fault, not the input. */
export class InternalError extends Error {
  override readonly name = "InternalError";
  readonly at: Location;

  constructor(message: string, at: Location = unknownLocation) {
    super(message);
    this.at = at;
  }
}

/** States what our own code relies on. A failure is a bug of sluice, never a fault of the input. */
export function invariant(condition: unknown, message: string, at?: Location): asserts condition {
  if (!condition) throw new InternalError(message, at);
}

/** Closes an exhaustive switch. */
export function unreachable(value: never): never {
  throw new InternalError(`unexpected ${JSON.stringify(value)}`);
}
