import { ask, get } from "@/shared/api/client";
import type { Approval, Key, User } from "@/shared/api/views";

export const PAGE = 25;
export interface Inbox {
  approvals: Approval[];
  total_count: number;
}

export const listApprovals = (state: string, page: number, signal: AbortSignal) =>
  get<Inbox>()("GET /approval/list", { signal, query: { page, size: PAGE, state: (state || undefined) as never } });

export async function readApproval(id: string, signal?: AbortSignal): Promise<{ found: Approval; etag: string | null }> {
  const answer = await ask<Approval>()("GET /approval/info", { query: { id }, signal });
  return { found: answer.data, etag: answer.etag };
}

export interface Wish {
  key: string | null;
  max_budget: number | null;
  models: string[];
  reason: string;
}

/** The body of a request: what is not asked for is left out. */
export function bodyOf(wish: Wish): Record<string, unknown> {
  return {
    ...(wish.key ? { key: wish.key } : {}),
    ...(wish.max_budget === null ? {} : { max_budget: wish.max_budget }),
    ...(wish.models.length > 0 ? { models: wish.models } : {}),
    reason: wish.reason.trim(),
  };
}

export const askFor = (wish: Wish) => get<Approval>()("POST /approval/new", { body: bodyOf(wish) as never });
export const withdraw = (id: string) => get<Approval>()("POST /approval/withdraw", { body: { id } });
export const refuse = (id: string, note: string, ifMatch: string | null) => get<Approval>()("POST /approval/refuse", { ifMatch, body: { id, note } as never });
export const approve = (id: string, given: Record<string, unknown>, ifMatch: string | null) => get<Approval>()("POST /approval/approve", { ifMatch, body: { id, ...given } as never });

/** What somebody can ask more for: himself and his keys. */
export async function mine(user: string, signal: AbortSignal): Promise<{ me: User; keys: Key[] }> {
  const [me, listed] = await Promise.all([
    get<User>()("GET /v2/user/info", { signal, query: { user_id: user } }),
    get<{ keys: Key[] }>()("GET /key/list", { signal, query: { user_id: user, size: 100, return_full_object: true } }),
  ]);
  return { me, keys: listed.keys };
}
