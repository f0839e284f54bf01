import { useQuery } from "@tanstack/react-query";
import { get } from "@/shared/api/client";
import type { Explained, ExplainedRoute } from "@/shared/api/views";
import { useLanguage, useText } from "@/shared/i18n/language";
import { count, money } from "@/shared/lib/format";
import { Dialog } from "@/shared/ui/dialog";
import { Failed, Skeleton } from "@/shared/ui/states";
import { Trail } from "@/shared/ui/trail";
import { Badge, Money } from "@/shared/ui/values";
import { messages } from "./messages";

export interface Question {
  key: string;
  model: string;
  prompt: string;
  system: string;
  temperature: number | null;
  maxTokens: number | null;
}

function bodyOf(question: Question): Record<string, unknown> {
  const turns = [{ role: "user", content: question.prompt || "Hello" }];
  return {
    model: question.model,
    messages: question.system.trim() ? [{ role: "system", content: question.system }, ...turns] : turns,
    stream: true,
    ...(question.temperature === null ? {} : { temperature: question.temperature }),
    ...(question.maxTokens === null ? {} : { max_tokens: question.maxTokens }),
  };
}

/** What would happen to this request, and why, told by the gateway without calling anyone. */
export function Explain({ question, onClose }: { question: Question; onClose: () => void }) {
  const t = useText(messages);
  const found = useQuery({
    queryKey: ["explain", question],
    gcTime: 0,
    retry: false,
    queryFn: ({ signal }) => get<Explained>()("POST /utils/explain", { signal, body: { request_body: bodyOf(question), key: question.key } as never }),
  });
  return (
    <Dialog kind="drawer" title={t("explain_title", { model: question.model })} onClose={onClose}>
      {found.isPending ? <Skeleton lines={10} /> : null}
      {found.isError ? <Failed error={found.error} onRetry={() => void found.refetch()} /> : null}
      {found.data ? <Told told={found.data} /> : null}
    </Dialog>
  );
}

function Told({ told }: { told: Explained }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const fallbacks = Object.entries(told.fallbacks ?? {});
  return (
    <>
      <div className="row">
        {told.allowed ? <Badge look="good">{t("explain_allowed")}</Badge> : <Badge look="bad">{t("explain_refused", { stage: t(`stage.${told.stage}`) })}</Badge>}
        <span className="grow" />
        {told.key ? <span className="small muted">{t("explain_as", { name: told.key.alias || told.key.id.slice(0, 12) })}</span> : null}
      </div>
      {told.error ? (
        <div className="notice bad"><div className="wrap"><strong>{told.error.status} {told.error.type}</strong><div className="small">{told.error.message}</div></div></div>
      ) : null}
      {told.limits ? (
        <>
          <h3>{t("explain_limits")}</h3>
          {told.limits.length === 0 ? <p className="muted small">{t("explain_no_limits")}</p> : (
            <table className="data">
              <thead>
                <tr><th scope="col">{t("explain_whose")}</th><th scope="col">{t("explain_kind")}</th><th scope="col" className="num">{t("explain_limit")}</th><th scope="col" className="num">{t("explain_left")}</th></tr>
              </thead>
              <tbody>
                {told.limits.map((each, index) => {
                  const shown = (value: number) => (each.kind === "budget" ? money(value, language) : count(value, language));
                  return (
                    <tr key={index}>
                      <th scope="row" className="wrap">{each.entity}</th>
                      <td>{each.kind}{each.window ? ` / ${each.window}` : ""}</td>
                      <td className="num">{shown(each.limit)}</td>
                      <td className="num">{shown(each.remaining)}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          )}
        </>
      ) : null}
      {told.route ? <Route title={t("explain_route")} route={told.route} worst={told.estimate?.worst_case_cost ?? null} /> : null}
      {fallbacks.map(([reason, routes]) => routes.map((route, index) => <Route key={`${reason}-${index}`} title={t("explain_fallback", { reason, model: route.model ?? route.group })} route={route} worst={null} />))}
    </>
  );
}

function Route({ title, route, worst }: { title: string; route: ExplainedRoute; worst: number | null }) {
  const t = useText(messages);
  return (
    <section className="stack tight">
      <h3>{title}</h3>
      <dl className="facts">
        <dt>{t("explain_strategy")}</dt>
        <dd>{route.strategy}</dd>
        <dt>{t("explain_chosen")}</dt>
        <dd>{route.chosen ? <><code>{route.chosen}</code> {route.provider}</> : <Badge look="bad">{t("explain_nobody")}</Badge>}</dd>
        {route.estimated_cost === undefined ? null : <><dt>{t("explain_cost")}</dt><dd>≈ <Money value={route.estimated_cost} /></dd></>}
        {worst === null ? null : <><dt>{t("explain_worst")}</dt><dd><Money value={worst} /></dd></>}
        {route.retries === undefined ? null : <><dt>{t("explain_retries")}</dt><dd>{route.retries}</dd></>}
      </dl>
      {route.error ? <p className="small">{route.error.status} {route.error.message}</p> : null}
      {route.trail.length > 0 ? <Trail steps={route.trail} /> : null}
    </section>
  );
}
