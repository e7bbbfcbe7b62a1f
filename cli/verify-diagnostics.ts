/**
 * @file --verify-diagnostics: the text says in comments which diagnostics it expects, and where.
 *
 *     // expected-error@+1 {{op operand #0 must be}}
 *
 * The place is a line: this one, `@+N` or `@-N` lines from here, `@above` and `@below` the nearest line that is no such
 * comment, `@unknown` no line at all. The text in braces is part of the message; after `-re` what stands in `{{…}}` inside
 * of it is a regular expression. (As MLIR's SourceMgrDiagnosticVerifierHandler.)
 */
import { type Diagnostic, fault, makeDiagnostic, primary, type Source, span, unknownLocation } from "../index.ts";

const designator =
  /expected-(?<severity>error|note|remark|warning)(?<re>-re)? *(?:@(?<place>[+-]\d+|above|below|unknown))? *\{\{(?<text>.*)\}\}$/;

interface Expectation {
  readonly severity: string;
  /** Line from 1; undefined is no line. */
  readonly line: number | undefined;
  readonly text: string;
  readonly pattern: RegExp;
  readonly at: ReturnType<typeof span>;
  met: boolean;
}

/** What happened at a line. */
interface Event {
  readonly severity: string;
  readonly message: string;
  readonly line: number | undefined;
  readonly of: Diagnostic;
}

/**
 * Compares what is reported with what the text expects. The answer is what is wrong: what was expected in vain, and what
 * came unexpectedly (unless `onlyExpected`). Notes need not be expected.
 */
export function checkExpectations(
  source: Source,
  diagnostics: readonly Diagnostic[],
  onlyExpected = false,
): readonly Diagnostic[] {
  const expectations = expectationsOf(source);
  const wrong: Diagnostic[] = [];
  for (const event of diagnostics.flatMap(eventsOf)) {
    const fits = (e: Expectation): boolean =>
      e.severity === event.severity && e.line === event.line && e.pattern.test(event.message);
    const met = expectations.find((e) => !e.met && fits(e)) ?? expectations.find(fits);
    if (met) met.met = true;
    else if (event.severity !== "note" && !onlyExpected) {
      wrong.push({ ...event.of, severity: "error", message: `unexpected ${event.severity}: ${event.message}` });
    }
  }
  for (const e of expectations) {
    if (!e.met)
      wrong.push(
        makeDiagnostic("error", "cli/expectation", e.at, `expected ${e.severity} "${e.text}" was not produced`),
      );
  }
  return wrong;
}

function eventsOf(d: Diagnostic): Event[] {
  const lineOf = (at: Diagnostic["at"]): number | undefined => {
    const place = primary(at);
    if (place.kind === "span") return place.source.position(place.start).line;
    return place.kind === "file" ? place.line : undefined;
  };
  return [
    { severity: d.severity, message: d.message, line: lineOf(d.at), of: d },
    ...d.notes.map((n) => ({ severity: "note", message: n.message, line: lineOf(n.at), of: d })),
  ];
}

function expectationsOf(source: Source): Expectation[] {
  const found: Expectation[] = [];
  // `@below` waits for the next line without a designator.
  let waiting: Omit<Expectation, "line">[] = [];
  let lastPlain: number | undefined;
  let offset = 0;
  for (let line = 1; line <= source.lineCount; line++) {
    const text = source.line(line);
    const groups = designator.exec(text.trimEnd())?.groups;
    if (groups) {
      const { severity, re, place, text: wanted } = groups;
      const expectation = {
        severity: severity!,
        text: wanted!,
        pattern: patternOf(wanted!, re !== undefined),
        at: span(source, offset + text.indexOf(`expected-${severity}`), offset + text.trimEnd().length),
        met: false,
      };
      if (place === "below") waiting.push(expectation);
      else if (place === "above") found.push({ ...expectation, line: lastPlain });
      else if (place === "unknown") found.push({ ...expectation, line: undefined });
      else found.push({ ...expectation, line: line + Number(place ?? 0) });
    } else {
      for (const e of waiting) found.push({ ...e, line });
      waiting = [];
      lastPlain = line;
    }
    offset = source.text.indexOf("\n", offset) + 1;
  }
  for (const e of waiting) found.push({ ...e, line: source.lineCount });
  return found;
}

function patternOf(text: string, withExpressions: boolean): RegExp {
  const literal = (s: string): string => s.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  if (!withExpressions) return new RegExp(literal(text));
  const parts = text.split(/\{\{(.*?)\}\}/);
  const pattern = parts.map((part, i) => (i % 2 === 1 ? `(?:${part})` : literal(part))).join("");
  try {
    return new RegExp(pattern);
  } catch {
    throw fault("cli/expectation", unknownLocation, `'${text}' holds no regular expression`);
  }
}
