import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { get } from "@/shared/api/client";
import type { Key } from "@/shared/api/views";
import { useLanguage, useText } from "@/shared/i18n/language";
import { money } from "@/shared/lib/format";
import { daysBetween, ranges, rows, stacked, total, type Row } from "@/shared/lib/series";
import { useMay, useSession } from "@/shared/lib/session";
import { useUrlState } from "@/shared/lib/urlState";
import { useActivity } from "@/shared/ui/activity";
import { useModelNames } from "@/shared/ui/allowance";
import { BarChart } from "@/shared/ui/chart";
import { Segments } from "@/shared/ui/field";
import { Kpis } from "@/shared/ui/kpis";
import { Failed, Skeleton } from "@/shared/ui/states";
import { Money } from "@/shared/ui/values";
import { Attention, Health } from "./Attention";
import { messages } from "./messages";

const DEFAULTS = { days: 7 };

export function OverviewPage() {
  const t = useText(messages);
  const { language } = useLanguage();
  const who = useSession();
  const may = useMay();
  const [url, setUrl] = useUrlState(DEFAULTS);
  const { current, previous } = ranges(url.days);
  const spend = may("spend.read");
  const now = useActivity({ whose: "user", range: current }, spend);
  const before = useActivity({ whose: "user", range: previous }, spend);
  const keys = useQuery({
    queryKey: ["keys", "overview"],
    enabled: may("key.read"),
    queryFn: () => get<{ keys: Key[]; total_count: number }>()("GET /key/list", { query: { size: 100, return_full_object: true } }),
  });
  const models = useModelNames();
  const days = daysBetween(current.start, current.end);
  const whole = who.actions["spend.read"] === "all";
  const fresh = keys.data?.total_count === 0 || (now.data?.results.length === 0 && before.data?.results.length === 0);
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
      {spend && now.isPending ? <div className="card padded"><Skeleton lines={6} /></div> : null}
      {now.isError && !now.data ? <div className="card"><Failed error={now.error} onRetry={() => void now.refetch()} /></div> : null}
      {now.data ? (
        <>
          <Kpis now={total(now.data)} before={before.data ? total(before.data) : null} />
          <BarChart title={t("chart")} days={days} series={stacked(now.data, "model_groups", "spend", days, t("chart.other"))} format={(value) => money(value, language)} />
          <div className="two">
            <Top title={t("top_models")} found={rows(now.data, "model_groups")} to="/usage" search={{ by: "model" }} />
            <Top title={t("top_keys")} found={rows(now.data, "api_keys")} to="/usage" search={{ by: "key" }} />
          </div>
        </>
      ) : null}
      <div className="two">
        <Attention keys={keys.data?.keys ?? []} />
        <Health />
      </div>
    </>
  );
}

function Top({ title, found, to, search }: { title: string; found: Row[]; to: string; search: Record<string, string> }) {
  const t = useText(messages);
  const largest = found[0]?.metrics.spend ?? 0;
  return (
    <section className="card padded stack">
      <div className="row between">
        <h2>{title}</h2>
        <Link to={to} search={search as never} className="small">{t("all")}<span className="hidden"> {title}</span></Link>
      </div>
      {found.length === 0 ? <p className="muted">{t("chart.none")}</p> : null}
      {found.slice(0, 5).map((row) => (
        <div key={row.name} className="stack tight">
          <div className="row between tight">
            <span className="cut">{row.label}</span>
            <span className="num"><Money value={row.metrics.spend} /></span>
          </div>
          <div className="bar accent"><span style={{ width: `${largest ? (100 * row.metrics.spend) / largest : 0}%` }} /></div>
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
