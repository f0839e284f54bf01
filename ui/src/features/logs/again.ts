import type { LogRow } from "@/shared/api/views";

type Body = Record<string, unknown>;
const SAID = "…";

const chat = { messages: [{ role: "user", content: SAID }] };
// By the kind of call: where it goes, and what takes the place of what was said, which is not stored.
const CALLS: Record<string, readonly [string, Body]> = {
  acompletion: ["/v1/chat/completions", chat],
  atext_completion: ["/v1/completions", { prompt: SAID }],
  aembedding: ["/v1/embeddings", { input: SAID }],
  anthropic_messages: ["/v1/messages", { max_tokens: 1024, ...chat }],
  aresponses: ["/v1/responses", { input: SAID }],
  agenerate_content: ["/v1beta/models/{model}:generateContent", { contents: [{ role: "user", parts: [{ text: SAID }] }] }],
  agenerate_content_stream: ["/v1beta/models/{model}:streamGenerateContent?alt=sse", { contents: [{ role: "user", parts: [{ text: SAID }] }] }],
  amoderation: ["/v1/moderations", { input: SAID }],
  aimage_generation: ["/v1/images/generations", { prompt: SAID }],
  aspeech: ["/v1/audio/speech", { input: SAID, voice: "alloy" }],
  arerank: ["/v1/rerank", { query: SAID, documents: [SAID] }],
};

/** A word for a shell, whatever is in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A command that asks the same model in the same way; `null` for what is no call of a model. */
export function requestOf(row: LogRow, root: string): string | null {
  const call = CALLS[row.call_type];
  if (call === undefined) return null;
  const [path, said] = call;
  const inPath = path.includes("{model}");
  const body: Body = { ...(inPath ? {} : { model: row.model_group }), ...said };
  if (row.metadata.stream && !inPath) body["stream"] = true;
  if (row.call_type === "acompletion") {
    if (row.end_user) body["user"] = row.end_user;
    const about: Body = { ...(row.request_tags.length > 0 ? { tags: row.request_tags } : {}), ...(row.session_id ? { session_id: row.session_id } : {}) };
    if (Object.keys(about).length > 0) body["metadata"] = about;
  }
  const address = root + path.replace("{model}", encodeURIComponent(row.model_group));
  const lines = [`curl ${quoted(address)}`, '-H "Authorization: Bearer $PHANTOM_KEY"', "-H 'content-type: application/json'"];
  if (row.call_type === "anthropic_messages") lines.push("-H 'anthropic-version: 2023-06-01'");
  return [...lines, `-d ${quoted(JSON.stringify(body, null, 2))}`].join(" \\\n  ");
}

/** A command that reads the row of a request. */
export function lookUpOf(row: LogRow, root: string): string {
  const day = row.startTime.slice(0, 10);
  const address = `${root}/spend/logs/v2?request_id=${encodeURIComponent(row.request_id)}&start_date=${day}&end_date=${day}`;
  return `curl ${quoted(address)} \\\n  -H "Authorization: Bearer $PHANTOM_KEY"`;
}
