import { describe, expect, it } from "vitest";
import { admits } from "./admits";

describe("a list of models", () => {
  it("admits names and prefixes, or leaves the choice to others", () => {
    expect(admits([], "m")).toBe(true);
    expect(admits(["all-proxy-models"], "m")).toBe(true);
    expect(admits(["gpt-*", "claude"], "gpt-5")).toBe(true);
    expect(admits(["gpt-*", "claude"], "claude-2")).toBe(false);
  });
});
