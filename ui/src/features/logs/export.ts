import { get } from "@/shared/api/client";
import type { LogPage, LogRow } from "@/shared/api/views";
import { csvOf } from "@/shared/lib/csv";
import { queryOf, type Filter } from "./filter";

export const MOST = 10_000;
const SIZE = 100;

/** All rows of a filter, newest first, as far as `MOST`; `told` hears how many there are by now. */
export async function everything(filter: Filter, signal: AbortSignal, told: (count: number) => void): Promise<LogRow[]> {
  const found: LogRow[] = [];
  let cursor: string | undefined;
  do {
    const page: LogPage = await get<LogPage>()("GET /spend/logs/v2", { signal, query: { ...queryOf(filter), page_size: SIZE, cursor } });
    found.push(...page.data);
    cursor = page.next_cursor ?? undefined;
    told(found.length);
  } while (cursor && found.length < MOST);
  return found;
}

const COLUMNS: readonly [string, (row: LogRow) => unknown][] = [
  ["request_id", (row) => row.request_id],
  ["start", (row) => row.startTime],
  ["end", (row) => row.endTime],
  ["status", (row) => row.status],
  ["status_code", (row) => row.metadata.status_code],
  ["error", (row) => row.metadata.error_type],
  ["model_group", (row) => row.model_group],
  ["model", (row) => row.model],
  ["provider", (row) => row.custom_llm_provider],
  ["key", (row) => row.metadata.user_api_key_alias ?? row.api_key],
  ["user", (row) => row.user],
  ["team", (row) => row.team_id],
  ["organization", (row) => row.organization_id],
  ["customer", (row) => row.end_user],
  ["tags", (row) => row.request_tags.join(" ")],
  ["session", (row) => row.session_id],
  ["prompt_tokens", (row) => row.prompt_tokens],
  ["completion_tokens", (row) => row.completion_tokens],
  ["total_tokens", (row) => row.total_tokens],
  ["spend_usd", (row) => row.spend],
  ["duration_ms", (row) => row.request_duration_ms],
  ["attempts", (row) => row.metadata.attempts],
  ["fallbacks", (row) => row.metadata.fallbacks],
];

export function csvOfRows(rows: readonly LogRow[]): string {
  return csvOf(COLUMNS.map(([name]) => name), rows.map((row) => COLUMNS.map(([, of]) => of(row))));
}
