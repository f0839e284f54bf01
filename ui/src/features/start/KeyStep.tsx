import { useState } from "react";
import { useText } from "@/shared/i18n/language";
import { typedNumber } from "@/shared/lib/format";
import { faultOf, isPlaced, useChange } from "@/shared/lib/form";
import { Button, Copy } from "@/shared/ui/button";
import { TextField } from "@/shared/ui/field";
import { Fault } from "@/shared/ui/states";
import { makeKey } from "./api";
import { messages } from "./messages";
import { Step } from "./Step";

export function KeyStep({ n, made, done, onMade }: { n: number; made: string; done: boolean; onMade: (key: string) => void }) {
  const t = useText(messages);
  const [name, setName] = useState("first-key");
  const [budget, setBudget] = useState("5");
  const amount = typedNumber(budget);
  const make = useChange(() => makeKey(name.trim(), amount ?? null), (key) => onMade(key.key));
  return (
    <Step n={n} title={t("key")} text={t("key_text")} done={done}>
      {made ? (
        <div className="stack tight">
          <div className="notice warn">{t("key_once")}</div>
          <pre className="code" data-testid="new-key" aria-label={t("key_yours")}>{made}</pre>
          <div className="row"><Copy text={made} tiny={false} label={t("key_copy")}>{t("key_copy")}</Copy></div>
        </div>
      ) : (
        <form className="stack" noValidate onSubmit={(event) => { event.preventDefault(); make.mutate(undefined); }}>
          <div className="fields">
            <TextField label={t("key_name")} value={name} onChange={setName} fault={faultOf(make.error, "key_alias")} />
            <TextField label={t("field.max_budget")} inputMode="decimal" value={budget} onChange={setBudget} fault={amount === undefined ? t("field.number") : faultOf(make.error, "max_budget")} />
          </div>
          {isPlaced(make.error, ["key_alias", "max_budget"]) ? null : <Fault error={make.error} />}
          <div className="row"><Button type="submit" look="primary" disabled={make.isPending || !name.trim() || amount === undefined}>{t("key_make")}</Button></div>
        </form>
      )}
    </Step>
  );
}
