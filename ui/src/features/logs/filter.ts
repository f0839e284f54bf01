/** What the page shows, as it is in the address. */
export interface Filter {
  start: string;
  end: string;
  search: string;
  model: string;
  provider: string;
  status: string;
  key: string;
  team: string;
  user: string;
  session: string;
}

/** The names of facets in the API, and those of the filters they set. */
export const FACETS = [
  ["status", "status"],
  ["model_group", "model"],
  ["provider", "provider"],
  ["api_key", "key"],
  ["team_id", "team"],
  ["user_id", "user"],
] as const satisfies readonly (readonly [string, keyof Filter])[];

/** Everything but the days, which a live view has not. */
export function whoseOf(filter: Filter) {
  return {
    search: filter.search || undefined,
    model_group: filter.model || undefined,
    provider: filter.provider || undefined,
    status_filter: filter.status || undefined,
    api_key: filter.key || undefined,
    team_id: filter.team || undefined,
    user_id: filter.user || undefined,
    session_id: filter.session || undefined,
  };
}

export function queryOf(filter: Filter) {
  return { start_date: filter.start, end_date: filter.end, ...whoseOf(filter) };
}
