import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, ask, get } from "@/shared/api/client";
import { useText } from "@/shared/i18n/language";
import { faultOf, isPlaced, listOf, useChange } from "@/shared/lib/form";
import { useMay } from "@/shared/lib/session";
import { useModelNames } from "@/shared/ui/allowance";
import { Button } from "@/shared/ui/button";
import { Confirm } from "@/shared/ui/dialog";
import { SelectField, TextField } from "@/shared/ui/field";
import { Failed, Fault, Skeleton } from "@/shared/ui/states";
import { toast } from "@/shared/ui/toast";
import { messages } from "./messages";

const KINDS = ["general", "context_window", "content_policy"] as const;
type Kind = (typeof KINDS)[number];
interface Stored {
  models: string[];
  source: "db" | "config" | null;
  etag: string | null;
}

async function read(model: string, kind: Kind, signal: AbortSignal): Promise<Stored> {
  try {
    const found = await ask<{ fallback_models: string[]; source: "db" | "config" }>()("GET /fallback/{model}", { signal, path: { model } as never, query: { fallback_type: kind } as never });
    return { models: found.data.fallback_models, source: found.data.source, etag: found.etag };
  } catch (error) {
    if (error instanceof ApiError && error.trouble === "missing") return { models: [], source: null, etag: null };
    throw error;
  }
}

export function Fallbacks() {
  const t = useText(messages);
  const names = useModelNames();
  const [model, setModel] = useState("");
  const [kind, setKind] = useState<Kind>("general");
  const chosen = model || (names.data?.[0] ?? "");
  const found = useQuery({ queryKey: ["fallback", chosen, kind], enabled: chosen !== "", queryFn: ({ signal }) => read(chosen, kind, signal) });
  return (
    <section className="card padded stack">
      <div>
        <h2>{t("fallbacks")}</h2>
        <p className="muted">{t("fallbacks_text")}</p>
      </div>
      <div className="fields">
        <SelectField label={t("model")} value={chosen} onChange={setModel} options={(names.data ?? []).map((each) => [each, each] as const)} />
        <SelectField label={t("when")} value={kind} onChange={setKind} options={KINDS.map((each) => [each, t(`kind.${each}`)] as const)} />
      </div>
      {found.isPending && chosen ? <Skeleton lines={2} /> : null}
      {found.isError ? <Failed error={found.error} onRetry={() => void found.refetch()} /> : null}
      {found.data ? <Order key={`${chosen} ${kind} ${found.data.etag} ${found.data.models.join()}`} model={chosen} kind={kind} stored={found.data} names={names.data ?? []} /> : null}
    </section>
  );
}

function Order({ model, kind, stored, names }: { model: string; kind: Kind; stored: Stored; names: readonly string[] }) {
  const t = useText(messages);
  const may = useMay();
  const [text, setText] = useState(stored.models.join(", "));
  const [going, setGoing] = useState(false);
  const typed = listOf(text);
  const save = useChange(
    () => get("POST /fallback", { ifMatch: stored.etag, body: { model, fallback_models: typed, fallback_type: kind } as never }),
    () => toast(t("done.saved")),
  );
  const remove = useChange(
    () => get("DELETE /fallback/{model}", { ifMatch: stored.etag, path: { model } as never, query: { fallback_type: kind } as never }),
    () => {
      toast(t("removed", { name: model }));
      setGoing(false);
    },
  );
  const fixed = stored.source === "config" || !may("fallback.write");
  const fault = faultOf(save.error, "fallback_models");
  return (
    <>
    <form className="stack" noValidate onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
      <TextField label={t("then")} hint={stored.source === "config" ? t("of_the_file") : t("then_hint")} value={text} onChange={setText} disabled={fixed} list={names.filter((each) => each !== model)} fault={fault} />
      {isPlaced(save.error, ["fallback_models"]) ? null : <Fault error={save.error} />}
      {fixed ? null : (
        <div className="row">
          <Button type="submit" look="primary" disabled={save.isPending || typed.length === 0 || typed.join() === stored.models.join()}>{t("do.save")}</Button>
          {stored.source === "db" ? <Button look="danger" disabled={remove.isPending} onClick={() => { remove.reset(); setGoing(true); }}>{t("remove")}</Button> : null}
        </div>
      )}
    </form>
    {going ? <Confirm title={t("remove_title", { name: model })} text={t("remove_text")} action={t("remove")} busy={remove.isPending} fault={<Fault error={remove.error} />} onConfirm={() => remove.mutate(undefined)} onClose={() => setGoing(false)} /> : null}
    </>
  );
}
