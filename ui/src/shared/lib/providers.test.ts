import { describe, expect, it } from "vitest";
import { formOf, PROVIDERS, publicName } from "./providers";

describe("forms of providers", () => {
  it("are found again from what they made", () => {
    for (const form of PROVIDERS) expect(formOf(`${form.prefix}x`, form.base === "none" ? "" : "http://x"), form.id).toBe(form);
    expect(formOf("bedrock/x", "")).toBeNull();
    expect(formOf("", "")).toBeNull();
  });
  it("have names of their own", () => {
    expect(new Set(PROVIDERS.map((each) => each.id)).size).toBe(PROVIDERS.length);
  });
});

describe("a name for callers", () => {
  it("is the last part", () => {
    expect(["openai/gpt-5", "openrouter/openai/gpt-5-mini", "gpt", ""].map(publicName)).toEqual(["gpt-5", "gpt-5-mini", "gpt", ""]);
  });
});
