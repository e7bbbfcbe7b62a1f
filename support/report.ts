/**
 * @file Draws diagnostics: an excerpt with a caret, notes and help, as plain text or with ANSI colours; one line each in
 * the manner of mlir-opt; or JSON for tools. (The drawing follows rustc's and codespan's.)
 */
import { type Code, codes } from "./codes.ts";
import type { Diagnostic, Severity } from "./diagnostic.ts";
import { describeLocation, type Location, primary } from "./location.ts";
import type { Source } from "./source.ts";

export interface ReportOptions {
  /** ANSI colours. */
  readonly color?: boolean;
  /** Lines of the source are cut to about this many characters. */
  readonly width?: number;
}

const WIDTH = 120;

type Style = "bold" | "red" | "yellow" | "cyan" | "green" | "dim";
const ansi: Readonly<Record<Style, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };
const severityStyle: Readonly<Record<Severity, Style>> = { error: "red", warning: "yellow", remark: "cyan" };

type Paint = (text: string, ...styles: readonly Style[]) => string;
const plain: Paint = (text) => text;
const colored: Paint = (text, ...styles) => `\u001b[${styles.map((s) => ansi[s]).join(";")}m${text}\u001b[0m`;

/** The drawings of all diagnostics, with an empty line between two, ending with a line break; nothing for none. */
export const renderDiagnostics = (list: readonly Diagnostic[], options: ReportOptions = {}): string =>
  list.map((d) => renderDiagnostic(d, options)).join("\n");

/** A diagnostic over several lines, ending with a line break. */
export function renderDiagnostic(d: Diagnostic, options: ReportOptions = {}): string {
  const paint = options.color ? colored : plain;
  const width = options.width ?? WIDTH;
  const excerpts = [d.at, ...d.notes.map((n) => n.at)].map(excerptOf);
  const gutter = Math.max(1, ...excerpts.map((e) => (e ? String(e.line).length : 0)));
  const bar = (mark: string): string => paint(`${" ".repeat(gutter)} ${mark}`, "cyan");
  const lines = [
    `${paint(`${d.severity}[${d.code}]`, "bold", severityStyle[d.severity])}${paint(`: ${d.message}`, "bold")}`,
  ];
  if (d.at.kind !== "unknown") lines.push(`${bar("┌─")} ${describeLocation(d.at)}`);
  const draw = (excerpt: Excerpt, style: Style): void => {
    const { text, before, marked } = cut(excerpt, Math.max(20, width - gutter - 3));
    lines.push(`${paint(`${String(excerpt.line).padStart(gutter)} │`, "cyan")} ${text}`.trimEnd());
    lines.push(`${bar("│")} ${before}${paint("^".repeat(marked), "bold", style)}`);
  };
  const [main] = excerpts;
  if (main) draw(main, severityStyle[d.severity]);
  d.notes.forEach((note, i) => {
    const excerpt = excerpts[i + 1];
    const elsewhere = note.at.kind !== "unknown" && !(excerpt && main && excerpt.source === main.source);
    lines.push(`${bar("├─")} ${note.message}${elsewhere ? ` (${describeLocation(note.at)})` : ""}`);
    if (excerpt) draw(excerpt, "cyan");
  });
  if (d.help !== undefined) lines.push(`${" ".repeat(gutter)} ${paint("help", "bold", "green")}: ${d.help}`);
  return `${lines.join("\n")}\n`;
}

/** `file:line:column: error: message`, and the notes likewise, as mlir-opt prints them. Ends with a line break. */
export function diagnosticLine(d: Diagnostic): string {
  const line = (at: Location, severity: string, message: string): string => {
    const place = primary(at);
    return `${place.kind === "unknown" ? "" : `${describeLocation(place)}: `}${severity}: ${message}\n`;
  };
  return line(d.at, d.severity, d.message) + d.notes.map((n) => line(n.at, "note", n.message)).join("");
}

// --- JSON -----------------------------------------------------------------------------------------------------

/** A place for tools: where it leads to, and that in words. Lines and columns count from 1; the end is exclusive. */
export interface PlaceJson {
  readonly text: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly endLine?: number;
  readonly endColumn?: number;
}

export interface DiagnosticJson {
  readonly code: Code;
  readonly title: string;
  readonly severity: Severity;
  readonly message: string;
  readonly at: PlaceJson;
  readonly notes: readonly { readonly message: string; readonly at: PlaceJson }[];
  readonly help?: string;
}

export function diagnosticJson(d: Diagnostic): DiagnosticJson {
  const json = {
    code: d.code,
    title: codes[d.code].title,
    severity: d.severity,
    message: d.message,
    at: placeJson(d.at),
    notes: d.notes.map((n) => ({ message: n.message, at: placeJson(n.at) })),
  };
  return d.help === undefined ? json : { ...json, help: d.help };
}

function placeJson(at: Location): PlaceJson {
  const text = describeLocation(at);
  const place = primary(at);
  if (place.kind === "file") return { text, file: place.file, line: place.line, column: place.column };
  if (place.kind !== "span") return { text };
  const start = place.source.position(place.start);
  const end = place.source.position(place.end);
  return {
    text,
    file: place.source.name,
    line: start.line,
    column: start.column,
    endLine: end.line,
    endColumn: end.column,
  };
}

// --- excerpts -------------------------------------------------------------------------------------------------

interface Excerpt {
  readonly source: Source;
  readonly line: number;
  readonly text: string;
  /** Offsets in the line of what is marked; a span of several lines is marked to the end of the first. */
  readonly start: number;
  readonly end: number;
}

function excerptOf(at: Location): Excerpt | undefined {
  const place = primary(at);
  if (place.kind !== "span") return undefined;
  const { line, column } = place.source.position(place.start);
  const text = place.source.line(line);
  const start = Math.min(column - 1, text.length);
  const end = Math.max(start + 1, Math.min(start + place.end - place.start, text.length));
  return { source: place.source, line, text, start, end };
}

/** The part of a line to show, what stands before the marks (tabs stay tabs), and how many marks there are. */
function cut({ text, start, end }: Excerpt, width: number): { text: string; before: string; marked: number } {
  if (text.length <= width) return { text, before: blank(text.slice(0, start)), marked: end - start };
  // Long lines are shown from a little before the marks.
  const room = width - 2;
  const from = start < room * 0.75 ? 0 : start - Math.floor(room / 3);
  const to = Math.min(text.length, from + room);
  const head = from > 0 ? "…" : "";
  const shown = `${head}${text.slice(from, to)}${to < text.length ? "…" : ""}`;
  return {
    text: shown,
    before: blank(head + text.slice(from, start)),
    marked: Math.max(1, Math.min(end, to) - start),
  };
}

const blank = (text: string): string => text.replace(/[^\t]/g, " ");
