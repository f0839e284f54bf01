/** A list that names nothing, or everything, leaves the choice to others. */
export function admits(list: readonly string[], name: string): boolean {
  if (list.length === 0 || list.some((each) => each === "*" || each.startsWith("all-"))) return true;
  return list.some((each) => each === name || (each.endsWith("*") && name.startsWith(each.slice(0, -1))));
}
