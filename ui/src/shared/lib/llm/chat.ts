// OpenAI's chat completions.
import { failure, filled, list, number, table, text } from "./read";
import type { Format, Json, Turn } from "./types";

function messages(turn: Turn): Json[] {
  if (turn.role === "tool") return turn.results.map((each) => ({ role: "tool", tool_call_id: each.id, content: each.text }));
  if (turn.role === "assistant") {
    const calls = turn.calls.map((each) => ({ id: each.id, type: "function", function: { name: each.name, arguments: each.args || "{}" }, ...each.extra }));
    return [filled({ role: "assistant", content: turn.text || (calls.length > 0 ? null : ""), tool_calls: calls })];
  }
  if (turn.images.length === 0) return [{ role: "user", content: turn.text }];
  const images = turn.images.map((each) => ({ type: "image_url", image_url: { url: `data:${each.mime};base64,${each.base64}` } }));
  return [{ role: "user", content: [...(turn.text ? [{ type: "text", text: turn.text }] : []), ...images] }];
}

export const chat: Format = {
  path: () => "/v1/chat/completions",
  headers: (wish) => ({ authorization: `Bearer ${wish.key}` }),
  body: (wish) =>
    filled({
      model: wish.model,
      messages: [...(wish.system.trim() ? [{ role: "system", content: wish.system }] : []), ...wish.turns.flatMap(messages)],
      stream: true,
      stream_options: { include_usage: true },
      temperature: wish.temperature,
      max_tokens: wish.maxTokens,
      tools: wish.tools.map((each) => ({ type: "function", function: each })),
      response_format: wish.schema ? { type: "json_schema", json_schema: { name: "answer", schema: wish.schema } } : null,
    }),
  hear: (event, heard) => {
    if (event["error"]) throw failure(event["error"]);
    const delta = table(list(event["choices"])[0]?.["delta"]);
    const piece = text(delta["content"]) || text(delta["refusal"]);
    if (piece) heard.text(piece);
    for (const each of list(delta["tool_calls"])) {
      const named = table(each["function"]);
      heard.call(String(each["index"] ?? 0), {
        ...(text(each["id"]) ? { id: text(each["id"]) } : {}),
        ...(text(named["name"]) ? { name: text(named["name"]) } : {}),
        ...(each["extra_content"] ? { extra: { extra_content: each["extra_content"] } } : {}),
        args: text(named["arguments"]),
      });
    }
    const usage = table(event["usage"]);
    const input = number(usage["prompt_tokens"]);
    if (input !== undefined) heard.usage({ input, output: number(usage["completion_tokens"]) ?? 0 });
  },
};
