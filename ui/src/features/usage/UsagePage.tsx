import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useReport, type By, type Group, type Measure, type ReportQuery, type Whose } from "@/shared/api/usage";
import { useLanguage, useText } from "@/shared/i18n/language";
import { download } from "@/shared/lib/csv";
import { compact, count, day, duration, money, percent } from "@/shared/lib/format";
import { daysBetween, ranges } from "@/shared/lib/series";
import { useMay } from "@/shared/lib/session";
import { labelOf, seriesOf } from "@/shared/lib/usage";
import { useUrlState } from "@/shared/lib/urlState";
import { Button } from "@/shared/ui/button";
import { BarChart } from "@/shared/ui/chart";
import { Segments } from "@/shared/ui/field";
import { Delta, FigureTiles, TilesSkeleton } from "@/shared/ui/figures";
import { Empty, Failed, Skeleton, wordsOf } from "@/shared/ui/states";
import { DataTable, Pager, type Column } from "@/shared/ui/table";
import { toast } from "@/shared/ui/toast";
import { Money } from "@/shared/ui/values";
import { Caching, Forecast, WhatIf } from "./Cards";
import { csvOfGroups, everything, MOST } from "./export";
import { messages } from "./messages";

// Each dimension: the filter it sets when one of its values is chosen, and what one must be allowed to see it.
const DIMENSIONS = {
  model: ["model", null],
  upstream_model: ["upstream_model", null],
  provider: ["provider", null],
  key: ["api_key", null],
  route: [null, null],
  user: ["user_id", "user.read"],
  team: ["team_id", "team.read"],
  organization: ["organization_id", "organization.read"],
  project: ["project_id", "project.read"],
  tag: ["tag", "tag.read"],
  customer: ["customer", "customer.read"],
} as const satisfies Record<By, readonly [keyof Whose | null, string | null]>;
const WHOSE = ["model", "upstream_model", "provider", "api_key", "user_id", "team_id", "organization_id", "project_id", "tag", "customer"] as const satisfies readonly (keyof Whose)[];

const DEFAULTS = {
  by: "model", days: 30, from: "", to: "", measure: "spend", compare: "previous", page: 1, model: "", upstream_model: "", provider: "", api_key: "",
  user_id: "", team_id: "", organization_id: "", project_id: "", tag: "", customer: "",
}; // prettier-ignore
const SIZE = 10;
const COMPARED = ["previous", "year", "none"] as const;

export function UsagePage() {
  const t = useText(messages);
  const { language } = useLanguage();
  const may = useMay();
  const [url, setUrl] = useUrlState(DEFAULTS);
  const by: By = url.by in DIMENSIONS ? (url.by as By) : "model";
  const measure: Measure = url.measure === "requests" || url.measure === "tokens" ? url.measure : "spend";
  const compare = COMPARED.find((each) => each === url.compare) ?? "previous";
  const { current } = ranges(url.days);
  const period = { start_date: url.from || current.start, end_date: url.to || current.end };
  const whose: Whose = Object.fromEntries(WHOSE.map((name) => [name, url[name] || undefined]));
  const query: ReportQuery = { ...period, ...whose, by, compare, order: measure, limit: SIZE, offset: (url.page - 1) * SIZE };
  const now = useReport(query);
  // The chart shows the greatest, whatever page the table is on.
  const first = useReport({ ...query, offset: 0 }, url.page > 1);
  const measures: [Measure, string][] = [["spend", t("metric.spend")], ["requests", t("metric.requests")], ["tokens", t("metric.tokens")]];
  const label = measures.find(([each]) => each === measure)?.[1] ?? "";
  const format = (value: number) => (measure === "spend" ? money(value, language) : compact(value, language));
  const choices = (Object.keys(DIMENSIONS) as By[]).filter((each) => DIMENSIONS[each][1] === null || may(DIMENSIONS[each][1] ?? ""));
  const change = (patch: Partial<typeof DEFAULTS>) => setUrl({ page: 1, ...patch });
  const charted = url.page > 1 ? first.data : now.data;
  const chosen = WHOSE.filter((name) => url[name] !== "");
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t("nav.usage")}</h1>
          <p>{t("intro")}</p>
        </div>
        <Export query={query} by={by} />
      </div>
      <div className="filters">
        <select className="select" aria-label={t("by")} value={by} onChange={(event) => change({ by: event.target.value })}>
          {choices.map((each) => <option key={each} value={each}>{t(`by.${each}`)}</option>)}
        </select>
        <Segments label={t("measure")} value={measure} options={measures} onChange={(each) => change({ measure: each })} />
        <select className="select" aria-label={t("compare")} value={compare} onChange={(event) => change({ compare: event.target.value })}>
          {COMPARED.map((each) => <option key={each} value={each}>{t(`compare.${each}`)}</option>)}
        </select>
        <span className="grow" />
        <Segments label={t("period.label")} value={url.from || url.to ? "" : String(url.days)} options={[["7", t("period.7")], ["30", t("period.30")], ["90", t("period.90")]]} onChange={(each) => change({ days: Number(each), from: "", to: "" })} />
        <input className="input" type="date" aria-label={t("from")} value={period.start_date} max={period.end_date} onChange={(event) => change({ from: event.target.value })} />
        <input className="input" type="date" aria-label={t("to")} value={period.end_date} min={period.start_date} onChange={(event) => change({ to: event.target.value })} />
      </div>
      {chosen.length > 0 ? (
        <div className="filters">
          {chosen.map((name) => <Button key={name} tiny icon="close" onClick={() => change({ [name]: "" })}>{t(`filter.${name}`)}: {url[name].length > 30 ? `${url[name].slice(0, 12)}…` : url[name]}</Button>)}
        </div>
      ) : null}
      {now.isPending ? <><TilesSkeleton /><div className="card padded"><Skeleton lines={8} /></div></> : null}
      {now.isError && !now.data ? <div className="card"><Failed error={now.error} onRetry={() => void now.refetch()} /></div> : null}
      {now.data && now.data.total.requests === 0 && now.data.total.spend === 0 ? (
        <div className="card">
          <Empty icon="usage" title={t("empty")} text={t("empty_text")}><Link className="button" to="/playground">{t("nav.playground")}</Link></Empty>
        </div>
      ) : null}
      {now.data && (now.data.total.requests > 0 || now.data.total.spend !== 0) ? (
        <>
          <FigureTiles now={now.data.total} before={now.data.previous} />
          {now.data.compared_with ? <p className="muted small">{t("compared", { from: day(now.data.compared_with.start_date, language), to: day(now.data.compared_with.end_date, language) })}</p> : null}
          {charted ? <BarChart title={t("title", { measure: label, by: t(`by.${by}`) })} days={daysBetween(charted.start_date, charted.end_date)} series={seriesOf(charted, measure, { other: t("chart.other"), none: t("unnamed") })} format={format} /> : null}
          <Parts
            groups={now.data.groups}
            whole={now.data.total[measure]}
            by={by}
            measure={measure}
            onSort={(each) => change({ measure: each })}
            onOpen={(group) => {
              const name = DIMENSIONS[by][0];
              if (name && group.id) change({ [name]: group.id, by: by === "model" ? "key" : "model" });
            }}
            pager={<Pager page={url.page} size={SIZE} shown={now.data.groups.length} total={now.data.more ? null : (url.page - 1) * SIZE + now.data.groups.length} onPage={(page) => setUrl({ page })} />}
          />
          <div className="two">
            <Caching figures={now.data.total} />
            <WhatIf whose={whose} period={period} />
          </div>
          <Forecast whose={whose} />
        </>
      ) : null}
    </>
  );
}

interface PartsProps {
  groups: readonly Group[];
  whole: number;
  by: By;
  measure: Measure;
  onSort: (measure: Measure) => void;
  onOpen: (group: Group) => void;
  pager: React.ReactNode;
}

function Parts({ groups, whole, by, measure, onSort, onOpen, pager }: PartsProps) {
  const t = useText(messages);
  const { language } = useLanguage();
  const time = (value: number | null) => (value === null ? "–" : duration(value, language));
  const sampled = (row: Group, text: string) => (row.sampled === null ? text : <span title={t("sampled", { count: count(row.sampled, language) })}>≈ {text}</span>);
  const columns: Column<Group>[] = [
    { id: "name", title: t(`by.${by}`), cell: (row) => labelOf(row, t("unnamed")) },
    { id: "spend", title: t("metric.spend"), num: true, sort: "spend", cell: (row) => <Money value={row.figures.spend} /> },
    { id: "change", title: t("change"), num: true, cell: (row) => <span className="muted small"><Delta now={row.figures.spend} before={row.previous_spend} /></span> },
    { id: "share", title: t("share"), num: true, cell: (row) => percent(row.figures[measure], whole, language) },
    { id: "requests", title: t("metric.requests"), num: true, sort: "requests", cell: (row) => count(row.figures.requests, language) },
    { id: "tokens", title: t("metric.tokens"), num: true, sort: "tokens", cell: (row) => <span title={count(row.figures.tokens, language)}>{compact(row.figures.tokens, language)}</span> },
    { id: "cached", title: t("metric.cached"), num: true, cell: (row) => percent(row.figures.classes.cache_read, row.figures.classes.input + row.figures.classes.cache_read + row.figures.classes.cache_write, language) },
    { id: "errors", title: t("metric.errors"), num: true, cell: (row) => percent(row.figures.failures, row.figures.requests, language) },
    { id: "p50", title: "p50", num: true, cell: (row) => sampled(row, time(row.figures.p50_ms)) },
    { id: "p95", title: "p95", num: true, cell: (row) => sampled(row, time(row.figures.p95_ms)) },
  ];
  return (
    <DataTable
      name="usage"
      label={t("nav.usage")}
      columns={columns}
      rows={groups}
      rowId={(row) => row.id}
      error={null}
      onRetry={() => undefined}
      sort={{ by: measure, order: "desc" }}
      onSort={(sort) => onSort(sort.by as Measure)}
      {...(DIMENSIONS[by][0] ? { onOpen } : {})}
      empty={<Empty icon="usage" title={t("empty")} />}
      pager={pager}
    />
  );
}

function Export({ query, by }: { query: ReportQuery; by: By }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const [loaded, setLoaded] = useState<number | null>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  const run = async (kind: "csv" | "json") => {
    const controller = new AbortController();
    stop.current = controller;
    setLoaded(0);
    try {
      const { report, groups } = await everything(query, controller.signal, setLoaded);
      const name = `usage-${by}-${report.start_date}-${report.end_date}.${kind}`;
      download(name, kind === "csv" ? "text/csv" : "application/json", kind === "csv" ? csvOfGroups(report, groups, by) : JSON.stringify({ ...report, groups }, null, 1));
      toast(t(groups.length >= MOST ? "exported_most" : "exported", { count: count(groups.length, language) }));
    } catch (error) {
      if (!controller.signal.aborted) toast(wordsOf(error, t).title);
    }
    setLoaded(null);
  };
  if (loaded !== null) return <Button onClick={() => stop.current?.abort()}>{t("export_stop", { count: count(loaded, language) })}</Button>;
  return (
    <div className="row">
      <Button icon="file" onClick={() => void run("csv")}>{t("do.export_csv")}</Button>
      <Button icon="file" onClick={() => void run("json")}>{t("do.export_json")}</Button>
    </div>
  );
}
