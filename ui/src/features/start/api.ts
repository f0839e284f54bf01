import { get } from "@/shared/api/client";
import type { Deployment, NewKey } from "@/shared/api/views";
import type { ProviderForm } from "@/shared/lib/providers";
import type { Typed } from "@/shared/lib/form";

export interface Tested {
  status: "success" | "error";
  result: { response_time_ms?: number; error?: unknown; message?: unknown };
}

/** The values that reach a provider, as a credential keeps them. */
export function secretsOf(values: Typed): Record<string, string> {
  const named = [["api_key", "api_key"], ["api_base", "api_base"], ["api_version", "api_version"]] as const;
  return Object.fromEntries(named.map(([field, name]) => [name, (values[field] ?? "").trim()]).filter(([, value]) => value !== ""));
}

export const testProvider = (form: ProviderForm, values: Typed) =>
  get<Tested>()("POST /health/test_connection", { body: { litellm_params: { model: form.prefix + (values["model"] ?? "").trim(), ...secretsOf(values) } } as never });

export const saveCredential = (name: string, form: ProviderForm, values: Typed) =>
  get("POST /credentials", { body: { credential_name: name, credential_info: { custom_llm_provider: form.prefix.slice(0, -1) }, credential_values: secretsOf(values) } as never });

export const addModel = (name: string, model: string, credential: string) =>
  get<Deployment>()("POST /model/new", { body: { model_name: name, litellm_params: { model, ...(credential ? { litellm_credential_name: credential } : {}) } } as never });

export const makeKey = (name: string, budget: number | null) =>
  get<NewKey>()("POST /key/generate", { body: { key_alias: name, ...(budget === null ? {} : { max_budget: budget }) } as never });

/** A name that nothing has yet: `openai`, `openai-2`, ... */
export function freeName(wanted: string, taken: readonly string[]): string {
  if (!taken.includes(wanted)) return wanted;
  let n = 2;
  while (taken.includes(`${wanted}-${n}`)) n += 1;
  return `${wanted}-${n}`;
}
