// Vercel's AI SDK with its providers for OpenAI's (both), Anthropic's and Google's formats against the gateway.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";
import { ABOUT, BOTH, failure, GATEWAY_URL, HELLO, KEY, LOOK, PERSON, PNG, RESULTS, run, TOOLS, UNKNOWN_KEY } from "./runner.js";

const providers = {
  openai: (apiKey) => createOpenAI({ baseURL: `${GATEWAY_URL}/v1`, apiKey }).chat,
  responses: (apiKey) => createOpenAI({ baseURL: `${GATEWAY_URL}/v1`, apiKey }).responses,
  anthropic: (apiKey) => createAnthropic({ baseURL: `${GATEWAY_URL}/v1`, apiKey }),
  google: (apiKey) => createGoogleGenerativeAI({ baseURL: `${GATEWAY_URL}/v1beta`, apiKey }),
};
const tools = Object.fromEntries(
  Object.entries(TOOLS).map(([name, schema]) => [
    name,
    tool({ description: ABOUT[name], inputSchema: jsonSchema(schema), execute: async () => RESULTS[name] }),
  ]),
);
// With Responses the SDK refers to what the provider has kept, unless it is told that nothing is: of translated models nothing is.
const kept = { openai: { store: false } };
const think = {
  openai: { openai: { reasoningEffort: "low" } },
  responses: { openai: { store: false, reasoningEffort: "low", reasoningSummary: "auto", forceReasoning: true } },
  anthropic: { anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } } },
  google: { google: { thinkingConfig: { includeThoughts: true, thinkingBudget: 1024 } } },
};
const asked = (model, format, fields = {}) => ({
  model: providers[format](fields.key ?? KEY)(model),
  maxRetries: 0,
  maxOutputTokens: 2000,
  ...(format === "responses" ? { providerOptions: kept } : {}),
  ...(fields.messages ? {} : { prompt: HELLO }),
  ...fields,
});
const facts = (step) => ({
  text: step.text,
  end: step.finishReason,
  input: step.usage.inputTokens,
  output: step.usage.outputTokens,
  model: step.response.modelId,
});
const ask = (...given) => generateText(asked(...given));
const gather = async (...given) => {
  const failures = [];
  const result = streamText({ ...asked(...given), onError: ({ error }) => failures.push(error) });
  const pieces = [];
  for await (const piece of result.textStream) pieces.push(piece);
  if (failures.length) throw failures[0];
  return [await result.steps, pieces];
};
const called = ([first, ...rest]) => ({
  calls: first.toolCalls.map((call) => [call.toolName, call.input]),
  end: first.finishReason,
  last: facts(rest.at(-1)),
  thought: first.reasoningText ?? "",
});
const both = { prompt: BOTH, tools, stopWhen: stepCountIs(2) };

await run(
  {
    plain: async (model, format) => facts((await ask(model, format)).steps[0]),
    stream: async (model, format) => {
      const [[step], pieces] = await gather(model, format);
      return { ...facts(step), pieces: pieces.length, same: pieces.join("") === step.text };
    },
    tools: async (model, format) => called((await ask(model, format, both)).steps),
    tools_streamed: async (model, format) => called((await gather(model, format, both))[0]),
    image: async (model, format) => {
      const content = [{ type: "image", image: Buffer.from(PNG, "base64"), mediaType: "image/png" }, { type: "text", text: LOOK }];
      return facts((await ask(model, format, { messages: [{ role: "user", content }] })).steps[0]);
    },
    structured: async (model, format) => ({
      parsed: (await ask(model, format, { output: Output.object({ schema: jsonSchema(PERSON) }) })).output,
    }),
    thinking: async (model, format) => called((await gather(model, format, { ...both, providerOptions: think[format] }))[0]),
    errors: async (model, format) => ({
      key: await failure(() => ask(model, format, { key: UNKNOWN_KEY })),
      rate: await failure(() => ask(`${model}-limited`, format)),
      long: await failure(() => ask(`${model}-long`, format)),
      cut: await failure(() => gather(`${model}-cut`, format)),
      model: await failure(() => ask("nobody", format)),
    }),
  },
  Object.keys(providers),
);
