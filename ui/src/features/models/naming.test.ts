import { describe, expect, it } from "vitest";
import { aliasesOf, shares } from "./naming";

describe("aliases", () => {
  it("are names, or objects with a model; what they are written as is kept", () => {
    expect(aliasesOf({ fast: "mini", hidden: { model: "large", hidden: true } })).toEqual({
      fast: { model: "mini", raw: "mini" },
      hidden: { model: "large", raw: { model: "large", hidden: true } },
    });
    for (const odd of [null, undefined, [], "x", 3]) expect(aliasesOf(odd)).toEqual({});
  });
});

describe("shares", () => {
  it("add up, whatever the weights are", () => {
    expect([...shares([{ id: "a", weight: 3 }, { id: "b", weight: 1 }]).values()]).toEqual([0.75, 0.25]);
    expect([...shares([{ id: "a", weight: 0 }, { id: "b", weight: 0 }]).values()]).toEqual([0.5, 0.5]);
    expect([...shares([{ id: "a", weight: -5 }, { id: "b", weight: 2 }]).values()]).toEqual([0, 1]);
  });
});
