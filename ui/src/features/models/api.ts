import { get } from "@/shared/api/client";
import type { Deployment } from "@/shared/api/views";
import { numberOf, type Typed } from "@/shared/lib/form";

export interface Credential {
  credential_name: string;
  credential_info: Record<string, unknown>;
  credential_values: Record<string, string>;
  source: "db" | "config";
}

export const SIZE = 50;

export const listModels = (page: number, search: string, signal: AbortSignal) =>
  get<{ data: Deployment[]; total_count: number }>()("GET /v2/model/info", { signal, query: { page, size: SIZE, search: search || undefined } });

export const listCredentials = () => get<{ credentials: Credential[] }>()("GET /credentials");

export const MILLION = 1_000_000;

export function typedModel(found: Deployment | null): Typed {
  const params = found?.litellm_params ?? {};
  const text = (name: string) => (typeof params[name] === "string" ? String(params[name]) : "");
  const price = (name: string) => (typeof params[name] === "number" ? String(Number((Number(params[name]) * MILLION).toPrecision(12))) : "");
  return {
    model_name: found?.model_name ?? "",
    model: text("model"),
    api_base: text("api_base"),
    api_key: "",
    credential: text("litellm_credential_name"),
    input: price("input_cost_per_token"),
    output: price("output_cost_per_token"),
  };
}

/** `litellm_params` of what was typed; what is empty is left out. */
export function paramsOf(values: Typed): Record<string, unknown> {
  const price = (name: string) => {
    const value = numberOf(values[name] ?? "");
    return value === null ? undefined : Number((value / MILLION).toPrecision(12));
  };
  const all = {
    model: values["model"]?.trim(),
    api_base: values["api_base"]?.trim() || undefined,
    api_key: values["credential"] ? undefined : values["api_key"] || undefined,
    litellm_credential_name: values["credential"] || undefined,
    input_cost_per_token: price("input"),
    output_cost_per_token: price("output"),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

export interface Tested {
  status: "success" | "error";
  result: { response_time_ms?: number; error?: unknown; message?: unknown };
}

export const test = (params: Record<string, unknown>) => get<Tested>()("POST /health/test_connection", { body: { litellm_params: params } as never });
