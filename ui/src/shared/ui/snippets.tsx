import { useState } from "react";
import { apiRoot } from "../api/client";
import { useCommon } from "../i18n/language";
import { Copy } from "./button";
import { Segments } from "./field";

export type Tool = "curl" | "python" | "node" | "langchain" | "cursor";
const TOOLS: readonly (readonly [Tool, string])[] = [
  ["curl", "curl"],
  ["python", "OpenAI Python"],
  ["node", "OpenAI JS"],
  ["langchain", "LangChain"],
  ["cursor", "Cursor"],
];

/** A first call that works as it is. */
export function snippet(tool: Tool, root: string, key: string, model: string): string {
  const name = JSON.stringify(model);
  switch (tool) {
    case "curl":
      return `curl ${root}/v1/chat/completions \\\n  -H "Authorization: Bearer ${key}" \\\n  -H "Content-Type: application/json" \\\n  -d '{"model": ${name}, "messages": [{"role": "user", "content": "Hello"}]}'`;
    case "python":
      return `from openai import OpenAI\n\nclient = OpenAI(base_url="${root}/v1", api_key="${key}")\nanswer = client.chat.completions.create(\n    model=${name},\n    messages=[{"role": "user", "content": "Hello"}],\n)\nprint(answer.choices[0].message.content)`;
    case "node":
      return `import OpenAI from "openai";\n\nconst client = new OpenAI({ baseURL: "${root}/v1", apiKey: "${key}" });\nconst answer = await client.chat.completions.create({\n  model: ${name},\n  messages: [{ role: "user", content: "Hello" }],\n});\nconsole.log(answer.choices[0].message.content);`;
    case "langchain":
      return `from langchain_openai import ChatOpenAI\n\nchat = ChatOpenAI(base_url="${root}/v1", api_key="${key}", model=${name})\nprint(chat.invoke("Hello").content)`;
    case "cursor":
      return `OpenAI API key:            ${key}\nOverride OpenAI base URL:  ${root}/v1\nModel:                     ${model}`;
  }
}

export function Snippets({ value, model }: { value: string; model: string }) {
  const t = useCommon();
  const [tool, setTool] = useState<Tool>("curl");
  const text = snippet(tool, apiRoot(), value, model);
  return (
    <div className="stack tight">
      <div className="row between">
        <Segments label={t("do.copy")} value={tool} options={TOOLS} onChange={setTool} />
        <Copy text={text} />
      </div>
      <pre className="code">{text}</pre>
    </div>
  );
}
