import { ask, get } from "@/shared/api/client";
import type { Key, NewKey } from "@/shared/api/views";
import { allowanceOf } from "@/shared/ui/allowance";
import { listOf, type Typed } from "@/shared/lib/form";

export interface KeyPage {
  keys: Key[];
  total_count: number;
}

export interface KeyFilter extends Record<string, string | number> {
  page: number;
  search: string;
  status: string;
  team: string;
  user: string;
  sort: string;
  order: string;
  open: string;
}

export const PAGE = 25;

export function listKeys(filter: KeyFilter, signal: AbortSignal): Promise<KeyPage> {
  return get<KeyPage>()("GET /key/list", {
    signal,
    query: {
      page: filter.page,
      size: PAGE,
      return_full_object: true,
      search: filter.search || undefined,
      status: (filter.status || undefined) as never,
      team_id: filter.team || undefined,
      user_id: filter.user || undefined,
      sort_by: filter.sort as never,
      sort_order: filter.order as never,
    },
  });
}

export async function readKey(token: string, signal?: AbortSignal): Promise<{ key: Key; etag: string | null }> {
  const answer = await ask<{ key: string; info: Key }>()("GET /key/info", { query: { key: token }, signal });
  return { key: { ...answer.data.info, token: answer.data.key }, etag: answer.etag };
}

/** What the form's fields say, as the API takes it. */
export function fieldsOf(values: Typed): Record<string, unknown> {
  return {
    ...allowanceOf(values),
    key_alias: values["key_alias"]?.trim() || null,
    models: listOf(values["models"] ?? ""),
    tags: listOf(values["tags"] ?? ""),
    team_id: values["team_id"] || null,
    ...(values["duration"]?.trim() ? { duration: values["duration"].trim() } : {}),
  };
}

/** Only what somebody has changed: everything else may have been changed by others meanwhile. */
export function changed(before: Record<string, unknown>, after: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])));
}

export const createKey = (body: Record<string, unknown>) => get<NewKey>()("POST /key/generate", { body: body as never });

export const updateKey = (token: string, body: Record<string, unknown>, ifMatch: string | null) =>
  get<Key>()("POST /key/update", { body: { ...body, key: token } as never, ifMatch });

export const rotateKey = (token: string, grace: string) =>
  get<NewKey>()("POST /key/{key}/regenerate", { path: { key: token }, body: (grace ? { grace_period: grace } : {}) as never });

export const blockKey = (token: string, block: boolean) =>
  block ? get("POST /key/block", { body: { key: token } }) : get("POST /key/unblock", { body: { key: token } });

export const deleteKey = (token: string) => get("POST /key/delete", { body: { keys: [token] } as never });
