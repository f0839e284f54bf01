import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/shared/api/client";
import type { LogPage, LogRow } from "@/shared/api/views";
import { useLanguage, useText } from "@/shared/i18n/language";
import { compact, count, duration } from "@/shared/lib/format";
import { ranges } from "@/shared/lib/series";
import { useUrlState } from "@/shared/lib/urlState";
import { Button } from "@/shared/ui/button";
import { Segments } from "@/shared/ui/field";
import { SearchBox } from "@/shared/ui/search";
import { Empty } from "@/shared/ui/states";
import { DataTable, type Column } from "@/shared/ui/table";
import { Money, When } from "@/shared/ui/values";
import { ExportButton } from "./ExportButton";
import { Facets } from "./Facets";
import { queryOf, type Filter } from "./filter";
import { joined, useLive } from "./live";
import { LogDrawer } from "./LogDrawer";
import { messages } from "./messages";
import { Result } from "./Result";
import { SessionDrawer } from "./SessionDrawer";

const SIZE = 50;
const DEFAULTS = { from: "", to: "", search: "", model: "", provider: "", status: "", key: "", team: "", user: "", session: "", view: "calls", live: false, open: "", trace: "" };
const NO_FILTER = new Set(["open", "trace", "live", "view"]);

export function LogsPage() {
  const t = useText(messages);
  const [url, setUrl] = useUrlState(DEFAULTS);
  const [cursors, setCursors] = useState<string[]>([]);
  const usual = ranges(7).current;
  const { search, model, provider, status, key, team, user, session } = url;
  const filter: Filter = { start: url.from || usual.start, end: url.to || usual.end, search, model, provider, status, key, team, user, session };
  const sessions = url.view === "sessions";
  const cursor = cursors.at(-1);
  const follows = url.live && cursor === undefined;
  const live = useLive(filter, follows && !sessions);
  const list = useQuery({
    queryKey: ["logs", filter, sessions, cursor],
    placeholderData: keepPreviousData,
    refetchInterval: follows && (sessions || live.state === "lost") ? 3000 : false,
    queryFn: ({ signal }) =>
      get<LogPage>()("GET /spend/logs/v2", {
        signal,
        query: { ...queryOf(filter), page_size: SIZE, ...(sessions ? { group_by_session: true, session_cursor: cursor } : { cursor }) } as never,
      }),
  });
  const change = (patch: Partial<typeof DEFAULTS>) => {
    setCursors([]);
    setUrl(patch);
  };
  const filtered = Object.entries(DEFAULTS).some(([name, value]) => !NO_FILTER.has(name) && url[name as keyof typeof url] !== value);
  const rows = list.data ? (follows && !sessions ? joined(live.rows, list.data.data) : list.data.data) : undefined;
  const next = sessions ? list.data?.next_session_cursor : list.data?.next_cursor;
  const open = (row: LogRow) => setUrl(sessions && row.session_id ? { trace: row.session_id } : { open: row.request_id }, true);
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
        <SearchBox label={t("search")} value={url.search} onChange={(text) => change({ search: text })} />
        <Segments label={t("view")} value={sessions ? "sessions" : "calls"} options={[["calls", t("view_calls")], ["sessions", t("view_sessions")]]} onChange={(view) => change({ view })} />
        <input className="input" type="date" aria-label={t("from")} value={filter.start} max={filter.end} onChange={(event) => change({ from: event.target.value })} />
        <input className="input" type="date" aria-label={t("to")} value={filter.end} min={filter.start} onChange={(event) => change({ to: event.target.value })} />
        {session ? <Button look="quiet" icon="close" onClick={() => change({ session: "" })}>{t("session")}: {session.slice(0, 16)}</Button> : null}
        {filtered ? <Button look="quiet" onClick={() => change({ ...DEFAULTS, view: url.view, live: url.live })}>{t("do.clear")}</Button> : null}
      </div>
      {follows && !sessions ? <p className={live.state === "lost" ? "notice warn" : "muted small"} role="status">{t(live.state === "lost" ? "live_lost" : live.state === "live" ? (live.missed ? "live_missed" : "live_on") : "live_connecting")}</p> : null}
      <div className="faceted">
        <Facets filter={filter} onChange={change} />
        <DataTable
          name={sessions ? "sessions" : "logs"}
          label={t("nav.logs")}
          columns={useColumns(sessions)}
          rows={rows}
          rowId={(row) => `${row.request_id} ${row.startTime}`}
          error={list.error}
          onRetry={() => void list.refetch()}
          onOpen={open}
          empty={filtered || cursor ? <Empty icon="search" title={t("table.none")} text={t("table.none_hint")} /> : <Empty icon="logs" title={t("empty")} text={t("empty_text")} />}
          pager={
            <span className="row tight">
              <Total page={list.data} sessions={sessions} />
              <Button tiny disabled={cursors.length === 0} onClick={() => setCursors([])}>{t("newest")}</Button>
              <Button tiny disabled={!next} onClick={() => setCursors([...cursors, next ?? ""])}>{t("older")}</Button>
            </span>
          }
        />
      </div>
      {url.trace ? <SessionDrawer id={url.trace} onOpen={(row) => setUrl({ open: row.request_id }, true)} onClose={() => setUrl({ trace: "" })} /> : null}
      {url.open ? <LogDrawer key={url.open} id={url.open} known={rows?.find((row) => row.request_id === url.open)} onClose={() => setUrl({ open: "" })} /> : null}
    </>
  );
}

function Total({ page, sessions }: { page: LogPage | undefined; sessions: boolean }) {
  const t = useText(messages);
  const { language } = useLanguage();
  if (!page || sessions) return null;
  const total = count(page.total, language);
  return <span className="num">{page.total_is_exact ? total : t("table.least", { total })}</span>;
}

function useColumns(sessions: boolean): Column<LogRow>[] {
  const t = useText(messages);
  const { language } = useLanguage();
  const time: Column<LogRow> = { id: "time", title: t("time"), cell: (row) => <When iso={row.startTime} /> };
  const key: Column<LogRow> = { id: "key", title: t("key"), cell: (row) => <span className="cut">{row.metadata.user_api_key_alias ?? row.api_key.slice(0, 10)}</span> };
  const model: Column<LogRow> = { id: "model", title: t("model"), cell: (row) => row.model_group || row.model || "–" };
  if (sessions) {
    return [
      time,
      { id: "session", title: t("session"), cell: (row) => <code className="cut">{row.session_id ?? "–"}</code> },
      { id: "calls", title: t("calls"), num: true, cell: (row) => count(row.session_total_count ?? 1, language) },
      { id: "lasted", title: t("lasted"), num: true, cell: (row) => duration(Math.max(0, Date.parse(row.endTime) - Date.parse(row.session_start_time ?? row.startTime)), language) },
      model,
      key,
      { id: "cost", title: t("cost"), num: true, cell: (row) => <Money value={row.session_total_spend ?? row.spend} /> },
    ];
  }
  return [
    time,
    { id: "status", title: t("status"), cell: (row) => <Result row={row} /> },
    model,
    key,
    { id: "user", title: t("field.user"), cell: (row) => row.user || "–" },
    { id: "tokens", title: t("tokens"), num: true, cell: (row) => <span title={`${count(row.prompt_tokens, language)} + ${count(row.completion_tokens, language)}`}>{compact(row.total_tokens, language)}</span> },
    { id: "cost", title: t("cost"), num: true, cell: (row) => <Money value={row.spend} /> },
    { id: "latency", title: t("latency"), num: true, cell: (row) => (row.request_duration_ms === null ? "–" : duration(row.request_duration_ms, language)) },
  ];
}
