import { describe, expect, it } from "vitest";
import { csvOf, fieldOf } from "./csv";

describe("tables for spreadsheets", () => {
  it("quotes what needs it", () => {
    expect(csvOf(["a", "b"], [['say "hi"', 1], ["x,y", null]])).toBe('a,b\r\n"say ""hi""",1\r\n"x,y",\r\n');
  });
  it("lets nobody smuggle in a formula", () => {
    expect(fieldOf("=1+1")).toBe("'=1+1");
    expect(fieldOf("@cmd,x")).toBe("\"'@cmd,x\"");
    expect(fieldOf(-1.5)).toBe("-1.5");
  });
});
