import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/shared/api/client";
import type { Deployment } from "@/shared/api/views";
import { useLanguage, useText } from "@/shared/i18n/language";
import { percent } from "@/shared/lib/format";
import { useChange } from "@/shared/lib/form";
import { useMay } from "@/shared/lib/session";
import { Button } from "@/shared/ui/button";
import { Empty, Failed, Fault, Skeleton } from "@/shared/ui/states";
import { toast } from "@/shared/ui/toast";
import { Badge } from "@/shared/ui/values";
import { shares } from "./naming";
import { messages } from "./messages";

const MOST = 10;
const weightOf = (row: Deployment) => (typeof row.litellm_params["weight"] === "number" ? row.litellm_params["weight"] : 1);

/** How requests for one name are divided among its deployments. */
export function Weights() {
  const t = useText(messages);
  const list = useQuery({ queryKey: ["models", "all"], queryFn: ({ signal }) => get<{ data: Deployment[] }>()("GET /v2/model/info", { signal, query: { size: 1000 } }) });
  if (list.isError) return <div className="card"><Failed error={list.error} onRetry={() => void list.refetch()} /></div>;
  if (!list.data) return <div className="card padded"><Skeleton lines={4} /></div>;
  const groups = new Map<string, Deployment[]>();
  for (const row of list.data.data) groups.set(row.model_name, [...(groups.get(row.model_name) ?? []), row]);
  const several = [...groups].filter(([, rows]) => rows.length > 1);
  return (
    <>
      <p className="muted">{t("weights_text")}</p>
      {several.length === 0 ? <div className="card"><Empty icon="routing" title={t("weights_none")} text={t("weights_none_text")} /></div> : null}
      {several.map(([name, rows]) => <Group key={`${name} ${rows.map(weightOf).join()}`} name={name} rows={rows} />)}
    </>
  );
}

function Group({ name, rows }: { name: string; rows: readonly Deployment[] }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const may = useMay();
  const [weights, setWeights] = useState(() => new Map(rows.map((row) => [row.model_info.id, weightOf(row)])));
  const now = shares(rows.map((row) => ({ id: row.model_info.id, weight: weights.get(row.model_info.id) ?? 1 })));
  const changed = rows.filter((row) => weights.get(row.model_info.id) !== weightOf(row));
  const save = useChange(
    async () => {
      for (const row of changed) {
        await get("PATCH /model/{model_id}/update", { path: { model_id: row.model_info.id } as never, body: { litellm_params: { weight: weights.get(row.model_info.id) } } as never });
      }
    },
    () => toast(t("done.saved")),
  );
  return (
    <form className="card padded stack" aria-label={name} noValidate onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
      <h2>{name}</h2>
      {rows.map((row) => {
        const id = row.model_info.id;
        const target = String(row.litellm_params["model"] ?? id);
        const fixed = !row.model_info.db_model || !may("model.write");
        return (
          <div key={id} className="weight">
            <span className="cut" title={id}><code>{target}</code> {row.model_info.db_model ? null : <Badge look="plain">{t("by_file")}</Badge>}</span>
            <input type="range" min={0} max={Math.max(MOST, weights.get(id) ?? 1)} step={0.5} disabled={fixed} aria-label={t("weight_of", { name: `${target} (${id})` })} aria-valuetext={`${weights.get(id) ?? 1}: ${percent(now.get(id) ?? 0, 1, language)}`} value={weights.get(id) ?? 1} onChange={(event) => setWeights(new Map(weights).set(id, Number(event.target.value)))} />
            <span className="num">{weights.get(id) ?? 1}</span>
            <span className="num muted small">{t("share", { share: percent(now.get(id) ?? 0, 1, language) })}</span>
          </div>
        );
      })}
      <Fault error={save.error} />
      {may("model.write") ? <div className="row"><Button type="submit" look="primary" disabled={save.isPending || changed.length === 0}>{t("do.save")}</Button></div> : null}
    </form>
  );
}
