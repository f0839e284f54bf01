import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { get } from "../api/client";
import type { Activity, Dimension } from "../api/views";
import { useCommon, useLanguage } from "../i18n/language";
import { compact, money } from "../lib/format";
import { daysBetween, ranges, stacked, type Measure, type Range } from "../lib/series";
import { BarChart } from "./chart";
import { Failed, Skeleton } from "./states";

export type Whose = "user" | "team" | "organization" | "tag" | "customer";
const ASKED = {
  user: "GET /user/daily/activity/aggregated",
  team: "GET /team/daily/activity/aggregated",
  organization: "GET /organization/daily/activity/aggregated",
  tag: "GET /tag/daily/activity/aggregated",
  customer: "GET /customer/daily/activity/aggregated",
} as const;
const BY_ID = { user: "user_id", team: "team_ids", organization: "organization_ids", tag: "tags", customer: "end_user_ids" } as const;

export interface Asked {
  whose: Whose;
  range: Range;
  id?: string;
  apiKey?: string;
  model?: string;
}

/** Sums by day, as the caller reaches them. */
export function useActivity(asked: Asked, enabled = true) {
  const query = {
    start_date: asked.range.start,
    end_date: asked.range.end,
    ...(asked.id ? { [BY_ID[asked.whose]]: asked.id } : {}),
    ...(asked.apiKey ? { api_key: asked.apiKey } : {}),
    ...(asked.model ? { model: asked.model } : {}),
  };
  return useQuery({
    queryKey: ["activity", asked],
    enabled,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => get<Activity>()(ASKED[asked.whose], { query: query as never, signal }),
  });
}

/** The last 30 days of one thing, for its drawer. */
export function ActivityOf({ title, dimension = "model_groups", measure = "spend", ...asked }: Omit<Asked, "range"> & { title: string; dimension?: Dimension; measure?: Measure }) {
  const t = useCommon();
  const { language } = useLanguage();
  const range = ranges(30).current;
  const activity = useActivity({ ...asked, range });
  if (activity.isPending) return <Skeleton lines={5} />;
  if (activity.isError) return <Failed error={activity.error} onRetry={() => void activity.refetch()} />;
  const days = daysBetween(range.start, range.end);
  const format = (value: number) => (measure === "spend" ? money(value, language) : compact(value, language));
  return <BarChart title={title} days={days} series={stacked(activity.data, dimension, measure, days, t("chart.other"))} format={format} />;
}
