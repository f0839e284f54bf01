import { describe, expect, it } from "vitest";
import { events, FORMATS, type FormatName } from "./call";
import type { Call, Json, Usage, Wish } from "./types";

describe("events", () => {
  it("come whole, however the stream is cut", () => {
    const whole = 'data: {"a":1}\n\n: comment\n\ndata: {"b":\r\ndata: 2}\r\n\r\ndata: [DONE]\n\n';
    for (let at = 0; at <= whole.length; at += 1) {
      const first = events(whole.slice(0, at));
      const second = events(first.rest + whole.slice(at));
      expect([...first.data, ...second.data]).toEqual(['{"a":1}', '{"b":\n2}', "[DONE]"]);
      expect(second.rest).toBe("");
    }
  });
});

const WISH: Wish = {
  key: "sk-1",
  model: "team/gpt",
  system: "Be brief.",
  turns: [
    { role: "user", text: "Look", images: [{ name: "a.png", mime: "image/png", base64: "AAAA" }] },
    { role: "assistant", text: "", calls: [{ id: "c1", name: "weather", args: '{"city":"Ulm"}' }] },
    { role: "tool", results: [{ id: "c1", name: "weather", text: "rain" }] },
  ],
  temperature: 0,
  maxTokens: 7,
  tools: [{ name: "weather", description: "d", parameters: { type: "object" } }],
  schema: { type: "object" },
};

describe("every format", () => {
  it("sends the whole conversation, the tools and the schema", () => {
    for (const name of Object.keys(FORMATS) as FormatName[]) {
      const sent = JSON.stringify(FORMATS[name].body(WISH));
      for (const part of ["Be brief.", "Look", "AAAA", "image/png", "weather", "Ulm", "rain"]) expect(sent, name).toContain(part);
      expect(sent, name).toMatch(/[sS]chema/);
      expect(sent, name).toMatch(/"temperature":0[,}]/);
      expect(JSON.stringify(FORMATS[name].headers(WISH))).toContain("sk-1");
    }
    expect(FORMATS.gemini.path(WISH)).toBe("/v1beta/models/team/gpt:streamGenerateContent?alt=sse");
  });
  it("says nothing of what is not wished", () => {
    const bare: Wish = { ...WISH, system: " ", turns: [{ role: "user", text: "Hi", images: [] }], temperature: null, maxTokens: null, tools: [], schema: null };
    expect(FORMATS.chat.body(bare)).toEqual({ model: "team/gpt", messages: [{ role: "user", content: "Hi" }], stream: true, stream_options: { include_usage: true } });
    expect(FORMATS.gemini.body(bare)).toEqual({ contents: [{ role: "user", parts: [{ text: "Hi" }] }], generationConfig: {} });
  });
});

function heard(name: FormatName, stream: readonly Json[]) {
  let said = "";
  const calls = new Map<string, Call>();
  let usage: Partial<Usage> = {};
  for (const event of stream) {
    FORMATS[name].hear(event, {
      text: (piece) => (said += piece),
      call: (slot, piece) => {
        const old = calls.get(slot) ?? { id: "", name: "", args: "" };
        calls.set(slot, { ...old, ...piece, args: old.args + (piece.args ?? "") });
      },
      usage: (found) => (usage = { ...usage, ...found }),
    });
  }
  return { said, calls: [...calls.values()], usage };
}

const ANSWER = { said: "Hello", usage: { input: 3, output: 2 } };
const STREAMS: Record<FormatName, Json[]> = {
  chat: [
    { choices: [{ delta: { content: "Hel" } }] },
    { choices: [{ delta: { content: "lo", tool_calls: [{ index: 0, id: "c1", function: { name: "w", arguments: "{" } }] } }] },
    { choices: [{ delta: { tool_calls: [{ index: 0, function: { arguments: "}" } }] } }], usage: null },
    { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } },
  ],
  messages: [
    { type: "message_start", message: { usage: { input_tokens: 1, cache_read_input_tokens: 2, output_tokens: 1 } } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hello" } },
    { type: "content_block_start", index: 1, content_block: { type: "tool_use", id: "c1", name: "w", input: {} } },
    { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: "{}" } },
    { type: "message_delta", usage: { output_tokens: 2 } },
  ],
  gemini: [
    { candidates: [{ content: { parts: [{ text: "thinking", thought: true }, { text: "Hello" }] } }] },
    { candidates: [{ content: { parts: [{ functionCall: { id: "c1", name: "w", args: {} }, thoughtSignature: "s" }] } }], usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2 } },
  ],
  responses: [
    { type: "response.output_text.delta", output_index: 0, delta: "Hello" },
    { type: "response.output_item.added", output_index: 1, item: { type: "function_call", call_id: "c1", name: "w" } },
    { type: "response.function_call_arguments.delta", output_index: 1, delta: "{}" },
    { type: "response.completed", response: { usage: { input_tokens: 3, output_tokens: 2 } } },
  ],
};

describe("streams", () => {
  it("say the same in every format", () => {
    for (const name of Object.keys(STREAMS) as FormatName[]) {
      const found = heard(name, STREAMS[name]);
      expect(found, name).toMatchObject(ANSWER);
      expect(found.calls, name).toMatchObject([{ id: "c1", name: "w", args: "{}" }]);
    }
    expect(heard("gemini", STREAMS.gemini).calls[0]?.extra).toEqual({ thoughtSignature: "s" });
  });
  it("end with the failure they report, and survive nonsense", () => {
    const bad: [FormatName, Json][] = [
      ["chat", { error: { message: "no" } }],
      ["messages", { type: "error", error: { message: "no" } }],
      ["gemini", { error: { code: 503, message: "no" } }],
      ["responses", { type: "response.failed", response: { error: { message: "no" } } }],
    ];
    for (const [name, event] of bad) expect(() => heard(name, [event]), name).toThrow("no");
    const odd: Json[] = [{}, { choices: 3 }, { candidates: [null] }, { type: 7, delta: [] }, { type: "content_block_delta" }, { usage: "x" }];
    for (const name of Object.keys(STREAMS) as FormatName[]) expect(heard(name, odd).said).toBe("");
  });
});
