import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { snippet, TOOLS, word } from "./snippets";

const ODD = ["gpt", "o'brien; touch /tmp/x", "$(id)", "`id`", 'a "b" \\ c', "line\nbreak"];

describe("word", () => {
  it("is one word of a shell, whatever is in it", () => {
    for (const text of ODD) {
      expect(execFileSync("/bin/sh", ["-c", `printf %s ${word(text)}`]).toString()).toBe(text);
    }
  });
});

describe("snippet", () => {
  it("has address, key and model for every tool", () => {
    for (const [tool] of TOOLS) {
      const text = snippet(tool, "https://host/llm", "sk-ph-1", "gpt-5");
      for (const part of ["https://host/llm", "sk-ph-1", "gpt-5"]) expect(text, tool).toContain(part);
    }
  });
  it("sends exactly what it shows through a shell", () => {
    for (const name of ODD) {
      const shown = snippet("curl", "http://127.0.0.1:4000", "sk-1", name).replace(/^curl/, "printf '%s\\n---\\n'");
      const words = execFileSync("/bin/sh", ["-c", shown]).toString().split("\n---\n");
      expect(JSON.parse(words.at(-2) ?? "")).toMatchObject({ model: name });
    }
  });
});
