import { useQuery } from "@tanstack/react-query";
import { get } from "../api/client";
import type { EffectiveLimit, EffectiveLimits } from "../api/views";
import { useCommon, useLanguage } from "../i18n/language";
import { count, money, relative } from "../lib/format";
import { useMay } from "../lib/session";
import { Failed, Skeleton } from "./states";
import { Badge } from "./values";

export type Limited = "key" | "user" | "team";

function read(whose: Limited, id: string, signal: AbortSignal): Promise<EffectiveLimits> {
  if (whose === "key") return get<EffectiveLimits>()("GET /key/limits", { signal, query: { key: id } });
  if (whose === "user") return get<EffectiveLimits>()("GET /user/limits", { signal, query: { user_id: id } });
  return get<EffectiveLimits>()("GET /team/limits", { signal, query: { team_id: id } });
}

/** Every limit that holds a key, person or team, whose it is, and which of its kind binds first. */
export function InEffect({ whose, id }: { whose: Limited; id: string }) {
  const t = useCommon();
  const may = useMay();
  const enabled = may(`${whose}.read`);
  const found = useQuery({ queryKey: ["effective", whose, id], enabled, queryFn: ({ signal }) => read(whose, id, signal) });
  if (!enabled) return null;
  return (
    <section className="stack tight" aria-label={t("effect.title")}>
      <h3>{t("effect.title")}</h3>
      {found.isPending ? <Skeleton lines={3} /> : null}
      {found.isError ? <Failed error={found.error} onRetry={() => void found.refetch()} /> : null}
      {found.data ? <Told told={found.data} /> : null}
    </section>
  );
}

function Told({ told }: { told: EffectiveLimits }) {
  const t = useCommon();
  return (
    <>
      {told.blocked_by.length > 0 ? <p><Badge look="bad">{t("effect.blocked", { by: told.blocked_by.map((each) => t(`level.${each}`)).join(", ") })}</Badge></p> : null}
      {told.limits.length === 0 ? <p className="muted small">{t("effect.none")}</p> : (
        // Wide tables scroll inside; the keyboard reaches that, too.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <div className="table-wrap" role="group" aria-label={t("effect.kind")} tabIndex={0}>
          <table className="data">
            <thead>
              <tr><th scope="col">{t("effect.whose")}</th><th scope="col">{t("effect.kind")}</th><th scope="col" className="num">{t("effect.left")}</th><th scope="col">{t("effect.why")}</th></tr>
            </thead>
            <tbody>{told.limits.map((each, index) => <Line key={index} each={each} />)}</tbody>
          </table>
        </div>
      )}
      {told.models.map((each) => (
        <p key={each.entity} className="small wrap">
          <strong>{t(`level.${each.level}`)}</strong> <span className="muted">{each.name}</span>: {t("effect.models", { names: each.models.join(", ") })}
        </p>
      ))}
    </>
  );
}

function Line({ each }: { each: EffectiveLimit }) {
  const t = useCommon();
  const { language } = useLanguage();
  const shown = (value: number) => (each.kind === "budget" ? money(value, language) : count(value, language));
  const spent = each.remaining !== null && each.remaining <= 0;
  return (
    <tr>
      <th scope="row">{t(`level.${each.level}`)} <span className="muted">{each.name}</span></th>
      <td>{t(`effect.kind.${each.kind}`)}{each.kind !== "parallel" && each.window ? ` / ${each.window}` : ""}{each.model ? <div className="muted small wrap">{t("effect.model", { name: each.model })}</div> : null}</td>
      <td className="num">{each.remaining === null ? shown(each.limit) : t("effect.of", { left: shown(Math.max(0, each.remaining)), limit: shown(each.limit) })}</td>
      <td className="small">
        {spent ? <Badge look="bad">{t("effect.spent")}</Badge> : each.binds ? <Badge look="accent">{t("effect.binds")}</Badge> : null}
        {each.budget_id ? <div className="muted">{t("effect.by_budget", { name: each.budget_id })}</div> : null}
        {each.resets_at ? <div className="muted">{t("budget.resets", { when: relative(each.resets_at, language) })}</div> : null}
      </td>
    </tr>
  );
}
