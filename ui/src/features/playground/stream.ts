// One streamed chat call, as any client makes it: with a key, at the public API.
import { apiRoot, ApiError, problemOf } from "@/shared/api/client";

export interface Turn {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface Wish {
  key: string;
  model: string;
  turns: readonly Turn[];
  temperature: number | null;
  maxTokens: number | null;
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
}

export interface Heard {
  text: (piece: string) => void;
  usage: (usage: Usage) => void;
}

/** The data of every whole event in `buffer`, and what is left of it. */
export function events(buffer: string): { data: string[]; rest: string } {
  const parts = buffer.split(/\r?\n\r?\n/);
  const rest = parts.pop() ?? "";
  const data = parts.map((part) => part.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n"));
  return { data: data.filter(Boolean), rest };
}

interface Chunk {
  choices?: { delta?: { content?: string | null } }[];
  usage?: Usage | null;
  error?: { message?: string; type?: string };
}

function hear(data: string, heard: Heard): void {
  if (data === "[DONE]") return;
  let chunk: Chunk;
  try {
    chunk = JSON.parse(data) as Chunk;
  } catch {
    return;
  }
  if (chunk.error) throw new ApiError(502, chunk.error.message ?? "", chunk.error.type ?? "", null);
  const piece = chunk.choices?.[0]?.delta?.content;
  if (piece) heard.text(piece);
  if (chunk.usage) heard.usage(chunk.usage);
}

/** Rejects with ApiError, or with the signal's reason. */
export async function chat(wish: Wish, heard: Heard, signal: AbortSignal): Promise<void> {
  let response: Response;
  try {
    response = await fetch(`${apiRoot()}/v1/chat/completions`, {
      method: "POST",
      signal,
      credentials: "omit",
      headers: { "content-type": "application/json", authorization: `Bearer ${wish.key}` },
      body: JSON.stringify({
        model: wish.model,
        messages: wish.turns,
        stream: true,
        stream_options: { include_usage: true },
        ...(wish.temperature === null ? {} : { temperature: wish.temperature }),
        ...(wish.maxTokens === null ? {} : { max_tokens: wish.maxTokens }),
      }),
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError(0, "no answer", "offline", null);
  }
  if (!response.ok || !response.body) throw problemOf(response.status, await response.text(), response.headers.get("retry-after"));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { done, value } = await reader.read();
    const { data, rest } = events(buffer + (done ? "\n\n" : value));
    buffer = rest;
    data.forEach((each) => hear(each, heard));
    if (done) return;
  }
}
