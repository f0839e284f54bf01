import { useLanguage, useText } from "@/shared/i18n/language";
import { count, duration, money } from "@/shared/lib/format";
import { Button } from "@/shared/ui/button";
import { Fault } from "@/shared/ui/states";
import { messages } from "./messages";
import type { Turn, Usage } from "./stream";

export interface Reply {
  turns: Turn[];
  running: boolean;
  stopped: boolean;
  error: unknown;
  first: number | null;
  took: number | null;
  usage: Usage | null;
  cost: number | null;
}

export const QUIET: Reply = { turns: [], running: false, stopped: false, error: null, first: null, took: null, usage: null, cost: null };

interface LaneProps {
  n: number;
  model: string;
  models: readonly string[];
  reply: Reply;
  onModel: (model: string) => void;
  onRemove: (() => void) | null;
}

/** One model's side of the conversation. What it says is text, whatever it looks like. */
export function Lane({ n, model, models, reply, onModel, onRemove }: LaneProps) {
  const t = useText(messages);
  const { language } = useLanguage();
  return (
    <section className="card lane" aria-label={t("model", { n })}>
      <div className="row tight">
        <select className="select grow" aria-label={t("model", { n })} value={model} onChange={(event) => onModel(event.target.value)}>
          {models.map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
        {onRemove ? <Button look="quiet" icon="close" aria-label={t("remove", { n })} onClick={onRemove} /> : null}
      </div>
      <div className="stack tight talk">
        {reply.turns.length === 0 ? <p className="muted">{t("empty")}</p> : null}
        {reply.turns.map((turn, index) => (
          <div key={index} className={turn.role === "user" ? "bubble mine" : "bubble"}>
            {turn.content || (reply.running ? <span className="muted">{t("waiting")}</span> : "–")}
          </div>
        ))}
        <Fault error={reply.error} />
        {reply.stopped ? <p className="muted small">{t("stopped")}</p> : null}
      </div>
      {reply.took === null ? null : (
        <dl className="row small muted measures">
          <div><dt>{t("ttft")}</dt><dd>{reply.first === null ? "–" : duration(reply.first, language)}</dd></div>
          <div><dt>{t("total")}</dt><dd>{duration(reply.took, language)}</dd></div>
          <div><dt>{t("tokens")}</dt><dd>{reply.usage ? `${count(reply.usage.prompt_tokens, language)} + ${count(reply.usage.completion_tokens, language)}` : "–"}</dd></div>
          <div><dt>{t("cost")}</dt><dd title={t("about")}>{reply.cost === null ? "–" : `≈ ${money(reply.cost, language)}`}</dd></div>
        </dl>
      )}
    </section>
  );
}
