/** @file The text of docs/conformance.md: tables of counts, and what does not pass, by reason. */
import type { Outcome, Status } from "./run-case.ts";

export interface SuiteRun {
  readonly suite: string;
  readonly target: string;
  readonly outcomes: readonly Outcome[];
}

const notice = "<!-- Written by `npm run docs:conformance`; do not edit. -->";
const begin = (run: SuiteRun): string => `<!-- ${run.suite} on ${run.target} -->`;

const statuses: readonly Status[] = ["pass", "fail", "error", "timeout", "unsupported"];
const count = (outcomes: readonly Outcome[], s: Status): number => outcomes.filter((o) => o.status === s).length;

/** Sections of a page, by their first line. */
function sectionsOf(page: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of page.split(/^(?=<!-- .* on .* -->$)/m).slice(1)) {
    found.set(part.slice(0, part.indexOf("\n")), part.trimEnd());
  }
  return found;
}

/** The page with the sections of these runs new, and what `before` has of others. */
export function pageOf(runs: readonly SuiteRun[], before: string): string {
  const sections = sectionsOf(before);
  for (const run of runs) sections.set(begin(run), sectionOf(run));
  const order = [...sections].sort(([a], [b]) => rank(a) - rank(b));
  const rows = order.map(([, text]) => /^\| \*\*.*$/m.exec(text)?.[0] ?? "");
  return [
    notice,
    "",
    "# Conformance",
    "",
    "What passes of ONNX's own tests and of trained networks, on each target. *Pass*: every output is within the case's tolerance",
    "(1e-3 relative, 1e-7 absolute, if it names none). *Fail*: a wrong answer. *Error*: stopped with a diagnostic or a trap",
    "while it was compiled or run. *Unsupported*: refused with a diagnostic when it was read. *Given*: cases of which some inputs",
    "were made known at compile time, because sizes, axes or counts depend on them. `npm run conformance` runs a folder of cases.",
    "",
    head,
    line,
    ...rows,
    "",
    ...order.flatMap(([, text]) => [text, ""]),
  ].join("\n");
}

const columns = ["suite", "target", "cases", ...statuses, "given"];
const head = `| ${columns.join(" | ")} |`;
const line = `| ${columns.map((_, i) => (i < 2 ? "---" : "--:")).join(" | ")} |`;

const suitesInOrder = ["Official", "Node tests", "Trained"];
const rank = (first: string): number => suitesInOrder.findIndex((s) => first.includes(s));

function sectionOf({ suite, target, outcomes }: SuiteRun): string {
  const given = outcomes.filter((o) => o.specialized.length > 0).length;
  const counts = [outcomes.length, ...statuses.map((s) => count(outcomes, s)), given];
  const rest = outcomes.filter((o) => o.status !== "pass");
  const byTarget = rest.filter((o) => o.status === "unsupported" && o.reason.startsWith(refusal)).length;
  const groups = new Map<string, Outcome[]>();
  for (const o of rest) {
    const key = `${o.status}: ${reasonOf(o)}`;
    groups.set(key, [...(groups.get(key) ?? []), o]);
  }
  const byCount = [...groups].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
  return [
    begin({ suite, target, outcomes }),
    `## ${suite}: ${target}`,
    "",
    head,
    line,
    `| **${suite}** | ${[target, ...counts].join(" | ")} |`,
    "",
    ...(byTarget === 0 ? [] : [`Of what is unsupported, the target itself refuses ${byTarget}.`, ""]),
    ...(rest.length === 0 ? ["All cases pass."] : ["What does not pass, by reason:", ""]),
    ...byCount.map(([key, cases]) => `- ${cases.length} × ${key} — ${namesText(cases)}`),
  ].join("\n");
}

/** How the reasons of what a target cannot do begin. */
const refusal = "target/unsupported: ";

/** The first line of a reason without what differs from case to case. */
function reasonOf(o: Outcome): string {
  const line = o.reason.split("\n")[0]!.slice(0, 160);
  const text = line.startsWith(refusal) ? line.replace(/"[^"]*" is/, "a value is") : line;
  return o.status === "fail" ? "a value beyond the tolerance" : text.replace(/[<|>`]/g, "'");
}

/** Names of the cases; of many the first ones. */
function namesText(cases: readonly Outcome[]): string {
  const names = cases.map((c) => c.name.replace(/^.*\//, "").replace(/^test_/, ""));
  const shown = names.slice(0, 12).join(", ");
  return names.length > 12 ? `${shown}, …` : shown;
}
