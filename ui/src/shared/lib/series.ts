import type { Activity, Dimension, Metrics, Part } from "../api/views";

export interface Series {
  name: string;
  label: string;
  color: number;
  values: number[];
}

export const COLORS = 8;

/** A colour that a name keeps from day to day and page to page; neighbours in one chart differ. */
export function colorsOf(names: readonly string[]): Map<string, number> {
  const taken = new Set<number>();
  const found = new Map<string, number>();
  for (const name of [...names].sort()) {
    let color = [...name].reduce((sum, each) => (sum * 31 + (each.codePointAt(0) ?? 0)) % 9973, 7) % (COLORS - 1);
    while (taken.has(color) && taken.size < COLORS - 1) color = (color + 1) % (COLORS - 1);
    taken.add(color);
    found.set(name, color);
  }
  return found;
}

export type Measure = "spend" | "api_requests" | "total_tokens";

/** All days from `start` to `end` (dates of UTC), both included. */
export function daysBetween(start: string, end: string): string[] {
  const days: string[] = [];
  for (let at = Date.parse(`${start}T00:00:00Z`); at <= Date.parse(`${end}T00:00:00Z`) && days.length < 400; at += 86_400_000) {
    days.push(new Date(at).toISOString().slice(0, 10));
  }
  return days;
}

export interface Range {
  start: string;
  end: string;
}

/** The last `days` days, today included, and as many before them. */
export function ranges(days: number, now: number = Date.now()): { current: Range; previous: Range } {
  const date = (back: number) => new Date(now - back * 86_400_000).toISOString().slice(0, 10);
  return {
    current: { start: date(days - 1), end: date(0) },
    previous: { start: date(2 * days - 1), end: date(days) },
  };
}

export interface Row {
  name: string;
  label: string;
  metrics: Metrics;
}

const NOTHING: Metrics = {
  spend: 0, prompt_tokens: 0, completion_tokens: 0, cache_read_input_tokens: 0, total_tokens: 0, successful_requests: 0,
  failed_requests: 0, api_requests: 0, total_response_time_ms: 0, timed_requests: 0, prompt_caching_savings_spend: 0,
}; // prettier-ignore

function add(one: Metrics, two: Metrics): Metrics {
  const sum = { ...one };
  for (const name of Object.keys(NOTHING) as (keyof Metrics)[]) sum[name] += two[name] ?? 0;
  return sum;
}

export function total(activity: Activity): Metrics {
  return activity.results.reduce((sum, each) => add(sum, each.metrics), NOTHING);
}

function labelOf(name: string, part: Part): string {
  const about = part.metadata ?? {};
  return about.key_alias || about.team_alias || about.alias || about.user_email || (name.length > 40 ? `${name.slice(0, 10)}…` : name) || "–";
}

/** The parts of a dimension over all days, the dearest first. */
export function rows(activity: Activity, dimension: Dimension): Row[] {
  const found = new Map<string, Row>();
  for (const each of activity.results) {
    for (const [name, part] of Object.entries(each.breakdown[dimension] ?? {})) {
      const old = found.get(name);
      found.set(name, { name, label: labelOf(name, part), metrics: add(old?.metrics ?? NOTHING, part.metrics) });
    }
  }
  return [...found.values()].sort((a, b) => b.metrics.spend - a.metrics.spend || b.metrics.api_requests - a.metrics.api_requests);
}

/** One series for each of the greatest seven parts, and one for all others, so that each day adds up. */
export function stacked(activity: Activity, dimension: Dimension, measure: Measure, days: readonly string[], other: string): Series[] {
  const byDay = new Map(activity.results.map((each) => [each.date, each]));
  const top = rows(activity, dimension)
    .sort((a, b) => b.metrics[measure] - a.metrics[measure])
    .slice(0, COLORS - 1);
  const colors = colorsOf(top.map((each) => each.name));
  const series: Series[] = top.map((each) => ({
    name: each.name,
    label: each.label,
    color: colors.get(each.name) ?? 0,
    values: days.map((day) => byDay.get(day)?.breakdown[dimension]?.[each.name]?.metrics[measure] ?? 0),
  }));
  const rest = days.map((day, index) => {
    const named = series.reduce((sum, each) => sum + (each.values[index] ?? 0), 0);
    return Math.max(0, (byDay.get(day)?.metrics[measure] ?? 0) - named);
  });
  if (rest.some((value) => value > 1e-9)) series.push({ name: "", label: other, color: COLORS - 1, values: rest });
  return series;
}
