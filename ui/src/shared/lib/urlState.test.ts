import { describe, expect, it } from "vitest";
import { readUrl, writeUrl } from "./urlState";

const defaults = { page: 1, search: "", live: false };

describe("the address", () => {
  it("is read in the types of the defaults", () => {
    expect(readUrl({ page: "3", search: 42, live: "true" }, defaults)).toEqual({ page: 3, search: "42", live: true });
    expect(readUrl({ page: "x", search: { a: 1 }, foreign: 1 }, defaults)).toEqual(defaults);
  });
  it("says only what is not usual", () => {
    expect(writeUrl({ page: 1, search: "a", live: false }, defaults)).toEqual({ search: "a" });
  });
});
