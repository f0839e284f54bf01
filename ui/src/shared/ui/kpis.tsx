import type { Metrics } from "../api/views";
import { useCommon, useLanguage } from "../i18n/language";
import { compact, duration, localeOf, money, percent } from "../lib/format";

const latency = (each: Metrics) => (each.timed_requests ? each.total_response_time_ms / each.timed_requests : 0);
const errors = (each: Metrics) => (each.api_requests ? each.failed_requests / each.api_requests : 0);

/** The figures of a period, each against the one before. */
export function Kpis({ now, before }: { now: Metrics; before: Metrics | null }) {
  const t = useCommon();
  const { language } = useLanguage();
  const change = (one: number, two: number | undefined) => {
    if (!two) return t("metric.no_previous");
    const value = new Intl.NumberFormat(localeOf(language), { style: "percent", signDisplay: "exceptZero", maximumFractionDigits: 0 }).format((one - two) / two);
    return t("metric.previous", { change: value });
  };
  const facts: [string, string, string][] = [
    [t("metric.spend"), money(now.spend, language), change(now.spend, before?.spend)],
    [t("metric.requests"), compact(now.api_requests, language), change(now.api_requests, before?.api_requests)],
    [t("metric.tokens"), compact(now.total_tokens, language), change(now.total_tokens, before?.total_tokens)],
    [t("metric.errors"), percent(now.failed_requests, now.api_requests, language), change(errors(now), before ? errors(before) : undefined)],
    [t("metric.latency"), duration(latency(now), language), change(latency(now), before ? latency(before) : undefined)],
    [t("metric.cached"), percent(now.cache_read_input_tokens, now.prompt_tokens, language), change(now.cache_read_input_tokens, before?.cache_read_input_tokens)],
  ];
  return (
    <dl className="card kpis">
      {facts.map(([label, value, delta]) => (
        <div key={label} className="kpi">
          <dt>{label}</dt>
          <dd>{value}</dd>
          <dd className="delta">{delta}</dd>
        </div>
      ))}
    </dl>
  );
}
