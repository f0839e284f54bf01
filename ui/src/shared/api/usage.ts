// Usage by any dimension and by time: what the gateway's own sums say.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { get } from "./client";

export interface Figures {
  spend: number;
  requests: number;
  failures: number;
  tokens: number;
  classes: { input: number; cache_read: number; cache_write: number; output: number; reasoning: number; audio: number };
  costs: { input: number; cache_read: number; cache_write: number; output: number };
  cache_hits: number;
  saved_by_cache: number;
  saved_by_providers: number;
  uncounted: number;
  mean_ms: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  first_p50_ms: number | null;
  first_p95_ms: number | null;
}

export interface Days {
  spend: number[];
  requests: number[];
  tokens: number[];
  failures: number[];
}

export interface Group {
  id: string;
  label: string | null;
  figures: Figures;
  /** Of how many of its newest requests the percentiles are; `null`: of all. */
  sampled: number | null;
  previous_spend: number | null;
  days: Days;
}

export interface Totals {
  start_date: string;
  end_date: string;
  total: Figures;
  days: Days;
  compared_with: { start_date: string; end_date: string } | null;
  previous: Figures | null;
}

export interface Report extends Totals {
  groups: Group[];
  more: boolean;
}

export interface BudgetUse {
  kind: string;
  id: string;
  label: string | null;
  limit: number;
  spent: number;
  share: number;
  duration: string | null;
  started_at: string | null;
  resets_at: string | null;
  projected: number | null;
  used_up_at: string | null;
}

export interface Forecast {
  start_date: string;
  end_date: string;
  spent: number;
  a_day: number;
  projected: number;
  days: { spend: number[]; projected: number[] };
  budget: BudgetUse | null;
}

export interface WhatIf {
  model: string;
  provider: string;
  input_cost_per_token: number;
  output_cost_per_token: number;
  groups: { model: string; requests: number; tokens: number; spend: number; spend_then: number }[];
  spend: number;
  spend_then: number;
}

export interface SomeKeys {
  count: number;
  more: boolean;
  keys: { token: string; name: string; created_at: string }[];
}

export interface Attention {
  budgets: BudgetUse[];
  unused_keys: SomeKeys;
  old_keys: SomeKeys;
  old_credentials: { id: string; changed_at: string }[];
}

export type By = "model" | "upstream_model" | "provider" | "route" | "key" | "user" | "team" | "organization" | "project" | "tag" | "customer";
export type Measure = "spend" | "requests" | "tokens";

/** Whose requests, by the names the API has for that. */
export interface Whose {
  model?: string | undefined;
  upstream_model?: string | undefined;
  provider?: string | undefined;
  api_key?: string | undefined;
  user_id?: string | undefined;
  team_id?: string | undefined;
  organization_id?: string | undefined;
  project_id?: string | undefined;
  tag?: string | undefined;
  customer?: string | undefined;
}

export interface ReportQuery extends Whose {
  start_date: string;
  end_date: string;
  by?: By;
  compare?: "previous" | "year" | "none";
  order?: Measure;
  offset?: number;
  limit?: number;
}

export const readReport = (query: ReportQuery, signal?: AbortSignal) => get<Report>()("GET /usage/report", { query: query as never, signal });

export function useReport(query: ReportQuery, enabled = true) {
  return useQuery({ queryKey: ["usage", query], enabled, placeholderData: keepPreviousData, queryFn: ({ signal }) => readReport(query, signal) });
}

interface Overview extends Totals {
  by: Record<"model" | "team" | "key" | "provider", Group[]>;
}

/** The greatest of four dimensions in one answer, each as a report. */
export function useOverview(query: { start_date: string; end_date: string; limit: number }, enabled: boolean) {
  return useQuery({
    queryKey: ["usage-overview", query],
    enabled,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }): Promise<Record<keyof Overview["by"], Report>> => {
      const { by, ...totals } = await get<Overview>()("GET /usage/overview", { query: query as never, signal });
      const report = (groups: Group[]): Report => ({ ...totals, groups, more: false });
      return { model: report(by.model), team: report(by.team), key: report(by.key), provider: report(by.provider) };
    },
  });
}
