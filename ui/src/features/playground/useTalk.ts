import { useEffect, useRef, useState } from "react";
import { call, type FormatName } from "@/shared/lib/llm/call";
import type { Call, Result, Turn, Usage, Wish } from "@/shared/lib/llm/types";

export interface Reply {
  turns: readonly Turn[];
  running: boolean;
  stopped: boolean;
  error: unknown;
  first: number | null;
  took: number | null;
  usage: Usage | null;
}

export const QUIET: Reply = { turns: [], running: false, stopped: false, error: null, first: null, took: null, usage: null };

/** The calls that a lane waits for results of. */
export function waiting(reply: Reply): readonly Call[] {
  const last = reply.turns.at(-1);
  return !reply.running && last?.role === "assistant" ? last.calls : [];
}

function grown(old: Reply, change: (last: Extract<Turn, { role: "assistant" }>) => Turn, since: number): Partial<Reply> {
  const last = old.turns.at(-1);
  if (last?.role !== "assistant") return {};
  return { turns: [...old.turns.slice(0, -1), change(last)], first: old.first ?? performance.now() - since };
}

function withPiece(calls: readonly Call[], at: number, piece: Partial<Call>): Call[] {
  const old = calls[at] ?? { id: "", name: "", args: "" };
  const next = { ...old, ...piece, args: old.args + (piece.args ?? "") };
  return at < calls.length ? calls.map((each, index) => (index === at ? next : each)) : [...calls, next];
}

type Setup = Omit<Wish, "model" | "turns">;

/** Conversations side by side: one with each model. */
export function useTalk() {
  const [replies, setReplies] = useState<readonly Reply[]>([QUIET]);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);

  const patch = (lane: number, change: (old: Reply) => Partial<Reply>) =>
    setReplies((old) => old.map((each, index) => (index === lane ? { ...each, ...change(each) } : each)));

  const ask = async (lane: number, format: FormatName, wish: Wish, signal: AbortSignal) => {
    const since = performance.now();
    const slots: string[] = [];
    try {
      await call(
        format,
        wish,
        {
          text: (piece) => patch(lane, (old) => grown(old, (last) => ({ ...last, text: last.text + piece }), since)),
          call: (slot, piece) => {
            if (!slots.includes(slot)) slots.push(slot);
            const at = slots.indexOf(slot);
            patch(lane, (old) => grown(old, (last) => ({ ...last, calls: withPiece(last.calls, at, piece) }), since));
          },
          usage: (found) => patch(lane, (old) => ({ usage: { ...(old.usage ?? { input: 0, output: 0 }), ...found } })),
        },
        signal,
      );
    } catch (error) {
      patch(lane, () => (signal.aborted ? { stopped: true } : { error }));
    }
    patch(lane, () => ({ running: false, took: performance.now() - since }));
  };

  /** Ask lane by lane; `turnsOf` gives what a lane's conversation is now, or null to leave it alone. */
  const start = (format: FormatName, setup: Setup, models: readonly string[], turnsOf: (lane: number, old: Reply) => Turn[] | null) => {
    const controller = new AbortController();
    stop.current = controller;
    setReplies(
      replies.map((old, lane) => {
        const turns = turnsOf(lane, old);
        if (!turns) return old;
        void ask(lane, format, { ...setup, model: models[lane] ?? "", turns }, controller.signal);
        return { ...QUIET, turns: [...turns, { role: "assistant", text: "", calls: [] }], running: true };
      }),
    );
  };

  return {
    replies,
    running: replies.some((each) => each.running),
    stop: () => stop.current?.abort(),
    clear: () => setReplies((old) => old.map(() => QUIET)),
    add: () => setReplies((old) => [...old, QUIET]),
    remove: (lane: number) => setReplies((old) => old.filter((_, index) => index !== lane)),
    say: (format: FormatName, setup: Setup, models: readonly string[], turn: Turn) => start(format, setup, models, (_, old) => [...spoken(old.turns), turn]),
    answer: (format: FormatName, setup: Setup, models: readonly string[], lane: number, results: readonly Result[]) =>
      start(format, setup, models, (index, old) => (index === lane ? [...old.turns, { role: "tool", results }] : null)),
  };
}

/** What was said, without answers that never came and calls that nobody has answered: no model takes those. */
export function spoken(turns: readonly Turn[]): Turn[] {
  return turns.flatMap((turn, index): Turn[] => {
    if (turn.role !== "assistant") return [turn];
    const calls = turns[index + 1]?.role === "tool" ? turn.calls : [];
    return turn.text === "" && calls.length === 0 ? [] : [{ ...turn, calls }];
  });
}
