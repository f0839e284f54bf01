// OpenAI's responses. Nothing is kept there: every call brings the whole conversation.
import { failure, filled, number, table, text } from "./read";
import type { Format, Json, Turn } from "./types";

function items(turn: Turn): Json[] {
  if (turn.role === "tool") return turn.results.map((each) => ({ type: "function_call_output", call_id: each.id, output: each.text }));
  if (turn.role === "assistant") {
    const said = turn.text ? [{ role: "assistant", content: [{ type: "output_text", text: turn.text }] }] : [];
    return [...said, ...turn.calls.map((each) => ({ type: "function_call", call_id: each.id, name: each.name, arguments: each.args || "{}" }))];
  }
  const images = turn.images.map((each) => ({ type: "input_image", image_url: `data:${each.mime};base64,${each.base64}` }));
  return [{ role: "user", content: [...(turn.text ? [{ type: "input_text", text: turn.text }] : []), ...images] }];
}

export const responses: Format = {
  path: () => "/v1/responses",
  headers: (wish) => ({ authorization: `Bearer ${wish.key}` }),
  body: (wish) =>
    filled({
      model: wish.model,
      instructions: wish.system.trim() ? wish.system : null,
      input: wish.turns.flatMap(items),
      stream: true,
      store: false,
      temperature: wish.temperature,
      max_output_tokens: wish.maxTokens,
      tools: wish.tools.map((each) => ({ type: "function", ...each, strict: false })),
      text: wish.schema ? { format: { type: "json_schema", name: "answer", schema: wish.schema } } : null,
    }),
  hear: (event, heard) => {
    const slot = String(event["output_index"] ?? 0);
    const response = table(event["response"]);
    switch (event["type"]) {
      case "error":
        throw failure(event["error"] ?? event);
      case "response.failed":
        throw failure(response["error"]);
      case "response.output_text.delta":
      case "response.refusal.delta":
        return heard.text(text(event["delta"]));
      case "response.output_item.added": {
        const item = table(event["item"]);
        if (item["type"] === "function_call") heard.call(slot, { id: text(item["call_id"]), name: text(item["name"]) });
        return;
      }
      case "response.function_call_arguments.delta":
        return heard.call(slot, { args: text(event["delta"]) });
      case "response.completed":
      case "response.incomplete": {
        const usage = table(response["usage"]);
        heard.usage({ input: number(usage["input_tokens"]) ?? 0, output: number(usage["output_tokens"]) ?? 0 });
      }
    }
  },
};
