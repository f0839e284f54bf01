import { describe, expect, it } from "vitest";
import { ApiError } from "../api/client";
import { forEach } from "./bulk";

const now = () => Promise.resolve();
const never = new AbortController().signal;

describe("the same for many", () => {
  it("is done for each once, a few at a time", async () => {
    let running = 0;
    let most = 0;
    const items = Array.from({ length: 50 }, (_, n) => n);
    const steps: number[] = [];
    const found = await forEach(items, async () => { most = Math.max(most, (running += 1)); await Promise.resolve(); running -= 1; }, (over) => steps.push(over), never, now);
    expect(found.done.sort((a, b) => a - b)).toEqual(items);
    expect(most).toBeLessThanOrEqual(4);
    expect(steps.at(-1)).toBe(50);
  });
  it("remembers what failed, and tries again what passes", async () => {
    const tries = new Map<number, number>();
    const run = (item: number) => {
      const n = (tries.get(item) ?? 0) + 1;
      tries.set(item, n);
      if (item === 1) return Promise.reject(new ApiError(403, "no", "", null));
      if (item === 2 && n < 3) return Promise.reject(new ApiError(503, "later", "", null, 1));
      return item === 3 ? Promise.reject(new ApiError(429, "later", "", null)) : Promise.resolve();
    };
    const found = await forEach([1, 2, 3, 4], run, () => undefined, never, now);
    expect(found.done.sort()).toEqual([2, 4]);
    expect(found.failed.map((each) => each.item).sort()).toEqual([1, 3]);
    expect([tries.get(1), tries.get(3)]).toEqual([1, 3]);
  });
  it("can be stopped between two", async () => {
    const stop = new AbortController();
    const found = await forEach(Array.from({ length: 20 }, (_, n) => n), () => Promise.resolve(stop.abort()), () => undefined, stop.signal, now);
    expect(found.done.length).toBeLessThanOrEqual(4);
    expect(found.done.length + found.left.length).toBe(20);
  });
});
