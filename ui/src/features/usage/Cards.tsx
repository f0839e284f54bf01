import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/shared/api/client";
import type { Figures, Forecast as Found, WhatIf as Then, Whose } from "@/shared/api/usage";
import { useLanguage, useText } from "@/shared/i18n/language";
import { changed, compact, count, day, money, percent } from "@/shared/lib/format";
import { daysBetween } from "@/shared/lib/series";
import { changeOf } from "@/shared/lib/usage";
import { useModelNames } from "@/shared/ui/allowance";
import { BarChart } from "@/shared/ui/chart";
import { BudgetLine } from "@/shared/ui/figures";
import { Failed, Skeleton } from "@/shared/ui/states";
import { Money } from "@/shared/ui/values";
import { messages } from "./messages";

/** What the month comes to at the pace of the last week, and whether the budget lasts. */
export function Forecast({ whose }: { whose: Whose }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const found = useQuery({ queryKey: ["forecast", whose], queryFn: ({ signal }) => get<Found>()("GET /usage/forecast", { signal, query: whose as never }) });
  if (found.isPending) return <div className="card padded"><Skeleton lines={8} /></div>;
  if (found.isError) return <div className="card"><Failed error={found.error} onRetry={() => void found.refetch()} /></div>;
  const { data } = found;
  const days = daysBetween(data.start_date, data.end_date);
  const known = data.days.spend;
  const series = [
    { name: "spent", label: t("spent"), color: 0, values: days.map((_, index) => known[index] ?? 0) },
    { name: "expected", label: t("expected"), color: 7, values: days.map((_, index) => data.days.projected[index - known.length] ?? 0) },
  ];
  return (
    <div className="stack">
      <BarChart title={t("forecast")} days={days} series={series} format={(value) => money(value, language)} />
      <section className="card padded stack tight">
        <p>{t("forecast_text", { spent: money(data.spent, language), pace: money(data.a_day, language), total: money(data.projected, language), day: day(data.end_date, language) })}</p>
        {data.budget ? <BudgetLine used={data.budget} name={t("field.budget")} /> : null}
      </section>
    </div>
  );
}

const PARTS = ["input", "cache_read", "cache_write", "output"] as const;

/** What cached input costs beside what is not cached, and what both caches have saved. */
export function Caching({ figures }: { figures: Figures }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const tokens = { ...figures.classes, output: figures.classes.output + figures.classes.reasoning + figures.classes.audio };
  const asked = tokens.input + tokens.cache_read + tokens.cache_write;
  return (
    <section className="card stack tight">
      <h2 className="padded-head">{t("caching")}</h2>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- wide tables scroll inside */}
      <div className="table-wrap" role="region" aria-label={t("caching")} tabIndex={0}>
        <table className="data">
          <thead>
            <tr><th scope="col">{t("part")}</th><th scope="col" className="num">{t("metric.tokens")}</th><th scope="col" className="num">{t("metric.spend")}</th><th scope="col" className="num">{t("per_million")}</th></tr>
          </thead>
          <tbody>
            {PARTS.map((part) => (
              <tr key={part}>
                <th scope="row">{t(`part.${part}`)}</th>
                <td className="num" title={count(tokens[part], language)}>{compact(tokens[part], language)}</td>
                <td className="num"><Money value={figures.costs[part]} /></td>
                <td className="num">{tokens[part] > 0 ? money((figures.costs[part] / tokens[part]) * 1e6, language) : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <ul className="padded-foot stack tight">
        <li>{t("cached_share", { share: percent(tokens.cache_read, asked, language) })}</li>
        <li>{t("saved_by_providers", { amount: money(figures.saved_by_providers, language) })}</li>
        <li>{t("saved_by_cache", { amount: money(figures.saved_by_cache, language), count: count(figures.cache_hits, language) })}</li>
      </ul>
    </section>
  );
}

/** What the same tokens would have cost on another model. */
export function WhatIf({ whose, period }: { whose: Whose; period: { start_date: string; end_date: string } }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const models = useModelNames();
  const [instead, setInstead] = useState("");
  const query = { ...whose, ...period, instead };
  const found = useQuery({ queryKey: ["what-if", query], enabled: instead !== "", queryFn: ({ signal }) => get<Then>()("GET /usage/what_if", { signal, query: query as never }) });
  const change = (now: number, then: number) => {
    const share = changeOf(then, now);
    return share === null ? "–" : changed(share, language);
  };
  return (
    <section className="card stack tight">
      <div className="row between padded-head">
        <h2>{t("what_if")}</h2>
        <select className="select" aria-label={t("instead")} value={instead} onChange={(event) => setInstead(event.target.value)}>
          <option value="">{t("choose")}</option>
          {(models.data ?? []).map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
      </div>
      {instead === "" ? <p className="muted padded-foot">{t("what_if_text")}</p> : null}
      {found.isLoading ? <div className="padded-foot"><Skeleton lines={4} /></div> : null}
      {found.isError ? <Failed error={found.error} onRetry={() => void found.refetch()} /> : null}
      {found.data ? (
        <>
          {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- wide tables scroll inside */}
          <div className="table-wrap" role="region" aria-label={t("what_if")} tabIndex={0}>
            <table className="data">
              <thead>
                <tr><th scope="col">{t("by.model")}</th><th scope="col" className="num">{t("metric.tokens")}</th><th scope="col" className="num">{t("now")}</th><th scope="col" className="num">{t("then")}</th><th scope="col" className="num">{t("change")}</th></tr>
              </thead>
              <tbody>
                {found.data.groups.slice(0, 12).map((each) => (
                  <tr key={each.model}><th scope="row">{each.model || "–"}</th><td className="num">{compact(each.tokens, language)}</td><td className="num"><Money value={each.spend} /></td><td className="num"><Money value={each.spend_then} /></td><td className="num">{change(each.spend, each.spend_then)}</td></tr>
                ))}
                <tr><th scope="row">{t("total")}</th><td className="num" /><td className="num"><Money value={found.data.spend} /></td><td className="num"><strong><Money value={found.data.spend_then} /></strong></td><td className="num">{change(found.data.spend, found.data.spend_then)}</td></tr>
              </tbody>
            </table>
          </div>
          <p className="muted small padded-foot">{t("what_if_prices", { input: money(found.data.input_cost_per_token * 1e6, language), output: money(found.data.output_cost_per_token * 1e6, language) })}</p>
        </>
      ) : null}
    </section>
  );
}
