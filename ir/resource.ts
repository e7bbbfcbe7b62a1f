/**
 * @file Big constants: named bytes outside the IR. Passes see the name only. A derived resource (transposed, packed,
 * quantized weights) is a recipe over its parents that runs once, when somebody asks for the bytes.
 */

import type { NDArray } from "../support/ndarray.ts";

/** How a derived resource comes by its content: bytes, or an array in whatever layout, which need not be brought in order. */
type Recipe = { readonly bytes: () => Uint8Array } | { readonly array: () => NDArray };

export class Resource {
  readonly name: string;
  /** Bytes of the content, known before it is made. */
  readonly byteLength: number;
  #bytes: Uint8Array | null;
  readonly #recipe: Recipe | null;
  static #made = 0;
  /** What it is derived from, for reports and reachability. */
  readonly parents: readonly Resource[];
  /** In bytes, where a text said so; else that of an element. */
  alignment: number | undefined = undefined;

  private constructor(
    name: string,
    byteLength: number,
    bytes: Uint8Array | null,
    recipe: Recipe | null,
    parents: readonly Resource[],
  ) {
    this.name = name;
    this.byteLength = byteLength;
    this.#bytes = bytes;
    this.#recipe = recipe;
    this.parents = parents;
  }

  /** A view of bytes that somebody else holds; nothing is copied. */
  static of(name: string, bytes: Uint8Array): Resource {
    return new Resource(name, bytes.byteLength, bytes, null, []);
  }

  /** A recipe over other resources, evaluated lazily and at most once until released. */
  static derived(stem: string, byteLength: number, parents: readonly Resource[], make: () => Uint8Array): Resource {
    return Resource.#from(stem, byteLength, parents, { bytes: make });
  }

  /** The same by an array: a view of its parent, as a rule, so that a chain of them copies every element once, at its end. */
  static arranged(stem: string, byteLength: number, parents: readonly Resource[], array: () => NDArray): Resource {
    return Resource.#from(stem, byteLength, parents, { array });
  }

  static #from(stem: string, byteLength: number, parents: readonly Resource[], recipe: Recipe): Resource {
    // Text names resources, so no two may bear one name; the number says nothing else.
    return new Resource(`${stem}_${Resource.#made++}`, byteLength, null, recipe, parents);
  }

  /** The elements in whatever layout they come, if they are not in order yet. */
  elements(): NDArray | undefined {
    if (this.#bytes !== null || !this.#recipe || !("array" in this.#recipe)) return undefined;
    const array = this.#recipe.array();
    for (const p of this.parents) p.release();
    return array;
  }

  /** The bytes; a derived resource makes them now if it has not yet. */
  bytes(): Uint8Array {
    if (this.#bytes === null) {
      this.#bytes = made(this.#recipe!);
      // What a recipe was read from is wanted once, as a rule: a chain of recipes does not hold all of its steps.
      for (const p of this.parents) p.release();
      if (this.#bytes.byteLength !== this.byteLength) {
        throw new RangeError(
          `resource ${this.name} has ${this.#bytes.byteLength} bytes, was to have ${this.byteLength}`,
        );
      }
    }
    return this.#bytes;
  }

  /** Forgets made bytes of a derived resource, to be made again when wanted. */
  release(): void {
    if (this.#recipe !== null) this.#bytes = null;
  }

  get isDerived(): boolean {
    return this.#recipe !== null;
  }
}

function made(recipe: Recipe): Uint8Array {
  if ("bytes" in recipe) return recipe.bytes();
  const { data } = recipe.array().contiguous();
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
