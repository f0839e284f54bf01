import { describe, expect, it } from "vitest";
import { compact, day, duration, money, percent, relative, typedNumber } from "./format";

const plain = (text: string) => text.replace(/\s/g, " ");

describe("money", () => {
  it("shows the digits that matter", () => {
    expect(money(0, "en")).toBe("$0.00");
    expect(money(1234.5, "en")).toBe("$1,234.50");
    expect(money(0.0123, "en")).toBe("$0.0123");
    expect(money(0.000128, "en")).toBe("$0.000128");
    expect(plain(money(1234.5, "de"))).toBe("1.234,50 $");
  });
});

describe("figures and times", () => {
  it("are short where they are long", () => {
    expect(compact(9999, "en")).toBe("9,999");
    expect(compact(1_234_567, "en")).toBe("1.2M");
    expect(percent(0, 0, "en")).toBe("0%");
    expect(percent(1, 40, "en")).toBe("2.5%");
    expect(duration(1530, "en")).toBe("1.53 s");
    expect([duration(119_000, "en"), duration(150_000, "en"), duration(9_000_000, "de")]).toEqual(["119 s", "2.5 min", "2,5 h"]);
  });
  it("are relative to now", () => {
    const now = Date.parse("2026-11-23T12:00:00Z");
    expect(relative("2026-11-23T11:59:00Z", "en", now)).toBe("1 minute ago");
    expect(relative("2026-12-01T12:00:00Z", "de", now)).toBe("in 8 Tagen");
    expect(day("2026-11-23", "en")).toBe("23 Nov");
  });
  it("read what people type", () => {
    expect([typedNumber(" 1,5 "), typedNumber(""), typedNumber("x"), typedNumber("1e999")]).toEqual([1.5, null, undefined, undefined]);
  });
});
