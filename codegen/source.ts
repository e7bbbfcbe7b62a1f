/** @file What targets that write source text share: expressions that know how tightly they bind, names, indented lines. */

/** The levels at which operators bind, from loosest to tightest; C and WGSL agree on their order. */
export const binding = {
  comma: 0,
  conditional: 3,
  or: 4,
  and: 5,
  bitor: 6,
  bitxor: 7,
  bitand: 8,
  equality: 9,
  relation: 10,
  shift: 11,
  sum: 12,
  product: 13,
  unary: 14,
  atom: 15,
} as const;

/** A piece of source text that stands for a value, and the level of its outermost operator. */
export interface Expr {
  readonly text: string;
  readonly level: number;
}

const infixLevels: Readonly<Record<string, number>> = {
  "||": binding.or,
  "&&": binding.and,
  "|": binding.bitor,
  "^": binding.bitxor,
  "&": binding.bitand,
  "==": binding.equality,
  "!=": binding.equality,
  "<": binding.relation,
  "<=": binding.relation,
  ">": binding.relation,
  ">=": binding.relation,
  "<<": binding.shift,
  ">>": binding.shift,
  "+": binding.sum,
  "-": binding.sum,
  "*": binding.product,
  "/": binding.product,
  "%": binding.product,
};

/** A name, a literal, a call, an access: nothing around it can tear it apart. */
export const atom = (text: string): Expr => ({ text, level: binding.atom });

/** The text, in parentheses if it binds less tightly than `level`. */
export const within = (e: Expr, level: number): string => (e.level < level ? `(${e.text})` : e.text);

/**
 * `a op b`. Sums and products of the same level are left as they associate, to the left. Around shifts, bitwise and
 * logical operators and comparisons everything that is not atomic, unary or (for comparisons) arithmetic is put in
 * parentheses: compilers warn of less, and WGSL refuses it.
 */
export function infix(op: string, a: Expr, b: Expr): Expr {
  const level = infixLevels[op];
  if (level === undefined) throw new RangeError(`no infix operator ${op}`);
  if (level >= binding.sum) return { text: `${within(a, level)} ${op} ${within(b, level + 1)}`, level };
  const inner = level === binding.equality || level === binding.relation ? binding.sum : binding.unary;
  return { text: `${within(a, inner)} ${op} ${within(b, inner)}`, level };
}

/** `op a`, with the space that keeps two signs apart. */
export function prefix(op: string, a: Expr): Expr {
  const text = within(a, binding.unary);
  return { text: text.startsWith(op) ? `${op}(${a.text})` : `${op}${text}`, level: binding.unary };
}

/** `name(a, b, …)`. */
export const call = (name: string, ...args: readonly Expr[]): Expr =>
  atom(`${name}(${args.map((a) => within(a, binding.conditional)).join(", ")})`);

/** `c ? a : b`. */
export const conditional = (c: Expr, a: Expr, b: Expr): Expr => ({
  text: `${within(c, binding.relation)} ? ${within(a, binding.or)} : ${within(b, binding.or)}`,
  level: binding.conditional,
});

/** An identifier made of any text: letters, digits and underscores, not starting with a digit. */
export function identifier(text: string): string {
  const plain = text.replace(/[^A-Za-z0-9_]+/g, "_").replace(/^_+|_+$/g, "");
  return /^[A-Za-z]/.test(plain) ? plain : `m${plain === "" ? "" : `_${plain}`}`;
}

/** Hands out identifiers, none twice and none that is reserved. */
export class Names {
  readonly #taken: Set<string>;
  /** The first number that may be free behind a name: names stay taken. */
  readonly #next = new Map<string, number>();

  constructor(reserved: Iterable<string> = []) {
    this.#taken = new Set(reserved);
  }

  /** `hint` as an identifier, numbered if it is taken. */
  fresh(hint: string): string {
    const base = identifier(hint);
    let name = base;
    let n = this.#next.get(base) ?? 1;
    while (this.#taken.has(name)) name = `${base}_${n++}`;
    this.#next.set(base, n);
    this.#taken.add(name);
    return name;
  }
}

/** Lines of text, indented by blocks. */
export class SourceText {
  readonly #lines: string[] = [];
  #depth = 0;

  line(text: string): this {
    this.#lines.push(text === "" ? "" : `${"  ".repeat(this.#depth)}${text}`);
    return this;
  }

  /** A line at the margin, as directives of a preprocessor are. */
  margin(text: string): this {
    this.#lines.push(text);
    return this;
  }

  /** What `body` writes, one step further in. */
  indented(body: () => void): this {
    this.#depth++;
    body();
    this.#depth--;
    return this;
  }

  /** `head {`, what `body` writes one step further in, `}` and `tail`. */
  block(head: string, body: () => void, tail = ""): this {
    this.line(`${head} {`);
    this.indented(body);
    return this.line(`}${tail}`);
  }

  toString(): string {
    return this.#lines.length === 0 ? "" : `${this.#lines.join("\n")}\n`;
  }
}
