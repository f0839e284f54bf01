import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/shared/api/client";
import type { ModelGroup, NewKey } from "@/shared/api/views";
import { useText } from "@/shared/i18n/language";
import { typedNumber } from "@/shared/lib/format";
import { useChange, useTyped } from "@/shared/lib/form";
import { FORMATS, type FormatName } from "@/shared/lib/llm/call";
import type { Image, Usage } from "@/shared/lib/llm/types";
import { useMay } from "@/shared/lib/session";
import { useUrlState } from "@/shared/lib/urlState";
import { Button } from "@/shared/ui/button";
import { Segments, TextField } from "@/shared/ui/field";
import { Fault } from "@/shared/ui/states";
import { toast } from "@/shared/ui/toast";
import { Composer } from "./Composer";
import { Explain, type Question } from "./Explain";
import { schemaOf, toolsOf } from "./given";
import { Lane } from "./Lane";
import { messages } from "./messages";
import { fits, Setup, START } from "./Setup";
import { useTalk, type Reply } from "./useTalk";

const MOST = 4;
const DEFAULTS = { model: "", format: "chat" };
const NAMES = Object.keys(FORMATS) as FormatName[];

function costOf(usage: Usage | null, group: ModelGroup | undefined): number | null {
  if (usage === null || group?.input_cost_per_token == null || group.output_cost_per_token == null) return null;
  return usage.input * group.input_cost_per_token + usage.output * group.output_cost_per_token;
}

/** The lane that has least of something, where there are several to compare. */
function least(values: readonly (number | null)[]): number {
  const known = values.filter((each): each is number => each !== null);
  return known.length < 2 ? -1 : values.indexOf(Math.min(...known));
}

export function PlaygroundPage() {
  const t = useText(messages);
  const may = useMay();
  const [url, setUrl] = useUrlState(DEFAULTS);
  const groups = useQuery({ queryKey: ["model-groups"], staleTime: 60_000, queryFn: () => get<{ data: ModelGroup[] }>()("GET /model_group/info") });
  const names = (groups.data?.data ?? []).map((each) => each.model_group).filter((name) => !name.includes("*"));
  const format = NAMES.find((name) => name === url.format) ?? "chat";
  const { values, set } = useTyped(START);
  const talk = useTalk();
  const [prompt, setPrompt] = useState("");
  const [images, setImages] = useState<readonly Image[]>([]);
  const [asked, setAsked] = useState<Question | null>(null);
  const [chosen, setChosen] = useState<readonly string[]>([url.model]);
  const models = chosen.map((name) => (name && (names.length === 0 || names.includes(name)) ? name : (names[0] ?? "")));
  const key = (values["key"] ?? "").trim();
  const make = useChange(
    () => get<NewKey>()("POST /key/generate", { body: { key_alias: `playground-${Date.now().toString(36)}`, duration: "1h" } as never }),
    (made) => {
      set("key")(made.key);
      toast(t("key_made"));
    },
  );
  const setup = {
    key,
    system: values["system"] ?? "",
    temperature: typedNumber(values["temperature"] ?? "") ?? null,
    maxTokens: typedNumber(values["most"] ?? "") ?? null,
    tools: toolsOf(values["tools"] ?? "").value ?? [],
    schema: schemaOf(values["schema"] ?? "").value,
  };
  const ready = !talk.running && key !== "" && names.length > 0 && (prompt.trim() !== "" || images.length > 0) && fits(values);
  const send = () => {
    if (!ready) return;
    talk.say(format, setup, models, { role: "user", text: prompt.trim(), images });
    setPrompt("");
    setImages([]);
  };
  const groupOf = (lane: number) => groups.data?.data.find((each) => each.model_group === models[lane]);
  const costs = talk.replies.map((each, lane) => costOf(each.usage, groupOf(lane)));
  const done = talk.replies.map((each) => (each.error || each.running ? null : each));
  const bests = { first: least(done.map((each) => each?.first ?? null)), took: least(done.map((each: Reply | null) => each?.took ?? null)), cost: least(costs) };
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t("nav.playground")}</h1>
          <p>{t("intro")}</p>
        </div>
        <div className="row">
          <Button disabled={talk.running} onClick={talk.clear}>{t("clear")}</Button>
          {models.length < MOST ? (
            <Button icon="plus" disabled={talk.running} onClick={() => { setChosen([...models, names[models.length] ?? names[0] ?? ""]); talk.add(); }}>
              {t("add")}
            </Button>
          ) : null}
        </div>
      </div>
      {groups.data && names.length === 0 ? <p className="notice warn">{t("no_models")}</p> : null}
      <div className="card padded stack">
        <div className="row end">
          <div className="grow"><TextField label={t("key")} hint={t("key_hint")} type="password" placeholder="sk-…" value={values["key"] ?? ""} onChange={set("key")} /></div>
          {may("key.create") ? <Button disabled={make.isPending} onClick={() => make.mutate(undefined)}>{t("key_make")}</Button> : null}
        </div>
        <Fault error={make.error} />
        <div className="stack tight">
          <span className="small">{t("format")}</span>
          <div><Segments label={t("format")} value={format} options={NAMES.map((name) => [name, t(`format.${name}`)] as const)} onChange={(name) => setUrl({ format: name })} /></div>
        </div>
        <Setup values={values} set={set} />
      </div>
      <div className="lanes">
        {talk.replies.map((reply, lane) => (
          <Lane
            key={lane}
            n={lane + 1}
            model={models[lane] ?? ""}
            models={names}
            reply={reply}
            cost={costs[lane] ?? null}
            best={new Set((["first", "took", "cost"] as const).filter((name) => bests[name] === lane))}
            onModel={(name) => setChosen(models.map((each, index) => (index === lane ? name : each)))}
            onRemove={talk.replies.length > 1 && !talk.running ? () => { setChosen(models.filter((_, index) => index !== lane)); talk.remove(lane); } : null}
            onResults={(results) => talk.answer(format, setup, models, lane, results)}
          />
        ))}
      </div>
      <Composer prompt={prompt} images={images} ready={ready} onPrompt={setPrompt} onImages={setImages} onSend={send}>
        {may("key.read") ? (
          <Button title={t("explain_hint")} disabled={!key || names.length === 0} onClick={() => setAsked({ key, model: models[0] ?? "", prompt, system: setup.system, temperature: setup.temperature, maxTokens: setup.maxTokens })}>
            {t("explain")}
          </Button>
        ) : null}
        {talk.running ? <Button onClick={talk.stop}>{t("stop")}</Button> : null}
      </Composer>
      {asked ? <Explain question={asked} onClose={() => setAsked(null)} /> : null}
    </>
  );
}
