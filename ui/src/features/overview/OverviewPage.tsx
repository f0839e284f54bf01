import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { get } from "@/shared/api/client";
import { useOverview, type By, type Report } from "@/shared/api/usage";
import { useLanguage, useText } from "@/shared/i18n/language";
import { money } from "@/shared/lib/format";
import { daysBetween, ranges } from "@/shared/lib/series";
import { useMay, useSession } from "@/shared/lib/session";
import { labelOf, seriesOf } from "@/shared/lib/usage";
import { useUrlState } from "@/shared/lib/urlState";
import { useModelNames } from "@/shared/ui/allowance";
import { BarChart } from "@/shared/ui/chart";
import { Segments } from "@/shared/ui/field";
import { Delta, FigureTiles, TilesSkeleton } from "@/shared/ui/figures";
import { Failed, Skeleton } from "@/shared/ui/states";
import { Money } from "@/shared/ui/values";
import { Attention, Budgets, Health } from "./Attention";
import { messages } from "./messages";
import { Providers } from "./Providers";

const DEFAULTS = { days: 7, by: "model" };
const CHARTED = ["model", "team", "key"] as const;

export function OverviewPage() {
  const t = useText(messages);
  const { language } = useLanguage();
  const who = useSession();
  const may = useMay();
  const [url, setUrl] = useUrlState(DEFAULTS);
  const { current } = ranges(url.days);
  const spend = may("spend.read");
  const period = { start_date: current.start, end_date: current.end, limit: 7 };
  const reports = useOverview(period, spend);
  const keys = useQuery({
    queryKey: ["keys", "count"],
    enabled: may("key.read"),
    queryFn: () => get<{ total_count: number }>()("GET /key/list", { query: { size: 1 } }),
  });
  const models = useModelNames();
  const by = CHARTED.find((each) => each === url.by) ?? "model";
  const now = reports.data?.model;
  const whole = who.actions["spend.read"] === "all";
  const fresh = keys.data?.total_count === 0 || (now?.total.requests === 0 && now.previous?.requests === 0);
  const words = { other: t("chart.other"), none: t("unnamed") };
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t("nav.overview")}</h1>
          <p>{t(whole ? "intro" : "intro_own")}</p>
        </div>
        <Segments label={t("period.label")} value={String(url.days)} options={[["7", t("period.7")], ["30", t("period.30")], ["90", t("period.90")]]} onChange={(each) => setUrl({ days: Number(each) })} />
      </div>
      {fresh ? <FirstSteps models={models.data?.length ?? 0} keys={keys.data?.total_count ?? 0} /> : null}
      {spend && reports.isPending ? <><TilesSkeleton /><div className="card padded"><Skeleton lines={8} /></div></> : null}
      {reports.isError && !now ? <div className="card"><Failed error={reports.error} onRetry={() => void reports.refetch()} /></div> : null}
      {now ? (
        <>
          <FigureTiles now={now.total} before={now.previous} />
          <BarChart
            title={t(`chart_${by}`)}
            days={daysBetween(now.start_date, now.end_date)}
            series={seriesOf(reports.data?.[by] ?? now, "spend", words)}
            format={(value) => money(value, language)}
            actions={<Segments label={t("by")} value={by} options={CHARTED.map((each) => [each, t(`by_${each}`)])} onChange={(each) => setUrl({ by: each })} />}
          />
          <div className="three">
            <Top title={t("top_models")} report={reports.data?.model} by="model" />
            <Top title={t("top_keys")} report={reports.data?.key} by="key" />
            <Top title={t("top_teams")} report={reports.data?.team} by="team" />
          </div>
        </>
      ) : null}
      <div className="two">
        <Attention />
        {may("key.read") ? <Budgets /> : <Health />}
      </div>
      {reports.data ? (
        <div className="two wide-first">
          <Providers report={reports.data.provider} />
          {may("key.read") ? <Health /> : null}
        </div>
      ) : null}
    </>
  );
}

function Top({ title, report, by }: { title: string; report: Report | undefined; by: By }) {
  const t = useText(messages);
  const found = (report?.groups ?? []).filter((each) => each.figures.spend > 0).slice(0, 5);
  const largest = found[0]?.figures.spend ?? 0;
  return (
    <section className="card padded stack">
      <div className="row between">
        <h2>{title}</h2>
        <Link to="/usage" search={{ by } as never} className="small">{t("all")}<span className="hidden"> {title}</span></Link>
      </div>
      {report === undefined ? <Skeleton lines={5} /> : found.length === 0 ? <p className="muted">{t("chart.none")}</p> : null}
      {found.map((each) => (
        <div key={each.id} className="stack tight">
          <div className="row between tight">
            <span className="cut grow">{labelOf(each, t("unnamed"))}</span>
            <span className="num small muted"><Delta now={each.figures.spend} before={each.previous_spend} /></span>
            <span className="num"><Money value={each.figures.spend} /></span>
          </div>
          <div className="bar accent"><span style={{ width: `${largest ? (100 * each.figures.spend) / largest : 0}%` }} /></div>
        </div>
      ))}
    </section>
  );
}

function FirstSteps({ models, keys }: { models: number; keys: number }) {
  const t = useText(messages);
  const may = useMay();
  return (
    <section className="card padded stack">
      <div>
        <h2>{t("start")}</h2>
        <p className="muted">{t("start_text")}</p>
      </div>
      <div className="lanes">
        <div className="stack tight">
          <h3>{t("step_model")}</h3>
          <p className="muted">{t("step_model_text")}</p>
          <div className="row"><Link className="button" to="/models">{t("nav.models")}</Link><span className="muted small">{t("have", { count: models })}</span></div>
        </div>
        {may("key.create") ? (
          <div className="stack tight">
            <h3>{t("step_key")}</h3>
            <p className="muted">{t("step_key_text")}</p>
            <div className="row"><Link className="button" to="/keys">{t("nav.keys")}</Link><span className="muted small">{t("have", { count: keys })}</span></div>
          </div>
        ) : null}
        <div className="stack tight">
          <h3>{t("step_chat")}</h3>
          <p className="muted">{t("step_chat_text")}</p>
          <div className="row"><Link className="button" to="/playground">{t("nav.playground")}</Link></div>
        </div>
      </div>
    </section>
  );
}
