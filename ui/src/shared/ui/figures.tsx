import type { ReactNode } from "react";
import type { BudgetUse, Figures } from "../api/usage";
import { useCommon, useLanguage } from "../i18n/language";
import { compact, duration, changed, moment, money, percent, relative } from "../lib/format";
import { changeOf } from "../lib/usage";
import { Skeleton } from "./states";

const rate = (part: number, whole: number) => (whole ? part / whole : 0);

/** How a figure differs from that of the period before. `worse`: which direction is bad; said in words and by an arrow, too. */
export function Delta({ now, before, worse }: { now: number | null; before: number | null | undefined; worse?: "up" | "down" | undefined }) {
  const t = useCommon();
  const { language } = useLanguage();
  const change = changeOf(now, before);
  if (change === null) return <>{t("metric.no_previous")}</>;
  const text = changed(change, language);
  const small = Math.abs(change) < 0.005;
  const look = small || !worse ? "" : (change > 0) === (worse === "up") ? "worse" : "better";
  return <span className={`delta-text ${look}`} title={t("metric.previous", { change: text })}>{small ? "" : change > 0 ? "▲ " : "▼ "}{text}<span className="hidden"> {t("metric.against")}</span></span>;
}

function Tile({ label, value, note, delta }: { label: string; value: ReactNode; note?: ReactNode; delta: ReactNode }) {
  return (
    <div className="kpi">
      <dt>{label}</dt>
      <dd>{value}</dd>
      <dd className="delta">{delta}{note ? <span className="note"> · {note}</span> : null}</dd>
    </div>
  );
}

/** The figures of a period, each against the one before. */
export function FigureTiles({ now, before }: { now: Figures; before: Figures | null }) {
  const t = useCommon();
  const { language } = useLanguage();
  const time = (value: number | null) => (value === null ? "–" : duration(value, language));
  const saved = (each: Figures) => each.saved_by_cache + each.saved_by_providers;
  return (
    <dl className="card kpis">
      <Tile label={t("metric.spend")} value={money(now.spend, language)} delta={<Delta now={now.spend} before={before?.spend} />} />
      <Tile label={t("metric.requests")} value={compact(now.requests, language)} delta={<Delta now={now.requests} before={before?.requests} />} />
      <Tile label={t("metric.tokens")} value={compact(now.tokens, language)} delta={<Delta now={now.tokens} before={before?.tokens} />} />
      <Tile label={t("metric.errors")} value={percent(now.failures, now.requests, language)} delta={<Delta now={rate(now.failures, now.requests)} before={before ? rate(before.failures, before.requests) : null} worse="up" />} />
      <Tile label={t("metric.latency_p50")} value={time(now.p50_ms)} note={t("metric.p95", { time: time(now.p95_ms) })} delta={<Delta now={now.p50_ms} before={before?.p50_ms} worse="up" />} />
      <Tile label={t("metric.first_p50")} value={time(now.first_p50_ms)} note={t("metric.p95", { time: time(now.first_p95_ms) })} delta={<Delta now={now.first_p50_ms} before={before?.first_p50_ms} worse="up" />} />
      <Tile label={t("metric.saved")} value={money(saved(now), language)} note={t("metric.hits", { share: percent(now.cache_hits, now.requests, language) })} delta={<Delta now={saved(now)} before={before ? saved(before) : null} worse="down" />} />
    </dl>
  );
}

/** How much of a budget is used, when it starts anew, and whether it lasts until then. */
export function BudgetLine({ used, name }: { used: BudgetUse; name?: ReactNode }) {
  const t = useCommon();
  const { language } = useLanguage();
  const look = used.share >= 1 ? "bar bad" : used.share >= 0.8 || used.used_up_at ? "bar warn" : "bar";
  const text = t("budget.used", { spent: money(used.spent, language), limit: money(used.limit, language) });
  const end = used.share >= 1 ? t("budget.empty") : used.used_up_at ? t("budget.out", { when: relative(used.used_up_at, language) }) : used.projected === null ? null : t("budget.projected", { amount: money(used.projected, language) });
  return (
    <div className="stack tight budget">
      <div className="row between tight">
        <span className="cut grow">{name}</span>
        <span className="num small">{text}</span>
      </div>
      <div className={look} role="meter" aria-label={`${used.label ?? used.id}: ${t("field.budget")}`} aria-valuenow={Math.min(100, Math.round(used.share * 100))} aria-valuemin={0} aria-valuemax={100} aria-valuetext={text}>
        <span style={{ width: `${Math.min(100, used.share * 100)}%` }} />
      </div>
      <div className="row between tight small muted">
        <span>{end}</span>
        {used.resets_at ? <time dateTime={used.resets_at} title={moment(used.resets_at, language)}>{t("budget.resets", { when: relative(used.resets_at, language) })}</time> : <span>{t("budget.never")}</span>}
      </div>
    </div>
  );
}

export function TilesSkeleton() {
  return <div className="card padded"><Skeleton lines={3} /></div>;
}
