import { useMutation, useQuery } from "@tanstack/react-query";
import { get } from "@/shared/api/client";
import type { Deployment } from "@/shared/api/views";
import { useLanguage, useText } from "@/shared/i18n/language";
import { duration, typedNumber } from "@/shared/lib/format";
import { faultOf, isPlaced, useChange, useTyped } from "@/shared/lib/form";
import { useMay } from "@/shared/lib/session";
import { Button } from "@/shared/ui/button";
import { Dialog } from "@/shared/ui/dialog";
import { SelectField, TextField } from "@/shared/ui/field";
import { Fault } from "@/shared/ui/states";
import { toast } from "@/shared/ui/toast";
import { listCredentials, paramsOf, test, typedModel } from "./api";
import { messages } from "./messages";

const EXAMPLES = ["openai/", "azure/", "mistral/", "groq/", "deepseek/", "openrouter/", "together_ai/", "fireworks_ai/", "ollama/", "hosted_vllm/", "xai/", "demo/demo"];

export function ModelForm({ found, onClose }: { found: Deployment | null; onClose: () => void }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const may = useMay();
  const { values, set } = useTyped(typedModel(found));
  const credentials = useQuery({ queryKey: ["credentials"], queryFn: listCredentials, enabled: may("credential.read") });
  const params = paramsOf(values);
  const probe = useMutation({ mutationFn: () => test(params) });
  const save = useChange(
    () => {
      if (found === null) return get("POST /model/new", { body: { model_name: values["model_name"]?.trim(), litellm_params: params } as never });
      return get("PATCH /model/{model_id}/update", { path: { model_id: found.model_info.id } as never, body: { model_name: values["model_name"]?.trim(), litellm_params: params } as never });
    },
    () => {
      toast(found ? t("done.saved") : t("done.created", { name: values["model_name"] ?? "" }));
      onClose();
    },
  );
  const names: [string, string][] = [["", t("credential_none")], ...(credentials.data?.credentials ?? []).map((each): [string, string] => [each.credential_name, each.credential_name])];
  const fault = (name: string) => faultOf(save.error, name);
  const wrong = (name: string) => (typedNumber(values[name] ?? "") === undefined ? t("field.number") : null);
  const bad = wrong("input") ?? wrong("output");
  return (
    <Dialog
      title={found ? t("edit_title", { name: found.model_name }) : t("new")}
      onClose={onClose}
      onSubmit={() => save.mutate(undefined)}
      foot={
        <>
          <Button disabled={probe.isPending || !values["model"]} onClick={() => probe.mutate()}>{probe.isPending ? t("testing") : t("test")}</Button>
          <span className="grow" />
          <Button onClick={onClose}>{t("do.cancel")}</Button>
          <Button type="submit" look="primary" disabled={save.isPending || !values["model_name"]?.trim() || !values["model"]?.trim() || bad !== null}>
            {found ? t("do.save") : t("do.create")}
          </Button>
        </>
      }
    >
      <TextField label={t("name")} hint={t("name_hint")} autoFocus value={values["model_name"] ?? ""} onChange={set("model_name")} fault={fault("model_name")} />
      <TextField label={t("target")} hint={t("target_hint")} list={EXAMPLES} value={values["model"] ?? ""} onChange={set("model")} />
      <TextField label={t("base")} hint={t("base_hint")} placeholder="https://…/v1" value={values["api_base"] ?? ""} onChange={set("api_base")} />
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
      {probe.data ? (
        <div className={probe.data.status === "success" ? "notice good" : "notice bad"} role="status">
          {probe.data.status === "success"
            ? t("test_good", { time: duration(probe.data.result.response_time_ms ?? 0, language) })
            : t("test_bad", { why: String(probe.data.result.error ?? probe.data.result.message ?? "") })}
        </div>
      ) : null}
      <Fault error={probe.error} />
      {isPlaced(save.error, ["model_name"]) ? null : <Fault error={save.error} />}
    </Dialog>
  );
}
