/** @file How wide panels of packed columns are, and with them the vectors that read them. */

/** Narrowest panel. */
const least = 8;

/**
 * Columns of a panel, `widest` at most: narrower ones waste less where there are few columns, or where the last wide panel
 * would be no more than half full.
 */
export function panelFor(columns: number, widest: number): number {
  let panel = widest;
  while (panel > least && (panel > columns || (columns % panel !== 0 && columns % panel <= panel / 2))) panel /= 2;
  return panel;
}
