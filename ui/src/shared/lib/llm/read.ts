// Reading what may be anything.
import { ApiError } from "../../api/client";
import type { Json } from "./types";

export const table = (value: unknown): Json => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {});
export const list = (value: unknown): Json[] => (Array.isArray(value) ? value.map(table) : []);
export const text = (value: unknown): string => (typeof value === "string" ? value : "");
export const number = (value: unknown): number | undefined => (typeof value === "number" && Number.isFinite(value) ? value : undefined);

/** The arguments of a call as an object, for formats that want one. */
export function parsed(args: string): Json {
  try {
    return table(JSON.parse(args || "{}"));
  } catch {
    return {};
  }
}

/** A failure that an event reports after the answer has begun. */
export function failure(error: unknown): ApiError {
  const said = table(error);
  const code = number(said["code"]) ?? 502;
  return new ApiError(code >= 400 && code < 600 ? code : 502, text(said["message"]) || "the stream broke", text(said["type"]) || text(said["status"]), null);
}

/** `fields` without those that say nothing. */
export function filled(fields: Json): Json {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0)));
}
