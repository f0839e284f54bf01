import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { get } from "@/shared/api/client";
import type { ModelGroup } from "@/shared/api/views";
import { useLanguage, useText } from "@/shared/i18n/language";
import { compact, money } from "@/shared/lib/format";
import { SearchBox } from "@/shared/ui/search";
import { Empty } from "@/shared/ui/states";
import { DataTable, type Column } from "@/shared/ui/table";
import { Badge } from "@/shared/ui/values";
import { MILLION } from "./api";
import { messages } from "./messages";

const ABILITIES = ["vision", "function_calling", "reasoning", "web_search"] as const;
type Group = ModelGroup & Partial<Record<`supports_${(typeof ABILITIES)[number]}`, boolean>>;

/** Every public name: what it can do, how much it reads, what it costs at most. */
export function Catalogue() {
  const t = useText(messages);
  const { language } = useLanguage();
  const [search, setSearch] = useState("");
  const list = useQuery({ queryKey: ["model-groups"], staleTime: 60_000, queryFn: () => get<{ data: ModelGroup[] }>()("GET /model_group/info") });
  const rows = list.data?.data.filter((each) => `${each.model_group} ${each.providers.join(" ")}`.toLowerCase().includes(search.toLowerCase())) as Group[] | undefined;
  const price = (value: number | null) => (value === null ? "–" : money(value * MILLION, language));
  const tokens = (value: number | null) => (value === null ? "–" : compact(value, language));
  const columns: Column<Group>[] = [
    { id: "name", title: t("name"), cell: (row) => <strong>{row.model_group}</strong> },
    { id: "providers", title: t("providers"), cell: (row) => row.providers.join(", ") || "–" },
    { id: "mode", title: t("mode"), cell: (row) => row.mode ?? "–" },
    { id: "can", title: t("can"), cell: (row) => <Can of={ABILITIES.filter((each) => row[`supports_${each}`])} /> },
    { id: "context", title: t("context"), num: true, cell: (row) => `${tokens(row.max_input_tokens)} / ${tokens(row.max_output_tokens)}` },
    { id: "price", title: t("price"), num: true, cell: (row) => `${price(row.input_cost_per_token)} / ${price(row.output_cost_per_token)}` },
    { id: "try", title: t("try"), cell: (row) => (row.model_group.includes("*") ? null : <Link to="/playground" search={{ model: row.model_group } as never} aria-label={`${t("try")} ${row.model_group}`}>{t("try")}</Link>) },
  ];
  return (
    <section className="stack tight">
      <p className="muted">{t("catalogue_text")}</p>
      <div className="filters"><SearchBox label={t("search")} value={search} onChange={setSearch} /></div>
      <DataTable name="catalogue" label={t("tab.catalogue")} columns={columns} rows={rows} rowId={(row) => row.model_group} error={list.error} onRetry={() => void list.refetch()} empty={<Empty icon="models" title={t("table.none")} />} />
    </section>
  );
}

function Can({ of }: { of: readonly (typeof ABILITIES)[number][] }) {
  const t = useText(messages);
  if (of.length === 0) return "–";
  return <span className="row tight">{of.map((each) => <Badge key={each} look="plain">{t(`can.${each}`)}</Badge>)}</span>;
}
