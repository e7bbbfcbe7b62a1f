/**
 * @file What a piece of text has meant before. Looking it up makes no string: the piece is compared in place, found by a
 * hash that whoever scans the text computes on the way.
 */

/** The hash of no text; `step` takes it over each character. */
export const HASH_START = 17;
export const hashStep = (hash: number, character: number): number => (Math.imul(hash, 31) + character) | 0;

export function hashOf(text: string, start: number, end: number): number {
  let hash = HASH_START;
  for (let at = start; at < end; at++) hash = hashStep(hash, text.charCodeAt(at));
  return hash;
}

const LEAST = 64;
/** Numbers for each place of the table: the hash, where the piece starts, its length (0 is a free place), its entry. */
const FIELDS = 4;

/**
 * A hash table with open addressing, for the pieces of one text. It keeps where a piece stood: no strings are cut out,
 * and a piece that is not known is mostly told by its hash alone.
 */
export class TextCache<V> {
  #places = new Int32Array(FIELDS * LEAST);
  #mask = LEAST - 1;
  readonly #values: V[] = [];

  get(text: string, start: number, end: number, hash = hashOf(text, start, end)): V | undefined {
    const places = this.#places;
    const mask = this.#mask;
    const length = end - start;
    for (let p = spread(hash) & mask; ; p = (p + 1) & mask) {
      const known = places[FIELDS * p + 2]!;
      if (known === 0) return undefined;
      if (places[FIELDS * p] !== hash || known !== length) continue;
      const offset = places[FIELDS * p + 1]! - start;
      let at = start;
      while (at < end && text.charCodeAt(at) === text.charCodeAt(at + offset)) at++;
      if (at === end) return this.#values[places[FIELDS * p + 3]!];
    }
  }

  get size(): number {
    return this.#values.length;
  }

  /** Remembers a piece that is not known yet and not empty. */
  set(text: string, start: number, end: number, value: V, hash = hashOf(text, start, end)): V {
    const count = this.#values.push(value);
    if (2 * count > this.#mask) this.#grow();
    this.#put(hash, start, end - start, count - 1);
    return value;
  }

  #put(hash: number, start: number, length: number, entry: number): void {
    const places = this.#places;
    let p = spread(hash) & this.#mask;
    while (places[FIELDS * p + 2] !== 0) p = (p + 1) & this.#mask;
    const at = FIELDS * p;
    places[at] = hash;
    places[at + 1] = start;
    places[at + 2] = length;
    places[at + 3] = entry;
  }

  #grow(): void {
    const before = this.#places;
    this.#places = new Int32Array(4 * before.length);
    this.#mask = 4 * this.#mask + 3;
    for (let i = 0; i < before.length; i += FIELDS) {
      if (before[i + 2] !== 0) this.#put(before[i]!, before[i + 1]!, before[i + 2]!, before[i + 3]!);
    }
  }

  /** Forgets all: what follows is another text. */
  clear(): void {
    if (this.#values.length === 0) return;
    this.#values.length = 0;
    this.#places = new Int32Array(FIELDS * LEAST);
    this.#mask = LEAST - 1;
  }
}

/** Texts that differ in their last characters alone have hashes that are neighbours; their places are not. */
const spread = (hash: number): number => Math.imul(hash, 0x9e3779b1) >>> 8;
