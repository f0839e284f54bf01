// What the clients' scripts share: where the gateway is, what is asked, and how a script tells what it saw. The same as
// ../python/runner.py, which says what the facts mean.
export const { GATEWAY_URL, KEY } = process.env;
export const UNKNOWN_KEY = "sk-unknown-0123456789";
export const HELLO = "hello there";
export const BOTH = "call weather clock";
export const LOOK = "what is this";
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const object = (properties) => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});
export const TOOLS = { weather: object({ city: { type: "string" } }), clock: object({ zone: { type: "string" } }) };
export const ABOUT = { weather: "How the weather is.", clock: "What the time is." };
export const RESULTS = { weather: "sunny with some clouds", clock: "ten past ten" };
export const PERSON = object({ name: { type: "string" }, age: { type: "integer" } });

const kinds = (error) => {
  const names = [error.name ?? "error of the stream"]; // the AI SDK gives on what came, whatever it is
  for (let kind = error.constructor; kind?.name; kind = Object.getPrototypeOf(kind)) names.push(kind.name);
  return names;
};

export const failure = async (act) => {
  try {
    return { kinds: [], answer: JSON.stringify(await act()) };
  } catch (error) {
    const headers = error.headers ?? error.responseHeaders ?? {};
    return {
      kinds: kinds(error),
      status: error.status ?? error.statusCode ?? null,
      retry_after: headers.get ? headers.get("retry-after") : (headers["retry-after"] ?? null),
      message: String(error.message).slice(0, 500),
    };
  }
};

export const run = async (scenarios, formats = [""]) => {
  const seen = {};
  for (const format of formats) {
    seen[format] = {};
    for (const model of ["gpt", "claude", "gemini"]) {
      seen[format][model] = {};
      for (const [name, scenario] of Object.entries(scenarios)) {
        try {
          seen[format][model][name] = await scenario(model, format);
        } catch (error) {
          seen[format][model][name] = { failed: String(error.stack).slice(0, 3000) };
        }
      }
    }
  }
  process.stdout.write(JSON.stringify(seen));
};
