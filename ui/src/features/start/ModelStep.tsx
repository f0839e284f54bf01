import { useState } from "react";
import { useText } from "@/shared/i18n/language";
import { faultOf, isPlaced, useChange } from "@/shared/lib/form";
import { publicName } from "@/shared/lib/providers";
import { Button } from "@/shared/ui/button";
import { SelectField, TextField } from "@/shared/ui/field";
import { Fault } from "@/shared/ui/states";
import { toast } from "@/shared/ui/toast";
import { addModel } from "./api";
import { messages } from "./messages";
import type { Saved } from "./ProviderStep";
import { Step } from "./Step";

interface ModelStepProps {
  saved: Saved;
  credentials: readonly string[];
  models: readonly string[];
  onAdded: (name: string) => void;
}

/** Made anew (by its key) when another provider was saved: then its fields begin with that. */
export function ModelStep({ saved, credentials, models, onAdded }: ModelStepProps) {
  const t = useText(messages);
  const [target, setTarget] = useState(saved.model);
  const [name, setName] = useState(publicName(saved.model));
  const [credential, setCredential] = useState(saved.credential);
  const add = useChange(
    () => addModel(name.trim(), target.trim(), credential),
    () => {
      toast(t("done.created", { name: name.trim() }));
      onAdded(name.trim());
    },
  );
  return (
    <Step n={2} title={t("model")} text={t("model_text")} done={models.length > 0}>
      {models.length > 0 ? <p className="small muted wrap">{t("model_have", { names: models.slice(0, 6).join(", ") + (models.length > 6 ? ` +${models.length - 6}` : "") })}</p> : null}
      <form className="stack" noValidate onSubmit={(event) => { event.preventDefault(); add.mutate(undefined); }}>
        <div className="fields">
          <TextField label={t("target")} placeholder="openai/gpt-5-mini" value={target} onChange={(text) => { setTarget(text); if (name === publicName(target)) setName(publicName(text)); }} fault={faultOf(add.error, "litellm_params")} />
          <TextField label={t("name")} placeholder="gpt-5-mini" value={name} onChange={setName} fault={faultOf(add.error, "model_name")} />
          <SelectField label={t("credential")} value={credential} options={[["", t("credential_none")], ...credentials.map((each): [string, string] => [each, each])]} onChange={setCredential} />
        </div>
        {isPlaced(add.error, ["model_name", "litellm_params"]) ? null : <Fault error={add.error} />}
        <div className="row"><Button type="submit" look={models.length > 0 ? undefined : "primary"} disabled={add.isPending || !target.trim() || !name.trim()}>{t("add")}</Button></div>
      </form>
    </Step>
  );
}
