// The same done to many things, one request each: some at a time, and every failure remembered.
import { ApiError } from "../api/client";

export interface Outcome<T> {
  done: T[];
  failed: { item: T; error: unknown }[];
  /** Not begun, because somebody has stopped it. */
  left: T[];
}

const AT_ONCE = 4;
const TRIES = 3;
const PASSING = new Set(["busy", "limited"]);

async function insisted(run: () => Promise<unknown>, pause: (ms: number) => Promise<void>): Promise<void> {
  for (let n = 1; ; n += 1) {
    try {
      await run();
      return;
    } catch (error) {
      if (!(error instanceof ApiError) || !PASSING.has(error.trouble) || n === TRIES) throw error;
      await pause(Math.min(5, error.retryAfter ?? n) * 1000);
    }
  }
}

const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** `onStep` is told how many are over, well or not. Never rejects. */
export async function forEach<T>(items: readonly T[], run: (item: T) => Promise<unknown>, onStep: (over: number) => void, signal: AbortSignal, pause = sleep): Promise<Outcome<T>> {
  const outcome: Outcome<T> = { done: [], failed: [], left: [] };
  let next = 0;
  const worker = async () => {
    for (;;) {
      const item = items[next];
      if (next >= items.length || signal.aborted) return;
      next += 1;
      try {
        await insisted(() => run(item as T), pause);
        outcome.done.push(item as T);
      } catch (error) {
        outcome.failed.push({ item: item as T, error });
      }
      onStep(outcome.done.length + outcome.failed.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  outcome.left = items.slice(next);
  return outcome;
}
