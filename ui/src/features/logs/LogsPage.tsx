import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/shared/api/client";
import type { LogPage, LogRow } from "@/shared/api/views";
import { useLanguage, useText } from "@/shared/i18n/language";
import { compact, count, duration } from "@/shared/lib/format";
import { ranges } from "@/shared/lib/series";
import { useUrlState } from "@/shared/lib/urlState";
import { useModelNames } from "@/shared/ui/allowance";
import { Button } from "@/shared/ui/button";
import { SearchBox } from "@/shared/ui/search";
import { Empty } from "@/shared/ui/states";
import { DataTable, type Column } from "@/shared/ui/table";
import { Money, When } from "@/shared/ui/values";
import { queryOf } from "./export";
import { ExportButton } from "./ExportButton";
import { LogDrawer } from "./LogDrawer";
import { messages } from "./messages";
import { Result } from "./Result";

const SIZE = 50;
const DEFAULTS = { from: "", to: "", search: "", model: "", status: "", key: "", team: "", user: "", live: false, open: "" };

export function LogsPage() {
  const t = useText(messages);
  const { language } = useLanguage();
  const [url, setUrl] = useUrlState(DEFAULTS);
  const [cursors, setCursors] = useState<string[]>([]);
  const models = useModelNames();
  const usual = ranges(7).current;
  const start = url.from || usual.start;
  const end = url.to || usual.end;
  const cursor = cursors.at(-1);
  const filter = { start, end, search: url.search, model: url.model, status: url.status, key: url.key, team: url.team, user: url.user };
  const list = useQuery({
    queryKey: ["logs", filter, cursor],
    placeholderData: keepPreviousData,
    refetchInterval: url.live && cursor === undefined ? 3000 : false,
    queryFn: ({ signal }) =>
      get<LogPage>()("GET /spend/logs/v2", {
        signal,
        query: { ...queryOf(filter), page_size: SIZE, cursor },
      }),
  });
  const change = (patch: Partial<typeof DEFAULTS>) => {
    setCursors([]);
    setUrl(patch);
  };
  const columns: Column<LogRow>[] = [
    { id: "time", title: t("time"), cell: (row) => <When iso={row.startTime} /> },
    { id: "status", title: t("status"), cell: (row) => <Result row={row} /> },
    { id: "model", title: t("model"), cell: (row) => row.model_group || row.model || "–" },
    { id: "key", title: t("key"), cell: (row) => <span className="cut">{row.metadata.user_api_key_alias ?? row.api_key.slice(0, 10)}</span> },
    { id: "user", title: t("field.user"), cell: (row) => row.user || "–" },
    { id: "tokens", title: t("tokens"), num: true, cell: (row) => <span title={`${count(row.prompt_tokens, language)} + ${count(row.completion_tokens, language)}`}>{compact(row.total_tokens, language)}</span> },
    { id: "cost", title: t("cost"), num: true, cell: (row) => <Money value={row.spend} /> },
    { id: "latency", title: t("latency"), num: true, cell: (row) => (row.request_duration_ms === null ? "–" : duration(row.request_duration_ms, language)) },
  ];
  const filtered = Object.entries(DEFAULTS).some(([name, value]) => name !== "open" && name !== "live" && url[name as keyof typeof url] !== value);
  const rows = list.data?.data;
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t("nav.logs")}</h1>
          <p>{t("intro")}</p>
        </div>
        <div className="row">
          <ExportButton filter={filter} />
          <Button aria-pressed={url.live} look={url.live ? "primary" : undefined} title={t("live_hint")} icon="refresh" onClick={() => change({ live: !url.live })}>
            {t("live")}
          </Button>
        </div>
      </div>
      <div className="filters">
        <SearchBox label={t("search")} value={url.search} onChange={(search) => change({ search })} />
        <select className="select" aria-label={t("status")} value={url.status} onChange={(event) => change({ status: event.target.value })}>
          <option value="">{t("all")}</option>
          <option value="success">{t("success")}</option>
          <option value="failure">{t("failure")}</option>
        </select>
        <select className="select" aria-label={t("model")} value={url.model} onChange={(event) => change({ model: event.target.value })}>
          <option value="">{t("state.all_models")}</option>
          {[...new Set([...(models.data ?? []), ...(url.model ? [url.model] : [])])].map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
        <input className="input" type="date" aria-label={t("from")} value={start} max={end} onChange={(event) => change({ from: event.target.value })} />
        <input className="input" type="date" aria-label={t("to")} value={end} min={start} onChange={(event) => change({ to: event.target.value })} />
        {filtered ? <Button look="quiet" onClick={() => change(DEFAULTS)}>{t("do.clear")}</Button> : null}
      </div>
      <DataTable
        name="logs"
        label={t("nav.logs")}
        columns={columns}
        rows={rows}
        rowId={(row) => row.request_id}
        error={list.error}
        onRetry={() => void list.refetch()}
        onOpen={(row) => setUrl({ open: row.request_id }, true)}
        empty={filtered || cursor ? <Empty icon="search" title={t("table.none")} text={t("table.none_hint")} /> : <Empty icon="logs" title={t("empty")} text={t("empty_text")} />}
        pager={
          <span className="row tight">
            {list.data ? <span className="num">{list.data.total_is_exact ? count(list.data.total, language) : t("table.least", { total: count(list.data.total, language) })}</span> : null}
            <Button tiny disabled={cursors.length === 0} onClick={() => setCursors([])}>{t("newest")}</Button>
            <Button tiny disabled={!list.data?.next_cursor} onClick={() => setCursors([...cursors, list.data?.next_cursor ?? ""])}>{t("older")}</Button>
          </span>
        }
      />
      {url.open ? <LogDrawer id={url.open} known={rows?.find((row) => row.request_id === url.open)} start={start} end={end} onClose={() => setUrl({ open: "" })} /> : null}
    </>
  );
}
