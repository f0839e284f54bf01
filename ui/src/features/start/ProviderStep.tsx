import { useState } from "react";
import { useLanguage, useText } from "@/shared/i18n/language";
import { duration } from "@/shared/lib/format";
import { faultOf, useChange, useTyped } from "@/shared/lib/form";
import { PROVIDERS } from "@/shared/lib/providers";
import { Button } from "@/shared/ui/button";
import { SelectField, TextField } from "@/shared/ui/field";
import { Fault } from "@/shared/ui/states";
import { freeName, saveCredential, testProvider } from "./api";
import { messages } from "./messages";
import { Step } from "./Step";

export interface Saved {
  credential: string;
  model: string;
}
type Outcome = { saved: string; time: number | null } | { why: string };

const [FIRST] = PROVIDERS;

export function ProviderStep({ stored, onSaved }: { stored: readonly string[]; onSaved: (saved: Saved) => void }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const { values, set, setValues } = useTyped({ provider: FIRST?.id ?? "", api_key: "", api_base: "", api_version: "", model: FIRST?.models[0] ?? "" });
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const form = PROVIDERS.find((each) => each.id === values["provider"]) ?? FIRST;
  const store = async (time: number | null) => {
    if (!form) return;
    const name = freeName(form.id, stored);
    await saveCredential(name, form, values);
    setOutcome({ saved: name, time });
    onSaved({ credential: name, model: form.prefix + (values["model"] ?? "").trim() });
    setValues((old) => ({ ...old, api_key: "" }));
  };
  const save = useChange(async (untested: boolean) => {
    setOutcome(null);
    if (!form) return;
    if (untested) return store(null);
    const tested = await testProvider(form, values);
    if (tested.status === "success") return store(tested.result.response_time_ms ?? 0);
    setOutcome({ why: String(tested.result.error ?? tested.result.message ?? "") });
  });
  if (!form) return null;
  const missing = !values["model"]?.trim() || (form.key === "needed" && !values["api_key"]?.trim()) || (form.base === "needed" && !values["api_base"]?.trim());
  const choose = (id: string) => {
    const next = PROVIDERS.find((each) => each.id === id);
    setOutcome(null);
    setValues((old) => ({ ...old, provider: id, model: next?.models[0] ?? "", api_base: "", api_version: "" }));
  };
  return (
    <Step n={1} title={t("provider")} text={t("provider_text")} done={stored.length > 0}>
      {stored.length > 0 ? <p className="small muted">{t("provider_have", { names: stored.join(", ") })}</p> : <p className="small muted">{t("provider_demo")}</p>}
      <form className="stack" noValidate onSubmit={(event) => { event.preventDefault(); save.mutate(false); }}>
        <div className="fields">
          <SelectField label={t("which")} value={form.id} options={PROVIDERS.map((each) => [each.id, each.label] as const)} onChange={choose} />
          <TextField label={t("api_key")} hint={form.key === "optional" ? t("api_key_optional") : undefined} type="password" autoComplete="new-password" value={values["api_key"] ?? ""} onChange={set("api_key")} />
        </div>
        <div className="fields">
          {form.base === "none" ? null : <TextField label={t("api_base")} placeholder={form.baseExample} value={values["api_base"] ?? ""} onChange={set("api_base")} />}
          {form.version ? <TextField label={t("api_version")} placeholder="2025-04-01-preview" value={values["api_version"] ?? ""} onChange={set("api_version")} /> : null}
          <TextField label={t("test_with")} hint={t("test_hint")} list={form.models} value={values["model"] ?? ""} onChange={set("model")} />
        </div>
        {outcome && "why" in outcome ? <div className="notice bad" role="alert"><span className="wrap">{t("test_bad", { why: outcome.why })}</span></div> : null}
        {outcome && "saved" in outcome ? (
          <div className="notice good" role="status">{outcome.time === null ? t("saved_untested", { name: outcome.saved }) : t("saved", { name: outcome.saved, time: duration(outcome.time, language) })}</div>
        ) : null}
        {faultOf(save.error, "credential_name") ? <p className="notice bad" role="alert">{faultOf(save.error, "credential_name")}</p> : <Fault error={save.error} />}
        <div className="row">
          <Button type="submit" look="primary" disabled={save.isPending || missing}>{save.isPending ? t("testing") : t("test_save")}</Button>
          {outcome && "why" in outcome ? <Button disabled={save.isPending || missing} onClick={() => save.mutate(true)}>{t("save_anyway")}</Button> : null}
        </div>
      </form>
    </Step>
  );
}
