import { describe, expect, it } from "vitest";
import { changeOf } from "./api";

describe("the change of a model", () => {
  it("names what differs, and null for what was emptied", () => {
    const before = { model_name: "m", model: "openai/a", weight: 2, api_base: "http://x" };
    expect(changeOf(before, before)).toEqual({});
    expect(changeOf(before, { model_name: "n", model: "openai/a", weight: 3 })).toEqual({ model_name: "n", litellm_params: { weight: 3, api_base: null } });
  });
});
