/** @file What the HTML reports have in common: one file without references to others, tabs, tables that sort, drawings in SVG. */

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);

/** Colours that are told apart, also by those who see fewer (Okabe and Ito). */
export const palette = [
  "#0072b2",
  "#e69f00",
  "#009e73",
  "#cc79a7",
  "#56b4e9",
  "#d55e00",
  "#999999",
  "#b8a800",
] as const;
export const colour = (i: number): string => palette[i % palette.length]!;

export interface Tab {
  readonly title: string;
  readonly body: string;
}

const css = `body{font:14px/1.45 system-ui,sans-serif;margin:0;color:#1c1c1c;background:#fff}
main{max-width:1180px;margin:0 auto;padding:16px 24px}h1{font-size:22px;margin:8px 0}h2{font-size:16px;margin:20px 0 8px}
nav{display:flex;gap:4px;border-bottom:1px solid #ccc;margin:16px 0}nav button{font:inherit;border:0;background:none;padding:8px 14px;cursor:pointer}
nav button[aria-selected=true]{border-bottom:3px solid #0072b2;font-weight:600}section[hidden]{display:none}
table{border-collapse:collapse;width:100%}th,td{padding:4px 8px;border-bottom:1px solid #e4e4e4;text-align:right;vertical-align:top}
th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}th{cursor:pointer;position:sticky;top:0;background:#fff}
td.bar{background:linear-gradient(#cfe3f1,#cfe3f1) no-repeat left/var(--w) 100%}
.cards{display:flex;flex-wrap:wrap;gap:12px}.cards div{border:1px solid #ddd;border-radius:6px;padding:8px 14px;min-width:120px}
.cards b{display:block;font-size:20px}.scroll{overflow-x:auto}svg text{font:11px system-ui,sans-serif}
.legend span{display:inline-block;margin-right:14px}.legend i{display:inline-block;width:11px;height:11px;margin-right:5px}
@media (prefers-color-scheme:dark){body,th{background:#181818;color:#e6e6e6}td.bar{background-image:linear-gradient(#23465c,#23465c)}svg text{fill:#e6e6e6}th,td{border-color:#383838}}`;

const script = `for(const b of document.querySelectorAll("nav button"))b.onclick=()=>{for(const x of document.querySelectorAll("nav button"))x.setAttribute("aria-selected",x===b);
for(const s of document.querySelectorAll("main>section"))s.hidden=s.id!==b.dataset.tab};
for(const th of document.querySelectorAll("th"))th.onclick=()=>{const t=th.closest("table"),c=th.cellIndex,up=th.dataset.up=th.dataset.up==="1"?"":"1",
v=r=>{const d=r.cells[c].dataset.v;return d===undefined?r.cells[c].textContent:+d};
t.tBodies[0].append(...[...t.tBodies[0].rows].sort((a,b)=>(v(a)<v(b)?-1:v(a)>v(b)?1:0)*(up?-1:1)))};`;

/** A page of tabs. Everything it needs is in it. */
export function pageHtml(title: string, subtitle: string, tabs: readonly Tab[]): string {
  const buttons = tabs.map(
    (t, i) => `<button role="tab" data-tab="tab${i}" aria-selected="${i === 0}">${escapeHtml(t.title)}</button>`,
  );
  const sections = tabs.map((t, i) => `<section id="tab${i}"${i === 0 ? "" : " hidden"}>${t.body}</section>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title><style>${css}</style></head>
<body><main><h1>${escapeHtml(title)}</h1><p>${escapeHtml(subtitle)}</p>
<nav role="tablist">${buttons.join("")}</nav>
${sections.join("\n")}
</main><script>${script}</script></body></html>
`;
}

export interface Cell {
  readonly text: string;
  /** What the column is sorted by, where it is not the text. */
  readonly value?: number;
  /** From 0 to 1: a bar behind the text. */
  readonly bar?: number;
}

export function tableHtml(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cell = ({ text, value, bar }: Cell): string =>
    `<td${value === undefined ? "" : ` data-v="${value}"`}${bar === undefined ? "" : ` class="bar" style="--w:${(100 * Math.min(1, bar)).toFixed(1)}%"`}>${escapeHtml(text)}</td>`;
  return `<table><thead><tr>${head.map((h) => `<th>${escapeHtml(h)}</th>`).join("")}</tr></thead><tbody>${rows
    .map((r) => `<tr>${r.map(cell).join("")}</tr>`)
    .join("")}</tbody></table>`;
}

/** A drawing; its parts are SVG in the coordinates of width × height. */
export const drawing = (width: number, height: number, parts: readonly string[]): string =>
  `<div class="scroll"><svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">${parts.join("")}</svg></div>`;

export const rect = (x: number, y: number, w: number, h: number, fill: string, tip: string): string =>
  `<rect x="${x.toFixed(2)}" y="${y.toFixed(2)}" width="${Math.max(w, 0.3).toFixed(2)}" height="${h.toFixed(2)}" fill="${fill}"><title>${escapeHtml(tip)}</title></rect>`;

export const text = (x: number, y: number, words: string, anchor = "start"): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escapeHtml(words)}</text>`;

export const line = (x1: number, y1: number, x2: number, y2: number, stroke: string, dash = ""): string =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="${stroke}"${dash && ` stroke-dasharray="${dash}"`}/>`;

export const legend = (names: readonly string[]): string =>
  `<p class="legend">${names.map((n, i) => `<span><i style="background:${colour(i)}"></i>${escapeHtml(n)}</span>`).join("")}</p>`;
