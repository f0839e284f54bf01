import { describe, expect, it } from "vitest";
import type { Figures, Group, Report } from "../api/usage";
import { changeOf, labelOf, seriesOf } from "./usage";

const group = (id: string, spend: number[]): Group => ({
  id, label: null, sampled: null, previous_spend: null, figures: { spend: spend.reduce((a, b) => a + b, 0) } as Figures, days: { spend, requests: [], tokens: [], failures: [] },
}); // prettier-ignore
const report = (groups: Group[], spend: number[]) => ({ groups, days: { spend, requests: [], tokens: [], failures: [] } }) as unknown as Report;
const words = { other: "Other", none: "(none)" };

describe("groups", () => {
  it("leave what the others are", () => {
    const series = seriesOf(report([group("a", [1, 2]), group("", [0, 1]), group("free", [0, 0])], [1.5, 3]), "spend", words);
    expect(series.map((each) => [each.label, each.values])).toEqual([["a", [1, 2]], ["(none)", [0, 1]], ["Other", [0.5, 0]]]);
  });
  it("leave nothing where rounding does", () => {
    expect(seriesOf(report([group("a", [0.1, 0.2])], [0.1, 0.2 + 1e-12]), "spend", words)).toHaveLength(1);
  });
  it("have names", () => {
    expect([labelOf({ id: "x".repeat(64), label: null }, "–"), labelOf({ id: "k", label: "my key" }, "–"), labelOf({ id: "", label: null }, "–")]).toEqual([`${"x".repeat(10)}…`, "my key", "–"]);
  });
});

describe("changes", () => {
  it("are shares of what was before", () => {
    expect([changeOf(3, 2), changeOf(1, 2), changeOf(1, 0), changeOf(null, 2), changeOf(1, undefined)]).toEqual([0.5, -0.5, null, null, null]);
  });
});
