/** @file A profile as a page: overview with the roofline, operators, kernels, nodes, one run on a line of time, memory. */
import type { Profile, Profiling, Row, RunRecord } from "../index.ts";
import { amountText, bytesText } from "./model.ts";
import {
  type Cell,
  colour,
  drawing,
  legend,
  line,
  pageHtml,
  palette,
  rect,
  type Tab,
  tableHtml,
  text,
} from "./page.ts";
import { percent, short } from "./table.ts";

const width = 1120;

export function profilePage(profiling: Profiling, profile: Profile, typical: RunRecord): string {
  const operators = profiling.operatorRows(profile);
  const kernels = profiling.kernelRows(profile);
  const tabs: readonly Tab[] = [
    { title: "Overview", body: overview(profile, operators, kernels) },
    { title: "Operators", body: rowsTable("operators", operators) },
    { title: "Kernels", body: rowsTable("kernel", kernels) },
    { title: "Nodes", body: rowsTable("nodes", profiling.nodeRows(profile)) },
    { title: "Trace", body: trace(profile, typical, operators) },
    { title: "Memory", body: memory(profile, profiling.liveBytes(profile)) },
  ];
  const subtitle = `${profile.target} on ${profile.machine}. Medians of ${profile.runs} inferences.`;
  return pageHtml(`Profile of ${profile.model}`, subtitle, tabs);
}

function rowsTable(what: string, rows: readonly Row[]): string {
  const head = [
    what,
    "calls",
    "ms",
    "share",
    "GFLOP/s",
    "flop",
    "bytes",
    "flop/byte",
    "of roof",
    "bound by",
    "if free",
  ];
  return tableHtml(
    head,
    rows.map((r): Cell[] => [
      { text: r.name },
      { text: String(r.steps.length), value: r.steps.length },
      { text: r.ms.toFixed(3), value: r.ms },
      { text: percent(r.share), value: r.share, bar: r.share },
      { text: short(r.gflops), value: r.gflops },
      { text: amountText(r.flops), value: r.flops },
      { text: bytesText(r.bytes), value: r.bytes },
      { text: short(r.intensity), value: r.intensity },
      { text: percent(r.ofRoof), value: r.ofRoof, bar: r.ofRoof },
      { text: r.bound },
      { text: `${r.ifFree.toFixed(2)}x`, value: r.ifFree },
    ]),
  );
}

// --- overview -------------------------------------------------------------------------------------------------

function overview(profile: Profile, operators: readonly Row[], kernels: readonly Row[]): string {
  const { roof, wall } = profile;
  const rate = (2 * profile.macs) / wall / 1e6;
  const cards: readonly (readonly [string, string])[] = [
    ["one inference", `${short(wall)} ms`],
    ["in kernels", percent(profile.inSteps / wall)],
    ["rate", `${short(rate)} GFLOP/s`],
    ["of the machine's arithmetic", percent(rate / roof.flops)],
    ["kernel calls", String(profile.steps.length)],
    ["limit of arithmetic", `${short(roof.flops)} GFLOP/s`],
    ...roof.bandwidths.map((b) => [`limit reading ${bytesText(b.bytes)}`, `${short(b.rate)} GB/s`] as const),
  ];
  const shown = cards.map(([name, value]) => `<div>${name}<b>${value}</b></div>`).join("");
  return `<div class="cards">${shown}</div><h2>Time by operator</h2>${shares(operators)}<h2>Roofline</h2>
<p>Each dot is a kernel; its area is its share of the time. The further below the line, the more there is to gain.</p>${roofline(profile, kernels)}`;
}

/** One bar, divided; what is small is taken together. */
function shares(rows: readonly Row[]): string {
  const big = rows.slice(0, palette.length - 1);
  const other = rows.slice(big.length).reduce((n, r) => n + r.share, 0);
  const parts = [...big.map((r) => ({ name: r.name, share: r.share })), { name: "others", share: other }];
  let x = 0;
  const bars = parts.map(({ name, share }, i) => {
    const w = share * width;
    x += w;
    return rect(x - w, 0, w, 28, colour(i), `${name}: ${percent(share)}`);
  });
  return drawing(width, 28, bars) + legend(parts.map((p) => `${p.name} ${percent(p.share)}`));
}

function roofline(profile: Profile, kernels: readonly Row[]): string {
  const rows = kernels.filter((r) => r.gflops > 0 && r.bytes > 0);
  if (rows.length === 0) return "<p>No kernel computes for as long as the clock can see.</p>";
  const { roof } = profile;
  const [left, top, right, bottom] = [56, 12, width - 16, 330];
  const xs = [
    2 ** Math.floor(Math.log2(Math.min(0.125, ...rows.map((r) => r.intensity)))),
    2 ** Math.ceil(Math.log2(Math.max(64, ...rows.map((r) => r.intensity)))),
  ];
  const ys = [
    2 ** Math.floor(Math.log2(Math.min(1, ...rows.map((r) => r.gflops)))),
    2 ** Math.ceil(Math.log2(Math.max(roof.flops, ...rows.map((r) => r.gflops)) * 1.05)),
  ];
  const scale = (v: number, [from, to]: readonly number[], a: number, b: number): number =>
    a + ((Math.log2(v) - Math.log2(from!)) / (Math.log2(to!) - Math.log2(from!))) * (b - a);
  const px = (v: number): number => scale(v, xs, left, right);
  const py = (v: number): number => scale(v, ys, bottom, top);
  const parts: string[] = [];
  for (let v = xs[0]!; v <= xs[1]!; v *= 4)
    parts.push(line(px(v), top, px(v), bottom, "#8884"), text(px(v), bottom + 14, `${v}`, "middle"));
  for (let v = ys[0]!; v <= ys[1]!; v *= 2)
    parts.push(line(left, py(v), right, py(v), "#8884"), text(left - 6, py(v) + 4, `${v}`, "end"));
  parts.push(text(right, bottom + 30, "operations per byte", "end"), text(left, top - 2, "GFLOP/s"));
  for (const b of roof.bandwidths) {
    const ridge = Math.min(Math.max(roof.flops / b.rate, xs[0]!), xs[1]!);
    const from = Math.max(xs[0]!, ys[0]! / b.rate);
    if (from >= ridge) continue;
    parts.push(line(px(from), py(b.rate * from), px(ridge), py(b.rate * ridge), "#888", "4 3"));
    parts.push(text(px(from) + 4, py(b.rate * from) - 6, `${short(b.rate)} GB/s (${bytesText(b.bytes)})`));
  }
  parts.push(
    line(left, py(roof.flops), right, py(roof.flops), "#d55e00"),
    text(right, py(roof.flops) - 5, `${short(roof.flops)} GFLOP/s`, "end"),
  );
  for (const r of rows) {
    const radius = Math.max(2, Math.sqrt(r.share) * 26);
    const tip = `${r.name}: ${r.ms.toFixed(3)} ms (${percent(r.share)}), ${short(r.gflops)} GFLOP/s, ${percent(r.ofRoof)} of roof`;
    parts.push(
      `<circle cx="${px(r.intensity).toFixed(1)}" cy="${py(r.gflops).toFixed(1)}" r="${radius.toFixed(1)}" fill="${r.bound === "compute" ? colour(0) : colour(1)}" fill-opacity="0.6"><title>${tip}</title></circle>`,
    );
  }
  return drawing(width, bottom + 40, parts) + legend(["bound by arithmetic", "bound by memory"]);
}

// --- one run --------------------------------------------------------------------------------------------------

function trace(profile: Profile, { events, wall }: RunRecord, operators: readonly Row[]): string {
  const colours = new Map(
    operators.flatMap((r, i) => r.steps.map((s) => [s, colour(Math.min(i, palette.length - 1))] as const)),
  );
  const wide = Math.max(width, Math.min(8000, events.length * 24));
  const x = (ms: number): number => (ms / wall) * wide;
  const parts: string[] = [];
  for (const { step, start, end } of events) {
    const s = profile.steps[step]!;
    const nodes = s.nodes.map((n) => n.name || `${n.opType} #${n.index}`).join(", ");
    const tip = `${s.kernel} (step ${step}) ${((end - start) * 1e3).toFixed(1)} µs, ${short(s.flops / (end - start) / 1e6)} GFLOP/s\n${nodes}`;
    parts.push(rect(x(start), 22, x(end) - x(start), 46, colours.get(step) ?? "#999", tip));
    if (x(end) - x(start) > 40) parts.push(text(x(start) + 3, 48, s.kernel));
  }
  for (let i = 0; i <= 10; i++)
    parts.push(
      text((i / 10) * wide, 14, `${short((i / 10) * wall)} ms`, i === 0 ? "start" : i === 10 ? "end" : "middle"),
    );
  const names = operators.slice(0, palette.length - 1).map((r) => r.name);
  return `<p>The run nearest to the median, ${short(wall)} ms. trace.json holds the same for Perfetto.</p>${drawing(wide, 72, parts)}${legend([...names, "others"])}`;
}

// --- memory ---------------------------------------------------------------------------------------------------

function memory(profile: Profile, live: readonly number[]): string {
  const { buffers, steps } = profile;
  if (buffers.length === 0) return "<p>The model has no buffers of its own.</p>";
  const size = Math.max(...buffers.map((b) => b.offset + b.bytes));
  const peak = Math.max(...live);
  const height = 420;
  const x = (step: number): number => (step / steps.length) * width;
  const parts = buffers.map((b, i) => {
    const tip = `${bytesText(b.bytes)} at ${b.offset}, steps ${b.first} to ${b.last} (${steps[b.first]!.kernel} … ${steps[b.last]!.kernel})`;
    const h = (b.bytes / size) * height;
    return rect(x(b.first), height - (b.offset / size) * height - h, x(b.last + 1) - x(b.first), h, colour(i), tip);
  });
  const usage = live.map((n, i) =>
    rect(
      x(i),
      90 - (n / peak) * 90,
      x(1),
      (n / peak) * 90,
      "#0072b2",
      `step ${i} (${steps[i]!.kernel}): ${bytesText(n)}`,
    ),
  );
  return `<p>The arena has ${bytesText(size)}; at most ${bytesText(peak)} are in use at a time. From left to right, the steps of one inference; from below, addresses.</p>
${drawing(width, height, parts)}<h2>In use</h2>${drawing(width, 90, usage)}`;
}
