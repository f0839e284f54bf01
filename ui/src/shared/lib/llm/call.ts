// One streamed call, as any client makes it: with a key, at the public API.
import { apiRoot, ApiError, problemOf } from "../../api/client";
import { chat } from "./chat";
import { gemini } from "./gemini";
import { messages } from "./messages";
import { responses } from "./responses";
import type { Format, Heard, Json, Wish } from "./types";

export const FORMATS = { chat, messages, gemini, responses } as const satisfies Record<string, Format>;
export type FormatName = keyof typeof FORMATS;

/** The data of every whole event in `buffer`, and what is left of it. */
export function events(buffer: string): { data: string[]; rest: string } {
  const parts = buffer.split(/\r?\n\r?\n/);
  const rest = parts.pop() ?? "";
  const data = parts.map((part) => part.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n"));
  return { data: data.filter(Boolean), rest };
}

function hear(format: Format, data: string, heard: Heard): void {
  let event: unknown;
  try {
    event = JSON.parse(data);
  } catch {
    return; // `[DONE]`
  }
  if (typeof event === "object" && event !== null) format.hear(event as Json, heard);
}

/** Rejects with ApiError, or with the signal's reason. */
export async function call(name: FormatName, wish: Wish, heard: Heard, signal: AbortSignal): Promise<void> {
  const format = FORMATS[name];
  let response: Response;
  try {
    response = await fetch(apiRoot() + format.path(wish), {
      method: "POST",
      signal,
      credentials: "omit",
      headers: { "content-type": "application/json", ...format.headers(wish) },
      body: JSON.stringify(format.body(wish)),
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError(0, "no answer", "offline", null);
  }
  if (!response.ok || !response.body) throw problemOf(response.status, await response.text(), response.headers.get("retry-after"));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    let read: ReadableStreamReadResult<string>;
    try {
      read = await reader.read();
    } catch (error) {
      if (signal.aborted) throw error;
      throw new ApiError(0, "the stream broke", "offline", null);
    }
    const { data, rest } = events(buffer + (read.done ? "\n\n" : read.value));
    buffer = rest;
    data.forEach((each) => hear(format, each, heard));
    if (read.done) return;
  }
}
