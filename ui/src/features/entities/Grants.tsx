import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/shared/api/client";
import { useText } from "@/shared/i18n/language";
import { Failed, Skeleton } from "@/shared/ui/states";
import { TextField } from "@/shared/ui/field";
import { messages } from "./messages";

/** `reach` for `action`; an empty reach takes the action away. */
export function granted(value: string, action: string, reach: string): string {
  const grants = JSON.parse(value || "{}") as Record<string, string>;
  const rest = Object.fromEntries(Object.entries(grants).filter(([name]) => name !== action));
  return JSON.stringify(reach ? { ...rest, [action]: reach } : rest);
}

/** Every action that can be granted, and how far. */
export function GrantsEditor({ value, onChange, fault }: { value: string; onChange: (value: string) => void; fault: string | null }) {
  const t = useText(messages);
  const [search, setSearch] = useState("");
  const list = useQuery({ queryKey: ["roles", "actions"], staleTime: 60_000, queryFn: ({ signal }) => get<{ actions: string[]; reaches: string[] }>()("GET /role/list", { signal, query: { size: 1 } }) });
  const grants = JSON.parse(value || "{}") as Record<string, string>;
  const shown = (list.data?.actions ?? []).filter((action) => action.includes(search.trim().toLowerCase()));
  return (
    <fieldset className="grants">
      <legend>{t("grants")}</legend>
      {list.isPending ? <Skeleton lines={6} /> : null}
      {list.isError ? <Failed error={list.error} onRetry={() => void list.refetch()} /> : null}
      {list.data ? <TextField label={t("search")} value={search} onChange={setSearch} fault={fault} /> : null}
      {shown.map((action) => (
        <div key={action} className="row between">
          <code>{action}</code>
          <select className="select" aria-label={action} value={grants[action] ?? ""} onChange={(event) => onChange(granted(value, action, event.target.value))}>
            <option value="">{t("reach.none")}</option>
            {(list.data?.reaches ?? []).map((reach) => <option key={reach} value={reach}>{reachName(t, reach)}</option>)}
          </select>
        </div>
      ))}
    </fieldset>
  );
}

const REACHES = ["self", "team", "org", "all"] as const;

/** How far a grant reaches, in words. */
export function reachName(t: ReturnType<typeof useText<typeof messages>>, reach: string): string {
  const known = REACHES.find((each) => each === reach);
  return known ? t(`reach.${known}`) : reach;
}
