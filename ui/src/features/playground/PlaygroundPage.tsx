import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { get } from "@/shared/api/client";
import type { ModelGroup, NewKey } from "@/shared/api/views";
import { useText } from "@/shared/i18n/language";
import { typedNumber } from "@/shared/lib/format";
import { useChange } from "@/shared/lib/form";
import { useMay } from "@/shared/lib/session";
import { Button } from "@/shared/ui/button";
import { Field, TextField } from "@/shared/ui/field";
import { Fault } from "@/shared/ui/states";
import { toast } from "@/shared/ui/toast";
import { Explain, type Question } from "./Explain";
import { Lane, QUIET, type Reply } from "./Lane";
import { messages } from "./messages";
import { chat, type Turn, type Usage } from "./stream";

const MOST = 4;

function costOf(usage: Usage, group: ModelGroup | undefined): number | null {
  if (group?.input_cost_per_token == null || group.output_cost_per_token == null) return null;
  return usage.prompt_tokens * group.input_cost_per_token + usage.completion_tokens * group.output_cost_per_token;
}

export function PlaygroundPage() {
  const t = useText(messages);
  const may = useMay();
  const groups = useQuery({ queryKey: ["model-groups"], staleTime: 60_000, queryFn: () => get<{ data: ModelGroup[] }>()("GET /model_group/info") });
  const names = (groups.data?.data ?? []).map((each) => each.model_group).filter((name) => !name.includes("*"));
  const [key, setKey] = useState("");
  const [chosen, setChosen] = useState<string[]>([""]);
  const [replies, setReplies] = useState<Reply[]>([QUIET]);
  const [prompt, setPrompt] = useState("");
  const [system, setSystem] = useState("");
  const [temperature, setTemperature] = useState("");
  const [most, setMost] = useState("");
  const [asked, setAsked] = useState<Question | null>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  const models = chosen.map((name) => name || names[0] || "");
  const running = replies.some((each) => each.running);
  const make = useChange(
    () => get<NewKey>()("POST /key/generate", { body: { key_alias: `playground-${Date.now().toString(36)}`, duration: "1h" } as never }),
    (made) => {
      setKey(made.key);
      toast(t("key_made"));
    },
  );
  const patch = (lane: number, change: (old: Reply) => Partial<Reply>) =>
    setReplies((old) => old.map((each, index) => (index === lane ? { ...each, ...change(each) } : each)));

  const ask = async (lane: number, turns: Turn[], signal: AbortSignal) => {
    const began = performance.now();
    const group = groups.data?.data.find((each) => each.model_group === models[lane]);
    try {
      await chat(
        { key: key.trim(), model: models[lane] ?? "", turns: system.trim() ? [{ role: "system", content: system }, ...turns] : turns, temperature: typedNumber(temperature) ?? null, maxTokens: typedNumber(most) ?? null },
        {
          text: (piece) =>
            patch(lane, (old) => {
              const last = old.turns.at(-1);
              const grown: Turn = { role: "assistant", content: (last?.content ?? "") + piece };
              return { turns: [...old.turns.slice(0, -1), grown], first: old.first ?? performance.now() - began };
            }),
          usage: (usage) => patch(lane, () => ({ usage, cost: costOf(usage, group) })),
        },
        signal,
      );
    } catch (error) {
      patch(lane, () => (signal.aborted ? { stopped: true } : { error }));
    }
    patch(lane, () => ({ running: false, took: performance.now() - began }));
  };
  const send = () => {
    const text = prompt.trim();
    if (!text || !key.trim() || running) return;
    const controller = new AbortController();
    stop.current = controller;
    setPrompt("");
    setReplies(
      replies.map((old, lane) => {
        // An answer that never came is no part of what was said.
        const turns: Turn[] = [...old.turns.filter((turn) => turn.content !== ""), { role: "user", content: text }];
        void ask(lane, turns, controller.signal);
        return { ...QUIET, turns: [...turns, { role: "assistant", content: "" }], running: true };
      }),
    );
  };
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t("nav.playground")}</h1>
          <p>{t("intro")}</p>
        </div>
        <div className="row">
          <Button disabled={running} onClick={() => setReplies(models.map(() => QUIET))}>{t("clear")}</Button>
          {models.length < MOST ? (
            <Button icon="plus" disabled={running} onClick={() => { setChosen([...models, names[models.length] ?? names[0] ?? ""]); setReplies([...replies, QUIET]); }}>
              {t("add")}
            </Button>
          ) : null}
        </div>
      </div>
      {groups.data && names.length === 0 ? <p className="notice warn">{t("no_models")}</p> : null}
      <div className="card padded stack">
        <div className="row end">
          <div className="grow"><TextField label={t("key")} hint={t("key_hint")} type="password" placeholder="sk-…" value={key} onChange={setKey} /></div>
          {may("key.create") ? <Button disabled={make.isPending} onClick={() => make.mutate(undefined)}>{t("key_make")}</Button> : null}
        </div>
        <Fault error={make.error} />
        <details>
          <summary className="small">{t("options")}</summary>
          <div className="stack tight options">
            <Field label={t("system")}>{(ids) => <textarea className="input" {...ids} value={system} maxLength={100_000} onChange={(event) => setSystem(event.target.value)} />}</Field>
            <div className="fields">
              <TextField label={t("temperature")} placeholder={t("usual")} inputMode="decimal" value={temperature} onChange={setTemperature} fault={typedNumber(temperature) === undefined ? t("field.number") : null} />
              <TextField label={t("max_tokens")} placeholder={t("usual")} inputMode="decimal" value={most} onChange={setMost} fault={typedNumber(most) === undefined ? t("field.number") : null} />
            </div>
          </div>
        </details>
      </div>
      <div className="lanes">
        {replies.map((reply, lane) => (
          <Lane
            key={lane}
            n={lane + 1}
            model={models[lane] ?? ""}
            models={names}
            reply={reply}
            onModel={(name) => setChosen(models.map((each, index) => (index === lane ? name : each)))}
            onRemove={replies.length > 1 && !running ? () => { setChosen(models.filter((_, index) => index !== lane)); setReplies(replies.filter((_, index) => index !== lane)); } : null}
          />
        ))}
      </div>
      <form className="card padded stack tight" onSubmit={(event) => { event.preventDefault(); send(); }}>
        <Field label={t("prompt")} hint={t("prompt_hint")}>
          {(ids) => (
            <textarea className="input" {...ids} value={prompt} maxLength={500_000} onChange={(event) => setPrompt(event.target.value)} onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send(); } }} />
          )}
        </Field>
        <div className="row">
          <Button type="submit" look="primary" disabled={running || !prompt.trim() || !key.trim() || names.length === 0}>{t("send")}</Button>
          {may("key.read") ? (
            <Button title={t("explain_hint")} disabled={!key.trim() || names.length === 0} onClick={() => setAsked({ key: key.trim(), model: models[0] ?? "", prompt, system, temperature: typedNumber(temperature) ?? null, maxTokens: typedNumber(most) ?? null })}>
              {t("explain")}
            </Button>
          ) : null}
          {running ? <Button onClick={() => stop.current?.abort()}>{t("stop")}</Button> : null}
        </div>
      </form>
      {asked ? <Explain question={asked} onClose={() => setAsked(null)} /> : null}
    </>
  );
}
