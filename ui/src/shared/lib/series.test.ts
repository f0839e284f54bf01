import { describe, expect, it } from "vitest";
import type { Activity, Metrics } from "../api/views";
import { colorsOf, daysBetween, ranges, rows, stacked, total } from "./series";

const metrics = (spend: number): Metrics => ({
  spend, prompt_tokens: 1, completion_tokens: 1, cache_read_input_tokens: 0, total_tokens: 2, successful_requests: 1,
  failed_requests: 0, api_requests: 1, total_response_time_ms: 5, timed_requests: 1, prompt_caching_savings_spend: 0,
}); // prettier-ignore
const day = (date: string, parts: Record<string, number>, whole: number) => ({
  date,
  metrics: metrics(whole),
  breakdown: { model_groups: Object.fromEntries(Object.entries(parts).map(([name, spend]) => [name, { metrics: metrics(spend) }])) },
});
const activity = {
  results: [day("2026-11-02", { a: 3, b: 1 }, 5), day("2026-11-01", { a: 2 }, 2)],
  metadata: {},
} as unknown as Activity;

describe("series", () => {
  it("add up to each day's sum", () => {
    const series = stacked(activity, "model_groups", "spend", ["2026-11-01", "2026-11-02"], "Other");
    expect(series.map((each) => [each.label, each.values])).toEqual([["a", [2, 3]], ["b", [0, 1]], ["Other", [0, 1]]]);
    expect(total(activity).spend).toBe(7);
    expect(rows(activity, "model_groups").map((each) => [each.name, each.metrics.spend])).toEqual([["a", 5], ["b", 1]]);
  });
  it("have colours that stay and differ", () => {
    const names = ["gpt-5", "claude", "gemini", "mistral"];
    expect(new Set(colorsOf(names).values()).size).toBe(4);
    expect(colorsOf(names)).toEqual(colorsOf([...names].reverse()));
  });
});

describe("ranges", () => {
  it("stand side by side", () => {
    const now = Date.parse("2026-11-23T10:00:00Z");
    expect(ranges(7, now)).toEqual({
      current: { start: "2026-11-17", end: "2026-11-23" },
      previous: { start: "2026-11-10", end: "2026-11-16" },
    });
    expect(daysBetween("2026-02-27", "2026-03-01")).toEqual(["2026-02-27", "2026-02-28", "2026-03-01"]);
  });
});
