import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, get } from "@/shared/api/client";
import type { Deployment } from "@/shared/api/views";
import { useLanguage, useText } from "@/shared/i18n/language";
import { duration, typedNumber } from "@/shared/lib/format";
import { faultOf, isPlaced, useChange, useTyped } from "@/shared/lib/form";
import { formOf, PROVIDERS, publicName } from "@/shared/lib/providers";
import { useMay } from "@/shared/lib/session";
import { Button } from "@/shared/ui/button";
import { Conflict } from "@/shared/ui/conflict";
import { Dialog } from "@/shared/ui/dialog";
import { SelectField, TextField } from "@/shared/ui/field";
import { Fault } from "@/shared/ui/states";
import { toast } from "@/shared/ui/toast";
import { changeOf, listCredentials, paramsOf, readModel, saidOf, test, typedModel } from "./api";
import { messages } from "./messages";

const EXAMPLES = [...PROVIDERS.flatMap((each) => (each.models.length > 0 ? each.models.map((model) => each.prefix + model) : [each.prefix])), "demo/demo"];

/** A change without its two levels. */
function flat({ litellm_params: params, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return { ...rest, ...(params as Record<string, unknown> | undefined) };
}

interface ModelFormProps {
  found: Deployment | null;
  /** The version that `found` is. */
  etag?: string | null;
  onClose: () => void;
}

export function ModelForm({ found, etag = null, onClose }: ModelFormProps) {
  const t = useText(messages);
  const { language } = useLanguage();
  const may = useMay();
  const { values, set, setValues } = useTyped(typedModel(found));
  const credentials = useQuery({ queryKey: ["credentials"], queryFn: listCredentials, enabled: may("credential.read") });
  const [base, setBase] = useState({ said: saidOf(typedModel(found)), etag });
  const [theirs, setTheirs] = useState<{ row: Deployment; etag: string | null } | null>(null);
  const params = paramsOf(values);
  const mine = changeOf(base.said, saidOf(values));
  const probe = useMutation({ mutationFn: () => test(params) });
  const save = useChange(
    async (ifMatch: string | null) => {
      if (found === null) return get("POST /model/new", { body: { model_name: values["model_name"]?.trim(), litellm_params: params } as never });
      try {
        return await get("PATCH /model/{model_id}/update", { path: { model_id: found.model_info.id } as never, body: mine as never, ifMatch });
      } catch (error) {
        if (error instanceof ApiError && error.trouble === "conflict") setTheirs(await readModel(found.model_info.id));
        throw error;
      }
    },
    () => {
      toast(found ? t("done.saved") : t("done.created", { name: values["model_name"] ?? "" }));
      onClose();
    },
  );
  const names: [string, string][] = [["", t("credential_none")], ...(credentials.data?.credentials ?? []).map((each): [string, string] => [each.credential_name, each.credential_name])];
  const fault = (name: string) => faultOf(save.error, name);
  const wrong = (name: string) => (typedNumber(values[name] ?? "") === undefined ? t("field.number") : null);
  const bad = ["input", "output", "cached", "weight"].map(wrong).find((each) => each !== null) ?? null;
  const form = formOf(values["model"] ?? "", values["api_base"] ?? "");
  const choose = (id: string) => {
    const next = PROVIDERS.find((each) => each.id === id);
    if (!next) return;
    const model = next.prefix + (next.models[0] ?? "");
    setValues((old) => ({ ...old, model, model_name: old["model_name"] || publicName(next.models[0] ?? ""), api_base: next.base === "needed" ? (next.baseExample ?? "") : "", api_version: "" }));
  };
  return (
    <Dialog
      title={found ? t("edit_title", { name: found.model_name }) : t("new")}
      onClose={onClose}
      onSubmit={() => save.mutate(base.etag)}
      foot={
        <>
          <Button disabled={probe.isPending || !values["model"]} onClick={() => probe.mutate()}>{probe.isPending ? t("testing") : t("test")}</Button>
          <span className="grow" />
          <Button onClick={onClose}>{t("do.cancel")}</Button>
          <Button type="submit" look="primary" disabled={save.isPending || !values["model_name"]?.trim() || !values["model"]?.trim() || bad !== null || (found !== null && Object.keys(mine).length === 0)}>
            {found ? t("do.save") : t("do.create")}
          </Button>
        </>
      }
    >
      {found ? null : <SelectField label={t("provider")} value={form?.id ?? ""} options={[["", t("provider_other")], ...PROVIDERS.map((each): [string, string] => [each.id, each.label])]} onChange={choose} />}
      <TextField label={t("name")} hint={t("name_hint")} autoFocus value={values["model_name"] ?? ""} onChange={set("model_name")} fault={fault("model_name")} />
      <TextField label={t("target")} hint={t("target_hint")} list={EXAMPLES} value={values["model"] ?? ""} onChange={set("model")} />
      <TextField label={t("base")} hint={t("base_hint")} placeholder={form?.baseExample ?? "https://…/v1"} value={values["api_base"] ?? ""} onChange={set("api_base")} />
      {form?.version ? <TextField label={t("api_version")} placeholder="2025-04-01-preview" value={values["api_version"] ?? ""} onChange={set("api_version")} /> : null}
      <div className="fields">
        <SelectField label={t("credential")} value={values["credential"] ?? ""} options={names} onChange={set("credential")} />
        {values["credential"] ? null : (
          <TextField label={t("api_key")} hint={t(found ? "api_key_edit" : "api_key_hint")} type="password" autoComplete="new-password" value={values["api_key"] ?? ""} onChange={set("api_key")} />
        )}
      </div>
      <div className="fields">
        <TextField label={t("input_price")} hint={t("price_hint")} inputMode="decimal" value={values["input"] ?? ""} onChange={set("input")} fault={wrong("input")} />
        <TextField label={t("output_price")} hint={t("price_hint")} inputMode="decimal" value={values["output"] ?? ""} onChange={set("output")} fault={wrong("output")} />
      </div>
      <div className="fields">
        <TextField label={t("cached_price")} hint={t("price_hint")} inputMode="decimal" value={values["cached"] ?? ""} onChange={set("cached")} fault={wrong("cached")} />
        <TextField label={t("weight")} hint={t("weight_hint")} inputMode="decimal" value={values["weight"] ?? ""} onChange={set("weight")} fault={wrong("weight")} />
      </div>
      {probe.data ? (
        <div className={probe.data.status === "success" ? "notice good" : "notice bad"} role="status">
          {probe.data.status === "success"
            ? t("test_good", { time: duration(probe.data.result.response_time_ms ?? 0, language) })
            : t("test_bad", { why: String(probe.data.result.error ?? probe.data.result.message ?? "") })}
        </div>
      ) : null}
      <Fault error={probe.error} />
      {isPlaced(save.error, ["model_name"]) ? null : <Fault error={save.error} />}
      {theirs ? (
        <Conflict
          mine={flat(mine)}
          theirs={saidOf(typedModel(theirs.row))}
          labels={{ model_name: t("name"), model: t("target"), api_base: t("base"), weight: t("weight"), input_cost_per_token: t("input_price"), output_cost_per_token: t("output_price") }}
          onClose={() => setTheirs(null)}
          onDiscard={() => {
            setValues(typedModel(theirs.row));
            setBase({ said: saidOf(typedModel(theirs.row)), etag: theirs.etag });
            setTheirs(null);
            save.reset();
          }}
          onOverwrite={() => {
            const { etag: now } = theirs;
            setTheirs(null);
            save.mutate(now);
          }}
        />
      ) : null}
    </Dialog>
  );
}
