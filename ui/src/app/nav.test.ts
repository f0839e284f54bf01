import { describe, expect, it } from "vitest";
import { groupsFor } from "./nav";

const seen = (actions: Record<string, "all" | "some">) => groupsFor(actions).flatMap((group) => group.places.map((place) => place.to));

describe("navigation", () => {
  it("shows what one may see, and each page once", () => {
    expect(seen({})).toEqual(["/", "/playground", "/account", "/settings"]);
    expect(seen({ "key.read": "some", "user.read": "some" })).toEqual(["/", "/playground", "/keys", "/account", "/settings"]);
    const all = seen({ "user.read": "all", "user.create": "all", "audit.read": "all" });
    expect(all.filter((each) => each === "/users")).toEqual(["/users"]);
    expect(all).toContain("/audit");
  });
});
