import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/shared/api/client";
import { useText } from "@/shared/i18n/language";
import { shown } from "@/shared/ui/conflict";
import { SearchBox } from "@/shared/ui/search";
import { Empty } from "@/shared/ui/states";
import { DataTable, Pager, type Column } from "@/shared/ui/table";
import { Badge } from "@/shared/ui/values";
import { messages } from "./messages";

interface Line {
  path: string;
  value: unknown;
  source: "config" | "db";
  file: string | null;
  line: number | null;
}
const SIZE = 50;

/** Everything that is set, with the place it is written at. Secrets never come here. */
export function Running() {
  const t = useText(messages);
  const [search, setSearch] = useState("");
  const [page, setPage] = useState(1);
  const list = useQuery({
    queryKey: ["config", "running", search, page],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => get<{ settings: Line[]; total_count: number }>()("GET /config/running", { signal, query: { search: search || undefined, page, size: SIZE } }),
  });
  const columns: Column<Line>[] = [
    { id: "path", title: t("setting.name"), cell: (row) => <code className="wrap roomy">{row.path}</code> },
    { id: "value", title: t("setting.value"), cell: (row) => <code className="wrap roomy">{shown(row.value)}</code> },
    { id: "source", title: t("setting.source"), cell: (row) => (row.file === null ? <Badge look="accent">{t("setting.from_db")}</Badge> : <code className="cut" title={row.file}>{placeOf(row)}</code>) },
  ];
  return (
    <>
      <p className="muted small">{t("running_text")}</p>
      <div className="filters"><SearchBox label={t("running_search")} value={search} onChange={(text) => { setSearch(text); setPage(1); }} /></div>
      <DataTable
        name="running"
        label={t("tab.running")}
        columns={columns}
        rows={list.data?.settings}
        rowId={(row) => row.path}
        error={list.error}
        onRetry={() => void list.refetch()}
        empty={search ? <Empty icon="search" title={t("table.none")} text={t("table.none_hint")} /> : <Empty icon="settings" title={t("running_empty")} />}
        pager={<Pager page={page} size={SIZE} shown={list.data?.settings.length ?? 0} total={list.data?.total_count ?? null} onPage={setPage} />}
      />
    </>
  );
}

function placeOf(row: Line): string {
  const file = row.file?.split("/").at(-1) ?? "";
  return row.line ? `${file}:${row.line}` : file;
}
