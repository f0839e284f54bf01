// Anthropic's SDK for JavaScript against the gateway.
import Anthropic from "@anthropic-ai/sdk";
import { ABOUT, BOTH, failure, GATEWAY_URL, HELLO, KEY, LOOK, PERSON, PNG, RESULTS, run, TOOLS, UNKNOWN_KEY } from "./runner.js";

const client = (apiKey = KEY) => new Anthropic({ baseURL: GATEWAY_URL, apiKey, maxRetries: 0, timeout: 20_000 });
const tools = Object.entries(TOOLS).map(([name, schema]) => ({ name, description: ABOUT[name], input_schema: schema }));
const asked = (model, content = HELLO, fields = {}) => ({
  model,
  max_tokens: 2000,
  messages: [{ role: "user", content }],
  ...fields,
});
const ask = (...given) => client().messages.create(asked(...given));
const facts = (message) => ({
  text: message.content.filter((block) => block.type === "text").map((block) => block.text).join(""),
  end: message.stop_reason,
  input: message.usage.input_tokens,
  output: message.usage.output_tokens,
  model: message.model,
});

const gather = async (request) => {
  const pieces = [];
  const stream = client().messages.stream(request).on("text", (text) => pieces.push(text));
  return [await stream.finalMessage(), pieces];
};

const answered = async (model, said, fields = {}) => {
  const calls = said.content.filter((block) => block.type === "tool_use");
  const results = calls.map(({ id, name }) => ({ type: "tool_result", tool_use_id: id, content: RESULTS[name] }));
  const messages = [
    { role: "user", content: BOTH },
    { role: "assistant", content: said.content },
    { role: "user", content: results },
  ];
  const last = await ask(model, null, { messages, tools, ...fields });
  return { calls: calls.map(({ name, input }) => [name, input]), end: said.stop_reason, last: facts(last) };
};

await run({
  plain: async (model) => facts(await ask(model)),
  stream: async (model) => {
    const [message, pieces] = await gather(asked(model));
    return { ...facts(message), pieces: pieces.length, same: pieces.join("") === facts(message).text };
  },
  tools: async (model) => answered(model, await ask(model, BOTH, { tools })),
  tools_streamed: async (model) => answered(model, (await gather(asked(model, BOTH, { tools })))[0]),
  image: async (model) => {
    const source = { type: "base64", media_type: "image/png", data: PNG };
    return facts(await ask(model, [{ type: "image", source }, { type: "text", text: LOOK }]));
  },
  structured: async (model) => {
    const format = { type: "json_schema", schema: PERSON };
    return { parsed: (await client().messages.parse(asked(model, HELLO, { output_config: { format } }))).parsed_output };
  },
  thinking: async (model) => {
    const thinking = { type: "enabled", budget_tokens: 1024 };
    const [said] = await gather(asked(model, BOTH, { tools, thinking }));
    const thoughts = said.content.filter((block) => block.type === "thinking").map((block) => block.thinking);
    return { ...(await answered(model, said, { thinking })), thought: thoughts.join("") };
  },
  errors: async (model) => ({
    key: await failure(() => client(UNKNOWN_KEY).messages.create(asked(model))),
    rate: await failure(() => ask(`${model}-limited`)),
    long: await failure(() => ask(`${model}-long`)),
    cut: await failure(() => gather(asked(`${model}-cut`))),
    model: await failure(() => ask("nobody")),
  }),
});
