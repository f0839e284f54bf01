import { describe, expect, it } from "vitest";
import { settingOf, typedSetting } from "./setting";

describe("settings as they are typed", () => {
  it("reads each kind", () => {
    expect(settingOf("String", " least-busy ")).toBe("least-busy");
    expect(settingOf("Integer", "3")).toBe(3);
    expect(settingOf("Float", "0,5")).toBe(0.5);
    expect(settingOf("Boolean", "false")).toBe(false);
    expect(settingOf("Dict", '{"best": "gpt"}')).toEqual({ best: "gpt" });
    expect(settingOf("List", "a, b")).toEqual(["a", "b"]);
    expect(settingOf("List", '["a"]')).toEqual(["a"]);
  });
  it("takes nothing else", () => {
    for (const [kind, text] of [["Integer", "1.5"], ["Integer", "x"], ["Boolean", "yes"], ["Dict", "[1]"], ["Dict", "{"], ["List", '{"a": 1}'], ["List", "[a"], ["String", " "]] as const) {
      expect(settingOf(kind, text)).toBeUndefined();
    }
  });
  it("shows what it reads", () => {
    expect(settingOf("Dict", typedSetting({ a: [1] }))).toEqual({ a: [1] });
    expect(typedSetting(null)).toBe("");
    expect(typedSetting(false)).toBe("false");
  });
});
