import type { ReactNode } from "react";
import { useCommon, useLanguage } from "../i18n/language";
import { count, moment, money, relative } from "../lib/format";
import { Copy } from "./button";

export function Money({ value }: { value: number }) {
  const { language } = useLanguage();
  return <span title={String(value)}>{money(value, language)}</span>;
}

export function When({ iso }: { iso: string | null | undefined }) {
  const t = useCommon();
  const { language } = useLanguage();
  if (!iso) return <span className="muted">{t("state.never")}</span>;
  return (
    <time dateTime={iso} title={moment(iso, language)}>
      {relative(iso, language)}
    </time>
  );
}

/** An identifier: cut where it is long, whole on the clipboard. */
export function Id({ value }: { value: string }) {
  return (
    <span className="row tight">
      <code className="cut" title={value}>
        {value.length > 22 ? `${value.slice(0, 12)}…${value.slice(-6)}` : value}
      </code>
      <Copy text={value} />
    </span>
  );
}

export function Badge({ look, children }: { look?: "good" | "warn" | "bad" | "accent" | "plain"; children: ReactNode }) {
  return <span className={look ? `badge ${look}` : "badge"}>{children}</span>;
}

/** How much of a budget is spent: as figures, and as a bar whose colour repeats what the figures say. */
export function BudgetBar({ spend, limit, resets }: { spend: number; limit: number | null; resets?: string | null | undefined }) {
  const t = useCommon();
  const { language } = useLanguage();
  if (limit === null) return <span className="muted small">{t("state.unlimited")}</span>;
  const share = limit === 0 ? 1 : spend / limit;
  const look = share >= 1 ? "bar bad" : share >= 0.8 ? "bar warn" : "bar";
  const text = t("budget.used", { spent: money(spend, language), limit: money(limit, language) });
  return (
    <div className="stack tight">
      <span className="small">{text}</span>
      <div className={look} role="meter" aria-label={t("field.budget")} aria-valuenow={Math.round(share * 100)} aria-valuemin={0} aria-valuemax={100} aria-valuetext={text}>
        <span style={{ width: `${Math.min(100, share * 100)}%` }} />
      </div>
      {resets ? <span className="small muted">{t("budget.resets", { when: relative(resets, language) })}</span> : null}
    </div>
  );
}

export function Limit({ value }: { value: number | null }) {
  const t = useCommon();
  const { language } = useLanguage();
  return value === null ? <span className="muted">{t("state.unlimited")}</span> : <>{count(value, language)}</>;
}

export function Models({ names }: { names: readonly string[] }) {
  const t = useCommon();
  if (names.length === 0) return <span className="muted">{t("state.all_models")}</span>;
  return (
    <span className="cut" title={names.join(", ")}>
      {names.slice(0, 2).join(", ")}
      {names.length > 2 ? ` +${names.length - 2}` : ""}
    </span>
  );
}
