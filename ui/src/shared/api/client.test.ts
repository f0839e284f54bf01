import { describe, expect, it } from "vitest";
import { addressOf, apiRoot, problemOf } from "./client";

describe("addresses", () => {
  it("encode what is put into paths and leave out what is empty", () => {
    expect(addressOf("POST /key/{key}/regenerate", { key: "a/b?c" }, undefined)).toBe("/key/a%2Fb%3Fc/regenerate");
    expect(addressOf("GET /key/list", undefined, { page: 1, search: "", team_id: null, key_alias: "ä&b" })).toBe(
      "/key/list?page=1&key_alias=%C3%A4%26b",
    );
  });
  it("follow the page's base", () => {
    expect(apiRoot("http://gw.example/ui/")).toBe("http://gw.example");
    expect(apiRoot("https://gw.example/llm/ui/")).toBe("https://gw.example/llm");
  });
});

describe("problems", () => {
  it("carry the field and the kind", () => {
    const text = JSON.stringify({ error: { message: "max_budget: too small", type: "invalid", param: "max_budget", code: "400" } });
    const problem = problemOf(400, text);
    expect([problem.trouble, problem.param, problem.message]).toEqual(["field", "max_budget", "max_budget: too small"]);
  });
  it("come out of anything", () => {
    expect(problemOf(502, "<html>").trouble).toBe("busy");
    expect(problemOf(404, '{"detail":"Not Found"}').message).toBe("Not Found");
    expect(problemOf(429, "", "7").retryAfter).toBe(7);
    expect(problemOf(401, '{"error":{"param":"None"}}').param).toBeNull();
    expect(problemOf(412, "null").trouble).toBe("conflict");
  });
  it("are two versions only where there are two", () => {
    const told = (message: string) => problemOf(409, JSON.stringify({ error: { message } }));
    expect(told("It was changed by somebody else at the same time; read it again.").trouble).toBe("conflict");
    expect(told("What you may do was changed at the same time; try again.").trouble).toBe("barred");
    const used = told("The credential is used by models: gpt-5");
    expect([used.trouble, used.message]).toEqual(["barred", "The credential is used by models: gpt-5"]);
    expect(problemOf(409, "").trouble).toBe("barred");
  });
});
