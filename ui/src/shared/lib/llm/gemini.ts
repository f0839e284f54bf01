// Google's generateContent.
import { failure, filled, list, number, parsed, table, text } from "./read";
import type { Format, Json, Turn } from "./types";

function content(turn: Turn): Json {
  if (turn.role === "tool") {
    return { role: "user", parts: turn.results.map((each) => ({ functionResponse: { ...(each.id ? { id: each.id } : {}), name: each.name, response: { result: each.text } } })) };
  }
  const said = turn.text ? [{ text: turn.text }] : [];
  if (turn.role === "assistant") {
    return { role: "model", parts: [...said, ...turn.calls.map((each) => ({ functionCall: { ...(each.id ? { id: each.id } : {}), name: each.name, args: parsed(each.args) }, ...each.extra }))] };
  }
  return { role: "user", parts: [...turn.images.map((each) => ({ inlineData: { mimeType: each.mime, data: each.base64 } })), ...said] };
}

export const gemini: Format = {
  path: (wish) => `/v1beta/models/${wish.model.split("/").map(encodeURIComponent).join("/")}:streamGenerateContent?alt=sse`,
  headers: (wish) => ({ "x-goog-api-key": wish.key }),
  body: (wish) =>
    filled({
      contents: wish.turns.map(content),
      systemInstruction: wish.system.trim() ? { parts: [{ text: wish.system }] } : null,
      tools: wish.tools.length > 0 ? [{ functionDeclarations: wish.tools.map((each) => ({ name: each.name, description: each.description, parametersJsonSchema: each.parameters })) }] : null,
      generationConfig: filled({
        temperature: wish.temperature,
        maxOutputTokens: wish.maxTokens,
        ...(wish.schema ? { responseMimeType: "application/json", responseJsonSchema: wish.schema } : {}),
      }),
    }),
  hear: (event, heard) => {
    if (event["error"]) throw failure(event["error"]);
    const parts = list(table(list(event["candidates"])[0]?.["content"])["parts"]);
    for (const part of parts) {
      if (part["thought"] === true) continue;
      if (text(part["text"])) heard.text(text(part["text"]));
      if (part["functionCall"] === undefined) continue;
      const call = table(part["functionCall"]);
      const id = text(call["id"]);
      heard.call(id || crypto.randomUUID(), {
        id,
        name: text(call["name"]),
        args: JSON.stringify(table(call["args"])),
        ...(part["thoughtSignature"] === undefined ? {} : { extra: { thoughtSignature: part["thoughtSignature"] } }),
      });
    }
    const usage = table(event["usageMetadata"]);
    const input = number(usage["promptTokenCount"]);
    if (input !== undefined) heard.usage({ input, output: (number(usage["candidatesTokenCount"]) ?? 0) + (number(usage["thoughtsTokenCount"]) ?? 0) });
  },
};
