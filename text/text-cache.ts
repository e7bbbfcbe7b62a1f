/**
 * @file What a piece of text has meant before. Looking it up makes no string: the piece is compared in place, found by a
 * hash that whoever scans the text computes on the way.
 */

interface Entry<V> {
  readonly text: string;
  readonly hash: number;
  readonly value: V;
  readonly next: Entry<V> | undefined;
}

const BUCKETS = 2048;

/** The hash of no text; `step` takes it over each character. */
export const HASH_START = 17;
export const hashStep = (hash: number, character: number): number => (Math.imul(hash, 31) + character) | 0;

export function hashOf(text: string, start: number, end: number): number {
  let hash = HASH_START;
  for (let at = start; at < end; at++) hash = hashStep(hash, text.charCodeAt(at));
  return hash;
}

export class TextCache<V> {
  readonly #buckets: (Entry<V> | undefined)[] = new Array(BUCKETS).fill(undefined);
  #isEmpty = true;

  get(text: string, start: number, end: number, hash = hashOf(text, start, end)): V | undefined {
    for (let e = this.#buckets[hash & (BUCKETS - 1)]; e; e = e.next) {
      if (e.hash === hash && e.text.length === end - start && text.startsWith(e.text, start)) return e.value;
    }
    return undefined;
  }

  set(text: string, start: number, end: number, value: V, hash = hashOf(text, start, end)): V {
    const bucket = hash & (BUCKETS - 1);
    this.#buckets[bucket] = { text: text.slice(start, end), hash, value, next: this.#buckets[bucket] };
    this.#isEmpty = false;
    return value;
  }

  clear(): void {
    if (this.#isEmpty) return;
    this.#buckets.fill(undefined);
    this.#isEmpty = true;
  }
}
