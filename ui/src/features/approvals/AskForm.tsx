import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useLanguage, useText } from "@/shared/i18n/language";
import { money, typedNumber } from "@/shared/lib/format";
import { faultOf, isPlaced, listOf, useChange } from "@/shared/lib/form";
import { Button } from "@/shared/ui/button";
import { Dialog } from "@/shared/ui/dialog";
import { Field, SelectField, TextField } from "@/shared/ui/field";
import { Failed, Fault, Skeleton } from "@/shared/ui/states";
import { toast } from "@/shared/ui/toast";
import { askFor, mine } from "./api";
import { messages } from "./messages";

/** Asks for more for oneself, or for the key `about`. */
export function AskForm({ user, about, onClose }: { user: string; about: string; onClose: () => void }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const [subject, setSubject] = useState(about);
  const [budget, setBudget] = useState("");
  const [models, setModels] = useState("");
  const [reason, setReason] = useState("");
  const found = useQuery({ queryKey: ["mine", user], queryFn: ({ signal }) => mine(user, signal) });
  const send = useChange(
    () => askFor({ key: subject || null, max_budget: typedNumber(budget) ?? null, models: listOf(models), reason }),
    () => {
      toast(t("sent"));
      onClose();
    },
  );
  const keys = found.data?.keys ?? [];
  const chosen = keys.find((each) => each.token === subject) ?? found.data?.me;
  const wrong = typedNumber(budget) === undefined ? t("field.number") : null;
  const nothing = typedNumber(budget) === null && listOf(models).length === 0;
  const limited = chosen?.max_budget != null;
  const listed = (chosen?.models.length ?? 0) > 0;
  return (
    <Dialog
      title={t("new")}
      onClose={onClose}
      onSubmit={() => send.mutate(undefined)}
      foot={
        <>
          <Button onClick={onClose}>{t("do.cancel")}</Button>
          <Button type="submit" look="primary" disabled={send.isPending || nothing || wrong !== null || !found.data}>{t("send")}</Button>
        </>
      }
    >
      {found.isPending ? <Skeleton lines={6} /> : null}
      {found.isError ? <Failed error={found.error} onRetry={() => void found.refetch()} /> : null}
      {found.data ? (
        <>
          <SelectField label={t("subject")} value={subject} onChange={setSubject} options={[["", t("subject.user")], ...keys.map((each): [string, string] => [each.token, t("subject.key", { name: each.key_alias ?? each.key_name })])]} fault={faultOf(send.error, "key")} />
          <TextField label={t("new_budget")} inputMode="decimal" value={budget} onChange={setBudget} disabled={!limited} hint={limited ? t("present", { value: money(chosen?.max_budget ?? 0, language) }) : t("no_budget")} fault={wrong ?? faultOf(send.error, "max_budget")} />
          <TextField label={t("more_models")} value={models} onChange={setModels} disabled={!listed} hint={listed ? t("more_models_hint") : t("all_models")} fault={faultOf(send.error, "models")} />
          <Field label={t("reason")} hint={t("reason_hint")} fault={faultOf(send.error, "reason")}>
            {(ids) => <textarea className="input" rows={3} maxLength={2000} {...ids} value={reason} onChange={(event) => setReason(event.target.value)} />}
          </Field>
        </>
      ) : null}
      {isPlaced(send.error, ["key", "max_budget", "models", "reason"]) ? null : <Fault error={send.error} />}
    </Dialog>
  );
}
