// Anthropic's messages.
import { failure, filled, number, parsed, table, text } from "./read";
import type { Format, Json, Turn, Usage } from "./types";

const MOST = 4096; // this format must have a number

function message(turn: Turn): Json {
  if (turn.role === "tool") {
    return { role: "user", content: turn.results.map((each) => ({ type: "tool_result", tool_use_id: each.id, content: each.text })) };
  }
  const said = turn.text ? [{ type: "text", text: turn.text }] : [];
  if (turn.role === "assistant") {
    return { role: "assistant", content: [...said, ...turn.calls.map((each) => ({ type: "tool_use", id: each.id, name: each.name, input: parsed(each.args) }))] };
  }
  return { role: "user", content: [...turn.images.map((each) => ({ type: "image", source: { type: "base64", media_type: each.mime, data: each.base64 } })), ...said] };
}

function tokens(said: unknown): Partial<Usage> {
  const usage = table(said);
  const parts = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"].map((name) => number(usage[name]));
  const output = number(usage["output_tokens"]);
  return {
    ...(parts[0] === undefined ? {} : { input: parts.reduce<number>((sum, each) => sum + (each ?? 0), 0) }),
    ...(output === undefined ? {} : { output }),
  };
}

export const messages: Format = {
  path: () => "/v1/messages",
  headers: (wish) => ({ "x-api-key": wish.key, "anthropic-version": "2023-06-01" }),
  body: (wish) =>
    filled({
      model: wish.model,
      max_tokens: wish.maxTokens ?? MOST,
      system: wish.system.trim() ? wish.system : null,
      messages: wish.turns.map(message),
      stream: true,
      temperature: wish.temperature,
      tools: wish.tools.map((each) => ({ name: each.name, description: each.description, input_schema: each.parameters })),
      output_config: wish.schema ? { format: { type: "json_schema", schema: wish.schema } } : null,
    }),
  hear: (event, heard) => {
    const slot = String(event["index"] ?? 0);
    switch (event["type"]) {
      case "error":
        throw failure(event["error"]);
      case "message_start":
        return heard.usage(tokens(table(event["message"])["usage"]));
      case "message_delta":
        return heard.usage(tokens(event["usage"]));
      case "content_block_start": {
        const block = table(event["content_block"]);
        if (block["type"] === "tool_use") heard.call(slot, { id: text(block["id"]), name: text(block["name"]) });
        else if (text(block["text"])) heard.text(text(block["text"]));
        return;
      }
      case "content_block_delta": {
        const delta = table(event["delta"]);
        if (delta["type"] === "text_delta") heard.text(text(delta["text"]));
        if (delta["type"] === "input_json_delta") heard.call(slot, { args: text(delta["partial_json"]) });
      }
    }
  },
};

