/** @file The comments that list the users of values (`--mlir-print-value-users`). */
import type { Operation, Value } from "../ir/core.ts";
import type { ValueNames } from "./numbering.ts";

/** ` // users: %1, %2` behind an op; for an op without results its own number, by which others name it. */
export function usersComment(op: Operation, names: ValueNames): string {
  if (op.results.length === 0) return op.operandCount > 0 ? ` // id: ${names.ofOperation(op)}` : "";
  if (op.isUnused) return " // unused";
  const users = new Set<Operation>();
  for (const r of op.results) for (const u of r.uses()) users.add(u.owner);
  let results = 0;
  for (const u of users) results += u.results.length;
  const several = op.results.length > 1;
  const lists = op.results.map((r) => (several ? `(${usersOf(r, names)})` : usersOf(r, names)));
  return ` // ${!several && results <= 1 && users.size <= 1 ? "user" : "users"}: ${lists.join(", ")}`;
}

/** `// %arg0 is used by %1`. */
export const blockUsersComment = (arg: Value, names: ValueNames): string =>
  `// ${names.of(arg)} is ${arg.hasUses ? `used by ${usersOf(arg, names)}` : "unused"}`;

function usersOf(v: Value, names: ValueNames): string {
  if (!v.hasUses) return "unused";
  const seen = new Set<Operation>();
  for (const u of v.uses()) seen.add(u.owner);
  return [...seen]
    .map((op) => (op.results.length === 0 ? names.ofOperation(op) : op.results.map((r) => names.of(r)).join(", ")))
    .join(", ");
}
