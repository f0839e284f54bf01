// The OpenAI SDK for JavaScript as it is, pointed at the gateway. Run by tests/contract/test_openai_javascript.py, which
// says in the environment where the gateway is and gives the keys.
import assert from "node:assert/strict";
import test from "node:test";
import OpenAI, { AzureOpenAI } from "openai";

const { GATEWAY_URL, KEY, DENIED_KEY, LIMITED_KEY, POOR_KEY } = process.env;
const messages = [{ role: "user", content: "hello there" }];
const client = (apiKey = KEY) =>
  new OpenAI({ baseURL: `${GATEWAY_URL}/v1`, apiKey, maxRetries: 0, timeout: 20_000 });
const chat = (fields = {}, apiKey = KEY) =>
  client(apiKey).chat.completions.create({ model: "gpt", messages, ...fields });

test("chat", async () => {
  const answer = await chat({ simulate: { chunks: 7 } });
  assert.equal(answer.model, "gpt");
  assert.equal(answer.usage.completion_tokens, 7);
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.ok(answer.choices[0].message.content);
});

test("several choices", async () => {
  const answer = await chat({ n: 3, max_completion_tokens: 4 });
  assert.deepEqual(answer.choices.map((choice) => [choice.index, choice.finish_reason]), [0, 1, 2].map((i) => [i, "length"]));
});

test("tools", async () => {
  const weather = { type: "function", function: { name: "weather", parameters: { type: "object", properties: {} } } };
  const answer = await chat({ tools: [weather], tool_choice: "required" });
  assert.equal(answer.choices[0].message.tool_calls[0].function.name, "weather");
});

test("response_format", async () => {
  const answer = await chat({ response_format: { type: "json_object" } });
  assert.deepEqual(JSON.parse(answer.choices[0].message.content), { demo: true });
});

test("stream", async () => {
  const chunks = [];
  for await (const chunk of await chat({ stream: true, simulate: { chunks: 7 } })) chunks.push(chunk);
  assert.equal(chunks.filter((chunk) => chunk.choices[0].delta.content).length, 7);
  assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  assert.ok(chunks.every((chunk) => chunk.model === "gpt" && !chunk.usage));
});

test("stream with usage", async () => {
  const chunks = [];
  const stream = await chat({ stream: true, stream_options: { include_usage: true }, simulate: { chunks: 7 } });
  for await (const chunk of stream) chunks.push(chunk);
  assert.equal(chunks.at(-1).usage.completion_tokens, 7);
  assert.deepEqual(chunks.at(-1).choices, []);
});

test("a stream that is left", async () => {
  const stream = await chat({ stream: true, simulate: { chunks: 1000, pace_ms: 10 } });
  for await (const chunk of stream) {
    if (chunk.choices[0].delta.content) break;
  }
});

test("completions", async () => {
  const answer = await client().completions.create({ model: "gpt", prompt: "say something", max_tokens: 3 });
  assert.equal(answer.choices[0].text.trim().split(" ").length, 3);
});

test("embeddings", async () => {
  const input = ["one two", "three"];
  const numbers = await client().embeddings.create({ model: "gpt", input, encoding_format: "float", dimensions: 8 });
  assert.deepEqual(numbers.data.map((entry) => entry.embedding.length), [8, 8]);
  assert.equal(numbers.usage.prompt_tokens, 3);
  // without a format the SDK asks for base64 by itself and unpacks it
  const unpacked = await client().embeddings.create({ model: "gpt", input, dimensions: 8 });
  unpacked.data[0].embedding.forEach((value, i) => assert.ok(Math.abs(value - numbers.data[0].embedding[i]) < 1e-6));
  const packed = await client().embeddings.create({ model: "gpt", input: "one", encoding_format: "base64" });
  assert.equal(typeof packed.data[0].embedding, "string");
});

test("models", async () => {
  const names = [];
  for await (const model of client().models.list()) names.push(model.id);
  assert.ok(names.includes("gpt") && names.includes("demo"));
  assert.equal((await client().models.retrieve("gpt")).id, "gpt");
});

test("headers", async () => {
  const { data, response } = await chat().withResponse();
  const cost = data.usage.prompt_tokens * 1000 + data.usage.completion_tokens * 2000;
  assert.equal(Number(response.headers.get("x-litellm-response-cost")), cost / 1e9);
  assert.ok(response.headers.get("x-litellm-call-id"));
});

test("Azure's client", async () => {
  const azure = new AzureOpenAI({ endpoint: GATEWAY_URL, apiKey: KEY, apiVersion: "2025-02-01-preview", maxRetries: 0 });
  assert.equal((await azure.chat.completions.create({ model: "gpt", messages })).model, "gpt");
  await assert.rejects(azure.chat.completions.create({ model: "nope", messages }), OpenAI.BadRequestError);
});

const rejects = async (promise, kind, type) => {
  const error = await promise.then(() => assert.fail("it succeeded"), (reason) => reason);
  assert.ok(error instanceof kind, `${error.constructor.name} instead of ${kind.name}: ${error.message}`);
  if (type) assert.equal(error.type, type);
};

test("errors", async () => {
  await rejects(chat({}, "sk-unknown-0123456789"), OpenAI.AuthenticationError, "token_not_found_in_db");
  await rejects(chat({}, DENIED_KEY), OpenAI.PermissionDeniedError, "key_model_access_denied");
  await rejects(chat({ model: "nope" }), OpenAI.BadRequestError, "invalid_request_error");
  await rejects(client().models.retrieve("nope"), OpenAI.NotFoundError);
  await rejects(chat({}, POOR_KEY), OpenAI.UnprocessableEntityError, "budget_exceeded");
  await chat({}, LIMITED_KEY);
  await rejects(chat({}, LIMITED_KEY), OpenAI.RateLimitError, "throttling_error");
  await rejects(chat({ model: "fault-js-401", simulate: { mode: "401" } }), OpenAI.InternalServerError);
  await rejects(chat({ model: "fault-js-429", simulate: { mode: "429" } }), OpenAI.RateLimitError);
  await rejects(chat({ model: "fault-js-503", simulate: { mode: "503" } }), OpenAI.InternalServerError);
});

test("a time-out", async () => {
  const slow = { model: "gpt", messages, simulate: { mode: "slow_first_byte", first_ms: 5000 } };
  await rejects(client().chat.completions.create(slow, { timeout: 500 }), OpenAI.APIConnectionTimeoutError);
});

test("a broken stream is an error and not an end", async () => {
  const broken = { model: "fault-js-fin", stream: true, simulate: { mode: "fin", at: 3, pace_ms: 10 } };
  let count = 0;
  await assert.rejects(async () => {
    for await (const _chunk of await chat(broken)) count += 1;
  }, OpenAI.APIError);
  assert.ok(count > 0);
});

const weather = {
  type: "function",
  name: "weather",
  strict: false,
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

for (const model of ["gpt", "claude"]) {
  test(`a response of ${model}`, async () => {
    const answer = await client().responses.create({ model, input: "hello there", simulate: { chunks: 7 } });
    assert.equal(answer.model, model);
    assert.equal(answer.status, "completed");
    assert.equal(answer.usage.output_tokens, 7);
    assert.equal(answer.output_text.split(" ").length, 7);
  });

  test(`a response of ${model} as a stream, with a tool`, async () => {
    const stream = client().responses.stream({ model, input: "call weather", tools: [weather], reasoning: { effort: "low" }, max_output_tokens: 3000 });
    const types = [];
    for await (const event of stream) types.push(event.type);
    const answer = await stream.finalResponse();
    assert.equal(types[0], "response.created");
    assert.equal(types.at(-1), "response.completed");
    assert.ok(types.includes("response.function_call_arguments.delta"));
    assert.deepEqual(JSON.parse(answer.output.at(-1).arguments), { city: "demo" });
  });
}

test("a conversation that the provider keeps", async () => {
  const made = await client().responses.create({ model: "gpt", input: "hello there" });
  const more = await client().responses.create({ model: "gpt", input: "and", previous_response_id: made.id });
  assert.ok(more.usage.input_tokens > 20);
  assert.equal((await client().responses.retrieve(made.id)).id, made.id);
  await client().responses.delete(made.id);
  await assert.rejects(client().responses.retrieve(made.id), OpenAI.NotFoundError);
});
