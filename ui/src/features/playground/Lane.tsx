import { useState } from "react";
import { useLanguage, useText } from "@/shared/i18n/language";
import { count, duration, money } from "@/shared/lib/format";
import type { Call, Result, Turn } from "@/shared/lib/llm/types";
import { Button } from "@/shared/ui/button";
import { Field } from "@/shared/ui/field";
import { Fault } from "@/shared/ui/states";
import { messages } from "./messages";
import { waiting, type Reply } from "./useTalk";

interface LaneProps {
  n: number;
  model: string;
  models: readonly string[];
  reply: Reply;
  cost: number | null;
  /** What each measure is called where this lane is the best of several. */
  best: ReadonlySet<"first" | "took" | "cost">;
  onModel: (model: string) => void;
  onRemove: (() => void) | null;
  onResults: (results: readonly Result[]) => void;
}

/** One model's side of the conversation. What it says is text, whatever it looks like. */
export function Lane({ n, model, models, reply, cost, best, onModel, onRemove, onResults }: LaneProps) {
  const t = useText(messages);
  const { language } = useLanguage();
  const open = waiting(reply);
  const mark = (name: "first" | "took" | "cost") => (best.has(name) ? "best" : undefined);
  return (
    <section className="card lane" aria-label={t("model", { n })}>
      <div className="row tight">
        <select className="select grow" aria-label={t("model", { n })} value={model} onChange={(event) => onModel(event.target.value)}>
          {models.map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
        {onRemove ? <Button look="quiet" icon="close" aria-label={t("remove", { n })} onClick={onRemove} /> : null}
      </div>
      {/* A long conversation scrolls inside; the keyboard reaches that, too. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="stack tight talk" role="log" aria-label={t("talk", { n })} tabIndex={0}>
        {reply.turns.length === 0 ? <p className="muted">{t("empty")}</p> : null}
        {reply.turns.map((turn, index) => <Said key={index} turn={turn} waits={reply.running && index === reply.turns.length - 1} />)}
        <Fault error={reply.error} />
        {reply.stopped ? <p className="muted small">{t("stopped")}</p> : null}
        {open.length > 0 ? <Results key={reply.turns.length} calls={open} onDone={onResults} /> : null}
      </div>
      {reply.took === null ? null : (
        <dl className="row small muted measures">
          <div className={mark("first")}><dt>{t("ttft")}</dt><dd>{reply.first === null ? "–" : duration(reply.first, language)}</dd></div>
          <div className={mark("took")}><dt>{t("total")}</dt><dd>{duration(reply.took, language)}</dd></div>
          <div><dt>{t("tokens")}</dt><dd>{reply.usage ? `${count(reply.usage.input, language)} + ${count(reply.usage.output, language)}` : "–"}</dd></div>
          <div className={mark("cost")}><dt>{t("cost")}</dt><dd title={t("about")}>{cost === null ? "–" : `≈ ${money(cost, language)}`}</dd></div>
        </dl>
      )}
    </section>
  );
}

function Said({ turn, waits }: { turn: Turn; waits: boolean }) {
  const t = useText(messages);
  if (turn.role === "user") {
    return (
      <div className="bubble mine">
        {turn.text}
        {turn.images.length > 0 ? <div className="small muted">{turn.images.map((each) => each.name).join(", ")}</div> : null}
      </div>
    );
  }
  if (turn.role === "tool") {
    return <>{turn.results.map((each, index) => <div key={index} className="bubble mine"><div className="small muted">{t("result_of", { name: each.name })}</div><code>{each.text || "–"}</code></div>)}</>;
  }
  const said = turn.text || (turn.calls.length > 0 ? "" : waits ? <span className="muted">{t("waiting")}</span> : "–");
  return (
    <>
      {said ? <div className="bubble">{said}</div> : null}
      {turn.calls.map((each, index) => (
        <div key={index} className="bubble">
          <div className="small muted">{t("calls", { name: each.name })}</div>
          <code>{each.args || "{}"}</code>
        </div>
      ))}
    </>
  );
}

/** What the called tools say, given by hand. */
function Results({ calls, onDone }: { calls: readonly Call[]; onDone: (results: readonly Result[]) => void }) {
  const t = useText(messages);
  const [texts, setTexts] = useState<readonly string[]>(calls.map(() => ""));
  const send = () => onDone(calls.map((each, index) => ({ id: each.id, name: each.name, text: texts[index] ?? "" })));
  return (
    <form className="stack tight" onSubmit={(event) => { event.preventDefault(); send(); }}>
      {calls.map((each, index) => (
        <Field key={index} label={t("result_of", { name: each.name })}>
          {(ids) => <textarea className="input mono" rows={2} maxLength={200_000} {...ids} value={texts[index] ?? ""} onChange={(event) => setTexts(texts.map((old, at) => (at === index ? event.target.value : old)))} />}
        </Field>
      ))}
      <div className="row"><Button type="submit">{t("send_results")}</Button></div>
    </form>
  );
}
