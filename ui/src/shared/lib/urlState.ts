import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";

export type UrlValues = Record<string, string | number | boolean>;

/** What an address says, in the types of `defaults`; whatever does not fit is as if it were not there. */
export function readUrl<T extends UrlValues>(search: Record<string, unknown>, defaults: T): T {
  const found: UrlValues = {};
  for (const [name, value] of Object.entries(defaults)) {
    const given = search[name];
    if (given === undefined || given === null || typeof given === "object") found[name] = value;
    else if (typeof value === "string") found[name] = String(given);
    else if (typeof value === "number") found[name] = Number.isFinite(Number(given)) ? Number(given) : value;
    else found[name] = given === true || given === "true";
  }
  return found as T;
}

/** Only what differs from the defaults goes into the address. */
export function writeUrl<T extends UrlValues>(values: T, defaults: T): UrlValues {
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== defaults[name]));
}

/** State that lives in the address: every filter and every open drawer is a link. */
export function useUrlState<T extends UrlValues>(defaults: T): [T, (patch: Partial<T>, push?: boolean) => void] {
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const state = useMemo(() => readUrl(search, defaults), [search, defaults]);
  const change = useCallback(
    (patch: Partial<T>, push = false) => {
      void navigate({
        to: ".",
        replace: !push,
        resetScroll: false,
        search: ((old: Record<string, unknown>) => writeUrl({ ...readUrl(old, defaults), ...patch } as T, defaults)) as never,
      });
    },
    [navigate, defaults],
  );
  return [state, change];
}
