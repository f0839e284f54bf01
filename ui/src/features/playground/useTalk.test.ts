import { describe, expect, it } from "vitest";
import { QUIET, spoken, waiting } from "./useTalk";
import type { Turn } from "@/shared/lib/llm/types";

const asked: Turn = { role: "user", text: "Hi", images: [] };
const calls = [{ id: "1", name: "w", args: "{}" }];
const calling: Turn = { role: "assistant", text: "", calls };
const told: Turn = { role: "tool", results: [{ id: "1", name: "w", text: "x" }] };

describe("what was said", () => {
  it("has no answers that never came, and no calls without results", () => {
    expect(spoken([asked, { role: "assistant", text: "", calls: [] }])).toEqual([asked]);
    expect(spoken([asked, calling])).toEqual([asked]);
    expect(spoken([asked, { ...calling, text: "let me see" }])).toEqual([asked, { role: "assistant", text: "let me see", calls: [] }]);
    expect(spoken([asked, calling, told])).toEqual([asked, calling, told]);
  });
});

describe("waiting", () => {
  it("is for results of the last answer, when it is whole", () => {
    expect(waiting({ ...QUIET, turns: [asked, calling] })).toEqual(calls);
    expect(waiting({ ...QUIET, turns: [asked, calling], running: true })).toEqual([]);
    expect(waiting({ ...QUIET, turns: [asked, calling, told] })).toEqual([]);
  });
});
