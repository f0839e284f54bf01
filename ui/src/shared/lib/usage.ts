import type { Group, Measure, Report } from "../api/usage";
import { COLORS, colorsOf, type Series } from "./series";

/** The name of a group; `none` for what has no value of the dimension. */
export function labelOf(group: Pick<Group, "id" | "label">, none: string): string {
  return group.label || (group.id.length > 40 ? `${group.id.slice(0, 10)}…` : group.id) || none;
}

/** The groups day by day, and one series for all that they leave, so that each day adds up. */
export function seriesOf(report: Report, measure: Measure, words: { other: string; none: string }): Series[] {
  const top = report.groups.filter((each) => each.figures[measure] > 0).slice(0, COLORS - 1);
  const colors = colorsOf(top.map((each) => each.id));
  const series = top.map((each): Series => ({ name: each.id || "-", label: labelOf(each, words.none), color: colors.get(each.id) ?? 0, values: each.days[measure] }));
  const rest = report.days[measure].map((value, index) => Math.max(0, value - series.reduce((sum, each) => sum + (each.values[index] ?? 0), 0)));
  // Fractions of a cent are what adding up in another order leaves.
  if (rest.some((value) => value > (measure === "spend" ? 1e-6 : 0))) series.push({ name: "", label: words.other, color: COLORS - 1, values: rest });
  return series;
}

/** How much one figure differs from another, 1 = twice as much; `null` where there is nothing to compare with. */
export function changeOf(now: number | null, before: number | null | undefined): number | null {
  return now === null || !before ? null : (now - before) / before;
}
