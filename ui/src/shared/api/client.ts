// The one way to the gateway's API. Types come from its OpenAPI description; keys and sessions never pass through here:
// the browser holds the session in a cookie that no script can read.
import type { paths } from "./schema.gen";

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
type Split<O> = O extends `${infer M extends Method} ${infer P}` ? [Lowercase<M>, P] : never;
type Found<O> =
  Split<O> extends [infer M, infer P]
    ? P extends keyof paths
      ? M extends keyof paths[P]
        ? paths[P][M]
        : never
      : never
    : never;
type Named<O, In extends string> = Found<O> extends { parameters: infer A } ? (In extends keyof A ? A[In] : undefined) : undefined;

/** `GET /key/list` and all others that the description names. */
export type Operation = {
  [P in keyof paths & string]: {
    [M in Method]: Lowercase<M> extends keyof paths[P] ? (paths[P][Lowercase<M>] extends { responses: unknown } ? `${M} ${P}` : never) : never;
  }[Method];
}[keyof paths & string];

export type Body<O extends Operation> =
  Found<O> extends { requestBody?: infer R }
    ? NonNullable<R> extends { content: { "application/json": infer B } }
      ? B
      : undefined
    : undefined;

export interface Options<O extends Operation> {
  query?: Partial<NonNullable<Named<O, "query">>>;
  path?: Named<O, "path">;
  body?: Body<O>;
  ifMatch?: string | null;
  signal?: AbortSignal | undefined;
}

export interface Answer<T> {
  data: T;
  etag: string | null;
}

export type Trouble = "offline" | "busy" | "session" | "refused" | "field" | "conflict" | "barred" | "missing" | "limited" | "defect";

/** How the one 409 begins that tells of two versions; every other one tells why something cannot be done at all. */
const AT_ONCE = /^It was changed .*at the same time/;

/** An answer other than success, or none at all (`status` 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly kind: string,
    readonly param: string | null,
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** What kind of trouble it is: what to do about it differs by this alone. */
  get trouble(): Trouble {
    if (this.status === 0) return "offline";
    if (this.status === 401) return "session";
    if (this.status === 403) return "refused";
    if (this.status === 404) return "missing";
    if (this.status === 412 || (this.status === 409 && AT_ONCE.test(this.message))) return "conflict";
    if (this.status === 409) return "barred";
    if (this.status === 429) return "limited";
    if (this.status === 503 || this.status === 502 || this.status === 504) return "busy";
    return this.status < 500 ? "field" : "defect";
  }
}

/** Where the API is: the page's base without `ui/`, so that a gateway below a path is found there. */
export function apiRoot(base: string = document.baseURI): string {
  return new URL("..", base).href.replace(/\/$/, "");
}

type Listener = (error: ApiError | null) => void;
const listeners = new Set<Listener>();

/** Told of every failure, and of `null` after each success. */
export function onAnswer(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function addressOf(operation: string, path: object | undefined, query: object | undefined): string {
  const template = operation.slice(operation.indexOf(" ") + 1);
  const values = new Map(Object.entries(path ?? {}));
  const target = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values.get(name) ?? "")));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `${target}?${text}` : target;
}

type Asker<R> = <O extends Operation>(operation: O, options?: Options<O>) => Promise<R>;

async function asked<T>(operation: string, options: Options<Operation>): Promise<Answer<T>> {
  try {
    const answer = await send<T>(operation, options);
    listeners.forEach((each) => each(null));
    return answer;
  } catch (error) {
    if (error instanceof ApiError) listeners.forEach((each) => each(error));
    throw error;
  }
}

/** `ask<T>()(operation, options)`: the answer with its version tag. Rejects with ApiError. */
export function ask<T>(): Asker<Answer<T>> {
  return (operation, options = {}) => asked<T>(operation, options as Options<Operation>);
}

/** The same without the tag; `get(operation, options)` where the answer does not matter. */
export function get<T>(): Asker<T>;
export function get<O extends Operation>(operation: O, options?: Options<O>): Promise<unknown>;
export function get<T, O extends Operation>(operation?: O, options?: Options<O>): Asker<T> | Promise<unknown> {
  const asker: Asker<T> = async (named, given = {}) => (await asked<T>(named, given as Options<Operation>)).data;
  return operation === undefined ? asker : asker(operation, options);
}

async function send<T>(operation: string, options: Options<Operation>): Promise<Answer<T>> {
  const headers: Record<string, string> = { accept: "application/json", "x-phantom-request": "1" };
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (options.ifMatch) headers["if-match"] = options.ifMatch;
  const timeout = AbortSignal.timeout(30_000);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  let response: Response;
  let text: string;
  try {
    response = await fetch(apiRoot() + addressOf(operation, options.path as object | undefined, options.query as object | undefined), {
      method: operation.slice(0, operation.indexOf(" ")),
      headers,
      signal,
      credentials: "same-origin",
      body: options.body === undefined ? null : JSON.stringify(options.body),
    });
    text = await response.text();
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, "no answer", "offline", null);
  }
  if (!response.ok) throw problemOf(response.status, text, response.headers.get("retry-after"));
  return { data: parse(text) as T, etag: response.headers.get("etag") };
}

export function problemOf(status: number, text: string, retryAfter: string | null = null): ApiError {
  const body = parse(text) as { error?: { message?: unknown; type?: unknown; param?: unknown }; detail?: unknown } | null;
  const error = body?.error;
  const param = typeof error?.param === "string" && error.param !== "None" ? error.param : null;
  const message = String(error?.message ?? body?.detail ?? `HTTP ${status}`);
  const seconds = retryAfter === null ? Number.NaN : Number(retryAfter);
  return new ApiError(status, message, String(error?.type ?? ""), param, Number.isFinite(seconds) ? seconds : null);
}

function parse(text: string): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
