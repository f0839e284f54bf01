import { describe, expect, it } from "vitest";
import { freeName, secretsOf } from "./api";

describe("start", () => {
  it("keeps only what was typed as a secret", () => {
    expect(secretsOf({ api_key: " sk ", api_base: "", api_version: "2025-01-01", model: "x" })).toEqual({ api_key: "sk", api_version: "2025-01-01" });
  });
  it("finds a free name", () => {
    expect(freeName("openai", [])).toBe("openai");
    expect(freeName("openai", ["openai", "openai-2"])).toBe("openai-3");
  });
});
