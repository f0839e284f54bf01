import { describe, expect, it } from "vitest";
import { granted } from "./Grants";

describe("grants", () => {
  it("are set and taken away one by one", () => {
    expect(granted("", "key.read", "all")).toBe('{"key.read":"all"}');
    expect(granted('{"key.read":"all","user.read":"self"}', "key.read", "")).toBe('{"user.read":"self"}');
    expect(granted('{"a":"all"}', "a", "team")).toBe('{"a":"team"}');
  });
});
