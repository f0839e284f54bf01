import { describe, expect, it } from "vitest";
import { common } from "../i18n/common";
import { roleName } from "./role";

describe("a role", () => {
  it("is said in words, or by its own name", () => {
    const t = (key: keyof typeof common) => common[key][1];
    expect(roleName(t, "internal_user")).toBe("Benutzer");
    expect(roleName(t, "helpdesk")).toBe("helpdesk");
    expect(roleName(t, "__proto__")).toBe("__proto__");
  });
});
