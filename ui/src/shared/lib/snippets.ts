// First calls that work as they are, for the tools people have.

export type Tool = "curl" | "python" | "node" | "anthropic" | "claude_code" | "codex" | "cursor" | "langchain";

export const TOOLS: readonly (readonly [Tool, string])[] = [
  ["curl", "curl"],
  ["python", "OpenAI Python"],
  ["node", "OpenAI JS"],
  ["anthropic", "Anthropic SDK"],
  ["claude_code", "Claude Code"],
  ["codex", "Codex"],
  ["cursor", "Cursor"],
  ["langchain", "LangChain"],
];

/** One word of a POSIX shell, whatever is in it. */
export function word(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** `root`: where the gateway is, without a slash at the end. */
export function snippet(tool: Tool, root: string, key: string, model: string): string {
  const name = JSON.stringify(model);
  const secret = JSON.stringify(key);
  switch (tool) {
    case "curl":
      return [
        `curl ${word(`${root}/v1/chat/completions`)} \\`,
        `  -H ${word(`Authorization: Bearer ${key}`)} \\`,
        `  -H 'Content-Type: application/json' \\`,
        `  -d ${word(`{"model": ${name}, "messages": [{"role": "user", "content": "Hello"}]}`)}`,
      ].join("\n");
    case "python":
      return `from openai import OpenAI\n\nclient = OpenAI(base_url="${root}/v1", api_key=${secret})\nanswer = client.chat.completions.create(\n    model=${name},\n    messages=[{"role": "user", "content": "Hello"}],\n)\nprint(answer.choices[0].message.content)`;
    case "node":
      return `import OpenAI from "openai";\n\nconst client = new OpenAI({ baseURL: "${root}/v1", apiKey: ${secret} });\nconst answer = await client.chat.completions.create({\n  model: ${name},\n  messages: [{ role: "user", content: "Hello" }],\n});\nconsole.log(answer.choices[0].message.content);`;
    case "anthropic":
      return `from anthropic import Anthropic\n\nclient = Anthropic(base_url="${root}", api_key=${secret})\nmessage = client.messages.create(\n    model=${name},\n    max_tokens=1024,\n    messages=[{"role": "user", "content": "Hello"}],\n)\nprint(message.content[0].text)`;
    case "claude_code":
      return [
        `export ANTHROPIC_BASE_URL=${word(root)}`,
        `export ANTHROPIC_AUTH_TOKEN=${word(key)}`,
        `export ANTHROPIC_MODEL=${word(model)}`,
        `export ANTHROPIC_DEFAULT_HAIKU_MODEL=${word(model)}`,
        "claude",
      ].join("\n");
    case "codex":
      return `# ~/.codex/config.toml\nmodel = ${name}\nmodel_provider = "phantom"\n\n[model_providers.phantom]\nname = "Phantom Gateway"\nbase_url = "${root}/v1"\nenv_key = "PHANTOM_API_KEY"\nwire_api = "responses"\n\n# in the shell\nexport PHANTOM_API_KEY=${word(key)}\ncodex`;
    case "cursor":
      return `# Cursor Settings > Models > API Keys\nOpenAI API key:            ${key}\nOverride OpenAI base URL:  ${root}/v1\nAdd model:                 ${model}`;
    case "langchain":
      return `from langchain_openai import ChatOpenAI\n\nchat = ChatOpenAI(base_url="${root}/v1", api_key=${secret}, model=${name})\nprint(chat.invoke("Hello").content)`;
  }
}
