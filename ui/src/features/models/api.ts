import { ApiError, ask, get } from "@/shared/api/client";
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

/** A model as it is now, and its version. */
export async function readModel(id: string): Promise<{ row: Deployment; etag: string | null }> {
  const answer = await ask<{ data: Deployment[] }>()("GET /model/info", { query: { litellm_model_id: id } as never });
  const row = answer.data.data.find((each) => each.model_info.id === id);
  if (!row) throw new ApiError(404, id, "not_found", null);
  return { row, etag: answer.etag };
}

/** What the form says in the fields of the API: the name for callers, and parameters. */
export function saidOf(values: Typed): Record<string, unknown> {
  return { model_name: values["model_name"]?.trim(), ...paramsOf(values) };
}

/** The body that changes `before` into `after`; what was emptied is null. */
export function changeOf(before: Record<string, unknown>, after: Record<string, unknown>): Record<string, unknown> {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name]);
  const params = Object.fromEntries(names.filter((name) => name !== "model_name").map((name) => [name, after[name] ?? null]));
  return { ...(names.includes("model_name") ? { model_name: after["model_name"] } : {}), ...(Object.keys(params).length > 0 ? { litellm_params: params } : {}) };
}

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
    cached: price("cache_read_input_token_cost"),
    api_version: text("api_version"),
    weight: typeof params["weight"] === "number" ? String(params["weight"]) : "",
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
    cache_read_input_token_cost: price("cached"),
    api_version: values["api_version"]?.trim() || undefined,
    weight: numberOf(values["weight"] ?? "") ?? undefined,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

export interface Tested {
  status: "success" | "error";
  result: { response_time_ms?: number; error?: unknown; message?: unknown };
}

export const test = (params: Record<string, unknown>) => get<Tested>()("POST /health/test_connection", { body: { litellm_params: params } as never });
