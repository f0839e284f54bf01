import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { apiRoot, get } from "@/shared/api/client";
import type { LogRow } from "@/shared/api/views";
import { useLanguage, useText } from "@/shared/i18n/language";
import { count, duration, moment, money, percent } from "@/shared/lib/format";
import { Copy } from "@/shared/ui/button";
import { Dialog } from "@/shared/ui/dialog";
import { Failed, Skeleton } from "@/shared/ui/states";
import { Trail } from "@/shared/ui/trail";
import { Id, Money } from "@/shared/ui/values";
import { lookUpOf, requestOf } from "./again";
import { messages } from "./messages";
import { Result } from "./Result";
import { Timeline } from "./Timeline";

const PARTS = ["input", "output", "cache_read", "cache_write", "reasoning", "audio", "image", "request"] as const;

/** By its id alone: a link to a call holds longer than the days that the page shows. */
const find = (id: string, signal: AbortSignal) => get<LogRow>()("GET /spend/logs/ui/{request_id}", { signal, path: { request_id: id } });

export function LogDrawer({ id, known, onClose }: { id: string; known: LogRow | undefined; onClose: () => void }) {
  const t = useText(messages);
  const found = useQuery({ queryKey: ["log", id], enabled: known === undefined, queryFn: ({ signal }) => find(id, signal) });
  const row = known ?? found.data;
  return (
    <Dialog kind="drawer" title={t("request")} onClose={onClose}>
      {row ? <Facts row={row} /> : found.isError ? <Failed error={found.error} onRetry={() => void found.refetch()} /> : <Skeleton lines={10} />}
    </Dialog>
  );
}

function tokensOf(usage: Record<string, number | null>, part: string): number | null {
  if (part === "cache_write") {
    const sum = (usage["cache_write_5m"] ?? 0) + (usage["cache_write_1h"] ?? 0);
    return sum || null;
  }
  return usage[part] ?? null;
}

function Facts({ row }: { row: LogRow }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const about = row.metadata;
  const began = new Date(row.startTime).getTime();
  const after = (iso: string) => t("after", { time: duration(new Date(iso).getTime() - began, language) });
  const [again, lookUp] = [requestOf(row, apiRoot()), lookUpOf(row, apiRoot())];
  const parts = PARTS.filter((part) => (about.cost_nano[part] ?? 0) > 0 || (tokensOf(about.usage, part) ?? 0) > 0);
  return (
    <>
      <div className="row">
        <Result row={row} />
        <strong>{row.model_group || row.model}</strong>
        <span className="grow" />
        <Money value={row.spend} />
      </div>
      <dl className="facts">
        <dt>{t("field.id")}</dt>
        <dd><Id value={row.request_id} /></dd>
        {about.error_type ? <><dt>{t("error")}</dt><dd>{about.status_code} {about.error_type}</dd></> : null}
        <dt>{t("provider")}</dt>
        <dd>{row.custom_llm_provider || "–"}</dd>
        <dt>{t("deployment")}</dt>
        <dd>{row.model_id ? <>{row.model} <code>{row.model_id}</code></> : "–"}</dd>
        <dt>{t("key")}</dt>
        <dd><Link to="/keys" search={{ open: row.api_key } as never}>{about.user_api_key_alias ?? row.api_key.slice(0, 12)}</Link></dd>
        <dt>{t("field.team")}</dt>
        <dd>{row.team_id ? <Link to="/teams" search={{ open: row.team_id } as never}>{row.team_id}</Link> : "–"}</dd>
        <dt>{t("field.user")}</dt>
        <dd>{row.user || "–"}</dd>
        <dt>{t("customer")}</dt>
        <dd>{row.end_user || "–"}</dd>
        <dt>{t("field.tags")}</dt>
        <dd>{row.request_tags.join(", ") || "–"}</dd>
        {row.session_id ? <><dt>{t("session")}</dt><dd className="row tight"><Id value={row.session_id} /><Link to="/logs" search={(old: Record<string, unknown>) => ({ ...old, open: undefined, trace: row.session_id }) as never}>{t("as_trace")}</Link></dd></> : null}
        {about.trace_id ? <><dt>{t("trace")}</dt><dd><Id value={about.trace_id} /></dd></> : null}
        <dt>{t("streamed")}</dt>
        <dd>{t(about.stream ? "yes" : "no")}</dd>
      </dl>
      <h3>{t("timeline")}</h3>
      <Timeline row={row} />
      <dl className="facts">
        <dt>{t("started")}</dt>
        <dd>{moment(row.startTime, language)}</dd>
        {row.completionStartTime ? <><dt>{t("first_token")}</dt><dd>{after(row.completionStartTime)}</dd></> : null}
        <dt>{t("finished")}</dt>
        <dd>{after(row.endTime)}</dd>
        <dt>{t("attempts")}</dt>
        <dd>{about.attempts}</dd>
        <dt>{t("fallbacks")}</dt>
        <dd>{about.fallbacks}</dd>
      </dl>
      <h3>{t("route")}</h3>
      <Trail steps={about.routing_trail} />
      <h3>{t("usage")}</h3>
      <Split costs={parts.map((part) => [t(`part.${part}`), (about.cost_nano[part] ?? 0) / 1e9])} />
      <table className="data">
        <thead>
          <tr><th scope="col">{t("part")}</th><th scope="col" className="num">{t("tokens")}</th><th scope="col" className="num">{t("usd")}</th></tr>
        </thead>
        <tbody>
          {parts.map((part) => {
            const tokens = tokensOf(about.usage, part);
            return (
              <tr key={part}>
                <td>{t(`part.${part}`)}</td>
                <td className="num">{tokens === null ? "–" : count(tokens, language)}</td>
                <td className="num"><Money value={(about.cost_nano[part] ?? 0) / 1e9} /></td>
              </tr>
            );
          })}
          <tr>
            <th scope="row">{t("part.total")}</th>
            <td className="num">{count(row.total_tokens, language)}</td>
            <td className="num"><Money value={row.spend} /></td>
          </tr>
        </tbody>
      </table>
      {about.saved_nano ? <p className="small">{t("from_cache", { amount: money(about.saved_nano / 1e9, language) })}</p> : null}
      <p className="muted small">{t("prices", { version: about.price_version || "–", source: about.usage_source || "–" })} {t("no_content")}</p>
      {again ? (
        <>
          <div className="row between"><h3>{t("repeat")}</h3><Copy text={again} /></div>
          <p className="muted small">{t("repeat_hint")}</p>
          <pre className="code">{again}</pre>
        </>
      ) : null}
      <div className="row between"><h3>{t("again")}</h3><Copy text={lookUp} /></div>
      <pre className="code">{lookUp}</pre>
    </>
  );
}

/** What each class of tokens has of the cost; the table below it has the figures. */
function Split({ costs }: { costs: readonly (readonly [string, number])[] }) {
  const { language } = useLanguage();
  const whole = costs.reduce((sum, [, cost]) => sum + cost, 0);
  const paid = costs.map(([name, cost], index) => ({ name, cost, color: index % 7 })).filter((each) => each.cost > 0);
  if (whole <= 0) return null;
  return (
    <div className="stack tight">
      <div className="split" aria-hidden="true">{paid.map((each) => <span key={each.name} className={`f${each.color}`} style={{ width: `${(100 * each.cost) / whole}%` }} />)}</div>
      <div className="legend">{paid.map((each) => <span key={each.name}><span className={`swatch f${each.color}`} />{each.name} {percent(each.cost, whole, language)}</span>)}</div>
    </div>
  );
}
