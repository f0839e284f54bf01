// Providers as forms ask for them. What is not here is typed as `provider/model`.

export interface ProviderForm {
  id: string;
  label: string;
  /** How a model of it begins in `litellm_params.model`. */
  prefix: string;
  key: "needed" | "optional";
  base: "none" | "optional" | "needed";
  /** Azure's dated version of the API. */
  version?: boolean;
  baseExample?: string;
  models: readonly string[];
}

const hosted = (id: string, label: string, ...models: string[]): ProviderForm => ({ id, label, prefix: `${id}/`, key: "needed", base: "none", models });

export const PROVIDERS: readonly ProviderForm[] = [
  hosted("openai", "OpenAI", "gpt-5", "gpt-5-mini", "gpt-4.1-mini"),
  hosted("anthropic", "Anthropic", "claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-1"),
  hosted("gemini", "Google Gemini", "gemini-2.5-flash", "gemini-2.5-pro"),
  { id: "azure", label: "Azure OpenAI", prefix: "azure/", key: "needed", base: "needed", version: true, baseExample: "https://NAME.openai.azure.com", models: [] },
  hosted("mistral", "Mistral", "mistral-large-latest", "mistral-small-latest"),
  hosted("groq", "Groq", "llama-3.3-70b-versatile"),
  hosted("deepseek", "DeepSeek", "deepseek-chat", "deepseek-reasoner"),
  hosted("xai", "xAI", "grok-4"),
  hosted("openrouter", "OpenRouter", "openai/gpt-5-mini"),
  hosted("together_ai", "Together AI", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
  hosted("fireworks_ai", "Fireworks AI", "accounts/fireworks/models/llama-v3p3-70b-instruct"),
  { id: "ollama", label: "Ollama", prefix: "ollama/", key: "optional", base: "optional", baseExample: "http://localhost:11434", models: ["llama3.3"] },
  { id: "hosted_vllm", label: "vLLM", prefix: "hosted_vllm/", key: "optional", base: "needed", baseExample: "http://vllm:8000/v1", models: [] },
  { id: "compatible", label: "OpenAI-compatible", prefix: "openai/", key: "optional", base: "needed", baseExample: "https://host/v1", models: [] },
];

/** The form of what `litellm_params` say; null where only the text can be edited. */
export function formOf(model: string, base: string): ProviderForm | null {
  const prefix = `${model.split("/")[0] ?? ""}/`;
  if (prefix === "openai/" && base) return PROVIDERS.find((each) => each.id === "compatible") ?? null;
  return PROVIDERS.find((each) => each.prefix === prefix && each.id !== "compatible") ?? null;
}

/** A name for callers: the last part of the provider's. */
export function publicName(model: string): string {
  return model.split("/").filter(Boolean).at(-1) ?? "";
}
