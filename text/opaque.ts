/**
 * @file Text of foreign dialects that names aliases. It is kept with the aliases written out, so that it means the
 * same anywhere, and with the pieces between them, so that it prints as it stood.
 */
import { attributeText, typeText } from "../ir/spell.ts";
import type { Attribute, OpaqueHints, Type } from "../ir/types.ts";

export interface OpaqueText extends OpaqueHints {
  readonly text: string;
}

/** A string, or the name of an alias: `#` or `!` where no identifier ends, and no dialect's name behind it. */
const NAMES = /"(?:[^"\\]|\\.)*"|(?<![\w$.])([#!])([A-Za-z_][\w$-]*|\d+)(?![\w$.<-])/g;

/** Writes the aliases in a text out. Names that are no aliases are left as they are. */
export function openAliases(
  text: string,
  attributes: ReadonlyMap<string, Attribute>,
  types: ReadonlyMap<string, Type>,
): OpaqueText {
  if (attributes.size + types.size === 0) return { text };
  const parts: (string | Attribute | Type)[] = [];
  let whole = "";
  let end = 0;
  for (const match of text.matchAll(NAMES)) {
    const [found, mark, name] = match;
    const attribute = mark === "#" ? attributes.get(name!) : undefined;
    const type = mark === "!" ? types.get(name!) : undefined;
    const meaning = attribute ?? type;
    if (!meaning) continue;
    const before = text.slice(end, match.index);
    end = match.index + found.length;
    if (before !== "") parts.push(before);
    parts.push(meaning);
    whole += before + (attribute ? attributeText(attribute) : typeText(type!));
  }
  if (parts.length === 0) return { text };
  if (end < text.length) parts.push(text.slice(end));
  return { text: whole + text.slice(end), parts };
}
