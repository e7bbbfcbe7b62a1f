/** @file Numbers for objects, for keys that are to tell them apart. */

const ids = new WeakMap<object, number>();
let given = 0;

/** The same number whenever the same object is asked for; not the same from run to run. */
export function identityOf(x: object): number {
  let id = ids.get(x);
  if (id === undefined) {
    id = given++;
    ids.set(x, id);
  }
  return id;
}
