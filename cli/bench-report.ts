/** @file What was measured, as a table of text and as a page with charts. */
import type { Roof } from "../index.ts";
import type { Result, Timing } from "./bench-measure.ts";
import { amountText, bytesText } from "./model.ts";
import { type Cell, colour, drawing, escapeHtml, legend, pageHtml, rect, tableHtml, text } from "./page.ts";
import { clip, percent, short, tableText } from "./table.ts";

export interface ModelReport {
  readonly model: string;
  readonly macs: number;
  readonly compileMs: number;
  readonly codeBytes: number;
  readonly codeGzip: number;
  readonly loaderGzip: number;
  readonly weightsBytes: number;
  readonly results: readonly Result[];
}

export interface BenchReport {
  readonly machine: string;
  readonly date: string;
  readonly threads: number;
  readonly pin: string | null;
  readonly nodeArgs: readonly string[];
  readonly roof: Roof;
  readonly models: readonly ModelReport[];
}

const rate = (macs: number, t: Timing): number => (2 * macs) / t.median / 1e6;
const label = (r: Result): string => {
  const variant = r.info?.variant;
  return typeof variant === "string" && !r.label.includes(variant) ? `${r.label} (${variant})` : r.label;
};

const head = [
  "contender",
  "min ms",
  "median",
  "p99",
  "ratio",
  "range",
  "GFLOP/s",
  "of peak",
  "load ms",
  "first ms",
  "RSS MB",
  "CPU",
  "difference",
];

function cells(m: ModelReport, r: Result, roof: Roof): string[] {
  const t = r.timing!;
  const gflops = rate(m.macs, t);
  return [
    clip(label(r), 40),
    short(t.min),
    short(t.median),
    short(t.p99),
    `${t.ratio.toFixed(2)}x`,
    t.ratioRange.map((v) => v.toFixed(2)).join("–"),
    m.macs ? short(gflops) : "–",
    m.macs ? percent(gflops / roof.flops) : "–",
    short(t.load),
    short(t.first),
    (t.rssBytes / 1e6).toFixed(0),
    percent(t.cpu),
    t.difference === undefined ? "–" : t.difference === 0 ? "0" : t.difference.toExponential(1),
  ];
}

const sizes = (m: ModelReport): string =>
  `${amountText(m.macs)} MACs; compiled in ${m.compileMs.toFixed(0)} ms to ${bytesText(m.codeBytes)} of code (${bytesText(m.codeGzip)} gzip, loader ${bytesText(m.loaderGzip)} gzip) and ${bytesText(m.weightsBytes)} of weights`;

/** A model's table. */
export function benchText(m: ModelReport, roof: Roof): string {
  const measured = m.results.filter((r) => r.timing);
  const failed = m.results.filter((r) => r.error !== undefined);
  const table = tableText(
    head,
    measured.map((r) => cells(m, r, roof)),
  );
  const reasons = failed.map((r) => `${r.label}: not measured: ${r.error}\n`).join("");
  const disturbed = measured.filter((r) => r.timing!.cpu < 0.95).map((r) => r.label);
  const note = disturbed.length
    ? `disturbed: ${disturbed.join(", ")} had less than 95 % of a processor; trust ratios more than times\n`
    : "";
  return `\n${m.model}: ${sizes(m)}; ${short(roof.flops)} GFLOP/s at most\n\n${table}${reasons}${note}`;
}

// --- the page -------------------------------------------------------------------------------------------------

export function benchPage(report: BenchReport): string {
  const names = [...new Set(report.models.flatMap((m) => m.results.map((r) => r.label)))];
  const subtitle = `${report.machine}, ${report.threads} thread${report.threads > 1 ? "s" : ""}${report.pin === null ? "" : `, processor ${report.pin}`}${report.nodeArgs.length ? `, node ${report.nodeArgs.join(" ")}` : ""}, ${report.date.slice(0, 10)}. Medians; shorter bars are better.`;
  const bars = (of: (t: Timing) => number, unit: string): string =>
    report.models.map((m) => `<h2>${escapeHtml(m.model)}</h2>${barChart(m.results, names, of, unit)}`).join("");
  const tables = report.models.map((m) => {
    const rows = m.results
      .filter((r) => r.timing)
      .map((r): Cell[] => cells(m, r, report.roof).map((t, c) => sortable(t, c)));
    return `<h2>${escapeHtml(m.model)}</h2><p>${escapeHtml(sizes(m))}</p>${tableHtml(head, rows)}`;
  });
  return pageHtml("sluice bench", subtitle, [
    { title: "Latency", body: legend(names) + bars((t) => t.median, "ms") },
    {
      title: "Cold start",
      body: `<p>Loading and the first inference in a fresh process.</p>${legend(names)}${bars((t) => t.load + t.first, "ms")}`,
    },
    { title: "Tables", body: tables.join("") },
  ]);
}

const sortable = (words: string, column: number): Cell => {
  const value = Number.parseFloat(words);
  return column > 0 && Number.isFinite(value) ? { text: words, value } : { text: words };
};

function barChart(
  results: readonly Result[],
  names: readonly string[],
  of: (t: Timing) => number,
  unit: string,
): string {
  const shown = results.filter((r) => r.timing);
  if (shown.length === 0) return "<p>Nothing was measured.</p>";
  const most = Math.max(...shown.map((r) => of(r.timing!)));
  const parts = shown.flatMap((r, i) => {
    const value = of(r.timing!);
    const w = (value / most) * 700;
    const y = i * 24;
    return [
      text(190, y + 15, clip(label(r), 28), "end"),
      rect(200, y + 2, w, 18, colour(names.indexOf(r.label)), `${label(r)}: ${short(value)} ${unit}`),
      text(206 + w, y + 15, `${short(value)} ${unit}`),
    ];
  });
  return drawing(1000, shown.length * 24 + 4, parts);
}
