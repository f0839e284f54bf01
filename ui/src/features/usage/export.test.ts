import { describe, expect, it } from "vitest";
import type { Group, Report } from "@/shared/api/usage";
import { csvOfGroups } from "./export";

describe("an export", () => {
  it("has a row for each day with traffic, and no formula", () => {
    const group = { id: "=x", label: null, days: { spend: [0, 1.5], requests: [0, 2], failures: [0, 1], tokens: [0, 9] } } as unknown as Group;
    const report = { start_date: "2026-11-01", end_date: "2026-11-02" } as Report;
    expect(csvOfGroups(report, [group], "model")).toBe("day,model,name,spend_usd,requests,failures,tokens\r\n2026-11-02,'=x,,1.5,2,1,9\r\n");
  });
});
