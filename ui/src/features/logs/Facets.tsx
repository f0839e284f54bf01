import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/shared/api/client";
import { useLanguage, useText } from "@/shared/i18n/language";
import { compact, count } from "@/shared/lib/format";
import { Skeleton } from "@/shared/ui/states";
import { FACETS, queryOf, type Filter } from "./filter";
import { messages } from "./messages";

interface Value {
  value: string;
  label: string | null;
  count: number;
}
type Found = Record<(typeof FACETS)[number][0], Value[]> & { exact: boolean };

/** What the filtered calls are, with how many there are of each: a click filters on it, another takes that back. */
export function Facets({ filter, onChange }: { filter: Filter; onChange: (patch: Partial<Filter>) => void }) {
  const t = useText(messages);
  const [open, setOpen] = useState(() => window.matchMedia("(min-width: 1100px)").matches);
  // What an index does not know is searched for row by row; the days are what the sums know.
  const found = useQuery({
    queryKey: ["log-facets", filter],
    enabled: open,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => get<Found>()("GET /spend/logs/facets", { signal, query: queryOf(filter) as never }),
  });
  return (
    <details className="facets card" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("facets")}</summary>
      {found.data ? FACETS.map(([facet, name]) => <Facet key={facet} name={name} values={found.data[facet]} chosen={filter[name]} onChange={onChange} />) : found.isError ? <p className="muted small">{t("no_facets")}</p> : open ? <Skeleton lines={9} /> : null}
      {found.data?.exact === false ? <p className="muted small">{t("facets_some")}</p> : null}
    </details>
  );
}

function Facet({ name, values, chosen, onChange }: { name: (typeof FACETS)[number][1]; values: readonly Value[]; chosen: string; onChange: (patch: Partial<Filter>) => void }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const shown = chosen && !values.some((each) => each.value === chosen) ? [{ value: chosen, label: null, count: 0 }, ...values] : values;
  if (shown.length === 0) return null;
  const title = t(`facet.${name}`);
  return (
    <fieldset>
      <legend>{title}</legend>
      {shown.map((each) => {
        const label = name === "status" ? t(each.value === "success" ? "success" : "failure") : (each.label ?? (each.value.length > 30 ? `${each.value.slice(0, 12)}…` : each.value));
        return (
          <button key={each.value} type="button" aria-pressed={each.value === chosen} onClick={() => onChange({ [name]: each.value === chosen ? "" : each.value })}>
            <span className="cut">{label}</span>
            <span className="num" title={count(each.count, language)}>{compact(each.count, language)}</span>
          </button>
        );
      })}
    </fieldset>
  );
}
