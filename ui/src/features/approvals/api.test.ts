import { describe, expect, it } from "vitest";
import { bodyOf } from "./api";

describe("a request", () => {
  it("says only what is asked for", () => {
    expect(bodyOf({ key: null, max_budget: null, models: [], reason: " why " })).toEqual({ reason: "why" });
    expect(bodyOf({ key: "k", max_budget: 0, models: ["m"], reason: "" })).toEqual({ key: "k", max_budget: 0, models: ["m"], reason: "" });
  });
});
