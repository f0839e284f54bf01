import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useLanguage, useText } from "@/shared/i18n/language";
import { duration } from "@/shared/lib/format";
import { call } from "@/shared/lib/llm/call";
import { Button } from "@/shared/ui/button";
import { SelectField, TextField } from "@/shared/ui/field";
import { Snippets } from "@/shared/ui/snippets";
import { Fault } from "@/shared/ui/states";
import { messages } from "./messages";
import { Step } from "./Step";

interface ChatStepProps {
  n: number;
  models: readonly string[];
  first: string;
  made: string;
}

export function ChatStep({ n, models, first, made }: ChatStepProps) {
  const t = useText(messages);
  const { language } = useLanguage();
  const [chosen, setChosen] = useState("");
  const [typed, setTyped] = useState("");
  const [prompt, setPrompt] = useState<string | null>(null);
  const [answer, setAnswer] = useState<string | null>(null);
  const [took, setTook] = useState<number | null>(null);
  const [running, setRunning] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  const model = [chosen, first].find((each) => each && models.includes(each)) ?? models[0] ?? "";
  const key = typed.trim() || made;
  const text = prompt ?? t("prompt_first");
  const send = async () => {
    const controller = new AbortController();
    const since = performance.now();
    stop.current = controller;
    setAnswer("");
    setTook(null);
    setError(null);
    setRunning(true);
    try {
      await call(
        "chat",
        { key, model, system: "", turns: [{ role: "user", text, images: [] }], temperature: null, maxTokens: null, tools: [], schema: null },
        { text: (piece) => setAnswer((old) => (old ?? "") + piece), call: () => undefined, usage: () => undefined },
        controller.signal,
      );
      setTook(performance.now() - since);
    } catch (problem) {
      if (!controller.signal.aborted) setError(problem);
    }
    if (!controller.signal.aborted) setRunning(false);
  };
  return (
    <Step n={n} title={t("chat")} text={t("chat_text")} done={took !== null}>
      <form className="stack" noValidate onSubmit={(event) => { event.preventDefault(); void send(); }}>
        <div className="fields">
          <TextField label={t("call_as")} hint={made ? undefined : t("chat_key")} type="password" placeholder={made ? `${made.slice(0, 8)}…` : "sk-…"} value={typed} onChange={setTyped} />
          <SelectField label={t("ask")} value={model} options={models.map((each) => [each, each] as const)} onChange={setChosen} />
        </div>
        <TextField label={t("prompt")} value={text} onChange={setPrompt} />
        <div className="row"><Button type="submit" look="primary" disabled={running || !key || !model || !text.trim()}>{t("send")}</Button></div>
      </form>
      <Fault error={error} />
      {answer === null || (error && !answer) ? null : <div className="bubble" role="status">{answer || (running ? <span className="muted">{t("waiting")}</span> : "–")}</div>}
      {took === null ? null : (
        <p className="small">
          {t("answered", { time: duration(took, language) })} <Link to="/logs">{t("to_logs")}</Link> · <Link to="/playground" search={{ model } as never}>{t("to_playground")}</Link>
        </p>
      )}
      <h3>{t("from_tools")}</h3>
      <Snippets value={key || "sk-…"} model={model || "demo"} />
    </Step>
  );
}
