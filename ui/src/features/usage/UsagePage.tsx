import { Link } from "@tanstack/react-router";
import { apiRoot } from "@/shared/api/client";
import type { Dimension } from "@/shared/api/views";
import { useLanguage, useText } from "@/shared/i18n/language";
import { compact, count, money, percent } from "@/shared/lib/format";
import { daysBetween, ranges, rows, stacked, total, type Measure, type Row } from "@/shared/lib/series";
import { useMay } from "@/shared/lib/session";
import { useUrlState } from "@/shared/lib/urlState";
import { useActivity, type Whose } from "@/shared/ui/activity";
import { BarChart } from "@/shared/ui/chart";
import { Segments } from "@/shared/ui/field";
import { Icon } from "@/shared/ui/icons";
import { Kpis } from "@/shared/ui/kpis";
import { Empty, Failed, Skeleton } from "@/shared/ui/states";
import { DataTable, type Column } from "@/shared/ui/table";
import { Money } from "@/shared/ui/values";
import { messages } from "./messages";

const DIMENSIONS = {
  model: ["user", "model_groups", null],
  provider: ["user", "providers", null],
  key: ["user", "api_keys", null],
  endpoint: ["user", "endpoints", null],
  user: ["user", "entities", "user.read"],
  team: ["team", "entities", "team.read"],
  organization: ["organization", "entities", "organization.read"],
  tag: ["tag", "entities", "tag.read"],
  customer: ["customer", "entities", "customer.read"],
} as const satisfies Record<string, readonly [Whose, Dimension, string | null]>;
type By = keyof typeof DIMENSIONS;

const DEFAULTS = { by: "model", days: 30, measure: "spend", model: "" };

export function UsagePage() {
  const t = useText(messages);
  const { language } = useLanguage();
  const may = useMay();
  const [url, setUrl] = useUrlState(DEFAULTS);
  const by: By = url.by in DIMENSIONS ? (url.by as By) : "model";
  const [whose, dimension] = DIMENSIONS[by];
  const measure: Measure = url.measure === "api_requests" || url.measure === "total_tokens" ? url.measure : "spend";
  const { current, previous } = ranges(url.days);
  const now = useActivity({ whose, range: current, model: url.model });
  const before = useActivity({ whose, range: previous, model: url.model });
  const days = daysBetween(current.start, current.end);
  const measures: [Measure, string][] = [["spend", t("metric.spend")], ["api_requests", t("metric.requests")], ["total_tokens", t("metric.tokens")]];
  const format = (value: number) => (measure === "spend" ? money(value, language) : compact(value, language));
  const choices = (Object.keys(DIMENSIONS) as By[]).filter((each) => DIMENSIONS[each][2] === null || may(DIMENSIONS[each][2] ?? ""));
  const exported = (kind: string) =>
    `${apiRoot()}/${whose}/daily/activity/export?start_date=${current.start}&end_date=${current.end}&export_type=${by === "key" ? "daily_with_keys" : by === "model" ? "daily_with_models" : "daily"}&format=${kind}`;
  const label = measures.find(([each]) => each === measure)?.[1] ?? "";
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t("nav.usage")}</h1>
          <p>{t("intro")}</p>
        </div>
        <div className="row">
          <a className="button" href={exported("csv")} download={`usage-${by}.csv`}><Icon name="file" />{t("do.export_csv")}</a>
          <a className="button" href={exported("json")} download={`usage-${by}.json`}><Icon name="file" />{t("do.export_json")}</a>
        </div>
      </div>
      <div className="filters">
        <select className="select" aria-label={t("by")} value={by} onChange={(event) => setUrl({ by: event.target.value })}>
          {choices.map((each) => <option key={each} value={each}>{t(`by.${each}`)}</option>)}
        </select>
        <Segments label={t("measure")} value={measure} options={measures} onChange={(each) => setUrl({ measure: each })} />
        <span className="grow" />
        <Segments label={t("period.label")} value={String(url.days)} options={[["7", t("period.7")], ["30", t("period.30")], ["90", t("period.90")]]} onChange={(each) => setUrl({ days: Number(each) })} />
      </div>
      {now.isPending ? <div className="card padded"><Skeleton lines={8} /></div> : null}
      {now.isError && !now.data ? <div className="card"><Failed error={now.error} onRetry={() => void now.refetch()} /></div> : null}
      {now.data ? (
        now.data.results.length === 0 ? (
          <div className="card">
            <Empty icon="usage" title={t("empty")} text={t("empty_text")}><Link className="button" to="/playground">{t("nav.playground")}</Link></Empty>
          </div>
        ) : (
          <>
            <Kpis now={total(now.data)} before={before.data ? total(before.data) : null} />
            <BarChart title={t("title", { measure: label, by: t(`by.${by}`) })} days={days} series={stacked(now.data, dimension, measure, days, t("chart.other"))} format={format} />
            <Parts found={rows(now.data, dimension)} sum={total(now.data).spend} by={by} />
          </>
        )
      ) : null}
    </>
  );
}

function Parts({ found, sum, by }: { found: Row[]; sum: number; by: By }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const name = (row: Row) => row.label || t("unnamed");
  const columns: Column<Row>[] = [
    { id: "name", title: t(`by.${by}`), cell: (row) => (by === "key" ? <Link to="/keys" search={{ open: row.name } as never}>{name(row)}</Link> : name(row)) },
    { id: "spend", title: t("metric.spend"), num: true, cell: (row) => <Money value={row.metrics.spend} /> },
    { id: "share", title: t("share"), num: true, cell: (row) => percent(row.metrics.spend, sum, language) },
    { id: "requests", title: t("metric.requests"), num: true, cell: (row) => count(row.metrics.api_requests, language) },
    { id: "input", title: t("input"), num: true, cell: (row) => compact(row.metrics.prompt_tokens, language) },
    { id: "output", title: t("output"), num: true, cell: (row) => compact(row.metrics.completion_tokens, language) },
    { id: "errors", title: t("metric.errors"), num: true, cell: (row) => percent(row.metrics.failed_requests, row.metrics.api_requests, language) },
  ];
  return <DataTable name="usage" label={t("nav.usage")} columns={columns} rows={found.slice(0, 100)} rowId={(row) => row.name} error={null} onRetry={() => undefined} empty={<Empty icon="usage" title={t("empty")} />} />;
}
