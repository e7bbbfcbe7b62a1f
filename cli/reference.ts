/** @file Reference pages in Markdown, made from the records: of dialects and their ops, of passes, of diagnostic codes. */
import {
  type Attribute,
  attributeText,
  type CodeEntry,
  codes,
  type Dialect,
  inexactRewrites,
  type Numerics,
  numericsPolicies,
  type OpInfo,
  optionText,
  type Pass,
} from "../index.ts";

/** The first sentence of a description, without its stop. */
export const summaryOf = (doc: string): string => (/^.*?[.:](?=\s|$)/s.exec(doc)?.[0] ?? doc).replace(/[.:]$/, "");

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const line = (cells: readonly string[]): string => `| ${cells.map((c) => c.replace(/\|/g, "\\|")).join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
};

// --- ops ------------------------------------------------------------------------------------------------------

/** An op: what it does, how it is written, its operands, attributes, results and regions. `level` is its heading's. */
export function opPage(op: OpInfo, level = 2): string {
  const parts = [`${"#".repeat(level)} \`${op.opName}\`\n`, `${op.spec.doc}\n`];
  const syntax = syntaxOf(op);
  if (syntax) parts.push(`\`\`\`\n${syntax}\n\`\`\`\n`);
  const rows = [
    ...op.operandFields.map((f) => ["operand", f.name, arityText(f.arity), f.is.label]),
    ...op.attrFields.map(({ name, codec }) => ["attribute", name, defaultText(codec), codec.label]),
    ...op.resultFields.map((f) => ["result", f.name, arityText(f.arity), f.is.label]),
    ...op.regionNames.map((name, i) => ["region", name, isOpen(op, i) ? "any number" : "", ""]),
    ...(op.spec.successors ?? []).map((name) => ["successor", name, "", ""]),
  ];
  if (rows.length > 0)
    parts.push(
      table(
        ["", "name", "", "is"],
        rows.map(([a, b, c, d]) => [a!, `\`${b}\``, c!, d!]),
      ),
    );
  const facts = [...op.traits].map((t) => t.name);
  const says = [
    ...(op.spec.scalar || op.spec.evaluate ? ["can be run"] : []),
    ...(op.spec.expand ? ["expands into other ops"] : []),
  ];
  if (facts.length > 0) parts.push(`Traits: ${facts.join(", ")}.\n`);
  if (says.length > 0) parts.push(`It ${says.join(", and ")}.\n`);
  return parts.join("\n");
}

const isOpen = (op: OpInfo, region: number): boolean =>
  op.spec.openRegions === true && region === op.regionNames.length - 1;

const arityText = (arity: "one" | "optional" | "many"): string =>
  arity === "one" ? "" : arity === "many" ? "any number" : "optional";

function defaultText(codec: {
  readonly required: boolean;
  readonly fallback: unknown;
  to(v: never): Attribute | undefined;
}): string {
  if (codec.required) return "";
  const attribute = codec.fallback === undefined ? undefined : codec.to(codec.fallback as never);
  return attribute ? `default ${attributeText(attribute)}` : "optional";
}

/** The declarative format, or a note that the op has a syntax of its own. */
function syntaxOf(op: OpInfo): string | undefined {
  const { assembly, print } = op.spec;
  if (assembly !== undefined) return `${op.opName} ${assembly}`;
  if (print) return undefined;
  const operands = op.operandFields.map((f) => `%${f.name}`).join(", ");
  return `"${op.opName}"(${operands}) : (types) -> (types)`;
}

// --- dialects -------------------------------------------------------------------------------------------------

export function dialectPage(dialect: Dialect): string {
  const ops = [...dialect.ops].sort((a, b) => (a.opName < b.opName ? -1 : 1));
  const kind = dialect.extension
    ? `A dialect of our own; \`sluice dialect --irdl ${dialect.name}\` writes it as IRDL for stock MLIR tools.`
    : "A dialect of MLIR, with its names and meanings.";
  const list = ops.map((op) => `- [\`${op.opName}\`](#${anchor(op.opName)}): ${summaryOf(op.spec.doc)}\n`).join("");
  const rules = dialect.rules.map((r) => `- \`${r.root.opName}\`: ${r.doc}\n`).join("");
  return [
    `# The ${dialect.name} dialect\n`,
    `${dialect.doc} ${kind}\n`,
    list,
    ...ops.map((op) => opPage(op)),
    ...(rules ? ["## Rules\n", "What `canonicalize` knows of these ops.\n", rules] : []),
  ].join("\n");
}

/** GitHub's anchor of a heading `name` in code font. */
const anchor = (name: string): string => name.toLowerCase().replace(/[^\w-]/g, "");

// --- passes ---------------------------------------------------------------------------------------------------

export function passPage(pass: Pass, level = 2): string {
  const parts = [`${"#".repeat(level)} \`${pass.name}\`\n`, `${pass.doc}\n`];
  if (pass.on) parts.push(`Runs on \`${pass.on.opName}\`.\n`);
  const options = Object.entries(pass.options).map(([name, codec]) => [
    `\`${optionText(name)}\``,
    codec.label.replace(/ attribute$/, ""),
    codec.required ? "required" : defaultText(codec).replace(/ : \w+$/, ""),
  ]);
  if (options.length > 0) parts.push(table(["option", "is", ""], options));
  const { example } = pass;
  if (example) {
    const shown = example.options ? `\`${pass.name}{${example.options}}\`` : `\`${pass.name}\``;
    parts.push(
      `Before:\n\n\`\`\`mlir\n${example.before}\n\`\`\`\n`,
      `After ${shown}:\n\n\`\`\`mlir\n${example.after}\n\`\`\`\n`,
    );
  }
  return parts.join("\n");
}

export function passesPage(passes: readonly Pass[]): string {
  const sorted = [...passes].sort((a, b) => (a.name < b.name ? -1 : 1));
  const list = sorted.map((p) => `- [\`${p.name}\`](#${anchor(p.name)}): ${summaryOf(p.doc)}\n`).join("");
  return ["# Passes\n", list, ...sorted.map((p) => passPage(p))].join("\n");
}

// --- codes ----------------------------------------------------------------------------------------------------

export function errorsPage(): string {
  const entries = Object.entries(codes) as [string, CodeEntry][];
  const parts = entries.map(([code, { title, why, mend }]) => `## \`${code}\`\n\n**${title}.** ${why}\n\n${mend}\n`);
  return ["# Diagnostic codes\n", "`sluice explain CODE` prints the same.\n", ...parts].join("\n");
}

// --- numerics -------------------------------------------------------------------------------------------------

const policyTexts: Readonly<Record<Numerics, string>> = {
  strict:
    "every operation as the model says it, in the accuracy of its type; sums in any order, as ONNX leaves it open",
  default: "what changes the last few bits of a result",
  fast: "what may change more than that: weights in 16 bits, where a target keeps them so",
};

export function numericsPage(): string {
  const policy = numericsPolicies.map((p) => `- \`${p}\`: ${policyTexts[p]}`);
  const rewrites = inexactRewrites().map(({ name, from, bound }) => `| ${name} | \`${from}\` | ${bound} |`);
  return [
    "# Numerics\n",
    'The policy of a program is the attribute `sluice.numerics` of its module: `compile(bytes, { numerics: "strict" })`,',
    "`sluice compile --numerics strict`. Every rewrite that is not exact asks for it, and declares how far it may be off;",
    "tests hold those to it whose bound is a number. [math.md](math.md) has the errors of elementary functions as they were measured.\n",
    ...policy,
    "\n## Rewrites that are not exact\n",
    "| rewrite | from policy | bound |\n| --- | --- | --- |",
    ...rewrites,
    "",
  ].join("\n");
}
