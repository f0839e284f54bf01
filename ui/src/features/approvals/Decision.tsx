import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Approval } from "@/shared/api/views";
import { useLanguage, useText } from "@/shared/i18n/language";
import { money, typedNumber } from "@/shared/lib/format";
import { faultOf, isPlaced, listOf, useChange } from "@/shared/lib/form";
import { useMay, useSession } from "@/shared/lib/session";
import { Button } from "@/shared/ui/button";
import { Dialog } from "@/shared/ui/dialog";
import { InEffect } from "@/shared/ui/effective";
import { Field, TextField } from "@/shared/ui/field";
import { Failed, Fault, Skeleton } from "@/shared/ui/states";
import { toast } from "@/shared/ui/toast";
import { Badge, When } from "@/shared/ui/values";
import { approve, readApproval, refuse, withdraw } from "./api";
import { messages } from "./messages";

const LOOKS = { open: "accent", approved: "good", refused: "bad", withdrawn: "plain" } as const;

export function StateBadge({ state }: { state: Approval["state"] }) {
  const t = useText(messages);
  return <Badge look={LOOKS[state]}>{t(`state.${state}`)}</Badge>;
}

/** One request: what there is, what is asked for, and what becomes of it. */
export function Decision({ id, onClose }: { id: string; onClose: () => void }) {
  const t = useText(messages);
  const found = useQuery({ queryKey: ["approval", id], queryFn: ({ signal }) => readApproval(id, signal) });
  return (
    <Dialog kind="drawer" title={t("request")} onClose={onClose}>
      {found.isPending ? <Skeleton lines={8} /> : null}
      {found.isError ? <Failed error={found.error} onRetry={() => void found.refetch()} /> : null}
      {found.data ? <Body key={found.data.etag} approval={found.data.found} etag={found.data.etag} onClose={onClose} /> : null}
    </Dialog>
  );
}

function Body({ approval, etag, onClose }: { approval: Approval; etag: string | null; onClose: () => void }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const may = useMay();
  const who = useSession();
  const [budget, setBudget] = useState(approval.max_budget === null ? "" : String(approval.max_budget));
  const [models, setModels] = useState(approval.models.join(", "));
  const [note, setNote] = useState("");
  const done = (text: string) => () => {
    toast(text);
    onClose();
  };
  const yes = useChange(
    () =>
      approve(
        approval.id,
        { note: note.trim(), ...(approval.max_budget === null ? {} : { max_budget: typedNumber(budget) ?? null }), ...(approval.models.length === 0 ? {} : { models: listOf(models) }) },
        etag,
      ),
    done(t("approved")),
  );
  const no = useChange(() => refuse(approval.id, note.trim(), etag), done(t("refused")));
  const back = useChange(() => withdraw(approval.id), done(t("withdrawn")));
  const busy = yes.isPending || no.isPending || back.isPending;
  const open = approval.state === "open";
  const decides = open && may("approval.decide");
  const wrong = typedNumber(budget) === undefined ? t("field.number") : null;
  const dollars = (value: number | null | undefined) => (value == null ? "–" : money(value, language));
  return (
    <>
      <div className="row">
        <StateBadge state={approval.state} />
        {approval.decided_by ? <span className="small muted">{t("field.by", { name: approval.decided_by })} · <When iso={approval.decided_at} /></span> : null}
      </div>
      <dl className="facts">
        <dt>{t("who")}</dt>
        <dd>{approval.user_email ?? approval.user_id}</dd>
        <dt>{t("for")}</dt>
        <dd>{approval.subject === "user" ? t("subject.user") : t("subject.key", { name: approval.subject_name ?? approval.subject_id.slice(0, 12) })}</dd>
        <dt>{t("when")}</dt>
        <dd><When iso={approval.created_at} /></dd>
        {approval.team_id ? <><dt>{t("field.team")}</dt><dd>{approval.team_id}</dd></> : null}
      </dl>
      <blockquote className="bubble">{approval.reason || <span className="muted">{t("no_reason")}</span>}</blockquote>
      {approval.present === null ? <p className="notice warn">{t("gone")}</p> : null}
      <table className="data">
        <thead>
          <tr><td /><th scope="col">{t("now")}</th><th scope="col">{t("asked")}</th>{approval.state === "approved" ? <th scope="col">{t("granted")}</th> : null}</tr>
        </thead>
        <tbody>
          {approval.max_budget === null ? null : (
            <tr>
              <th scope="row">{t("field.budget")}</th>
              <td>{dollars(approval.present?.max_budget)}</td>
              <td>{dollars(approval.max_budget)}</td>
              {approval.state === "approved" ? <td>{dollars(approval.granted?.max_budget)}</td> : null}
            </tr>
          )}
          {approval.models.length === 0 ? null : (
            <tr>
              <th scope="row">{t("field.models")}</th>
              <td className="wrap">{approval.present?.models.join(", ") || "–"}</td>
              <td className="wrap">{approval.models.map((each) => `+ ${each}`).join(", ")}</td>
              {approval.state === "approved" ? <td className="wrap">{approval.granted?.models?.join(", ") ?? "–"}</td> : null}
            </tr>
          )}
        </tbody>
      </table>
      {approval.note ? <p className="notice wrap">{approval.note}</p> : null}
      {approval.present === null ? null : <InEffect whose={approval.subject} id={approval.subject_id} />}
      {decides ? (
        <form className="stack" noValidate onSubmit={(event) => { event.preventDefault(); yes.mutate(undefined); }}>
          {approval.max_budget === null ? null : <TextField label={t("grant_budget")} inputMode="decimal" value={budget} onChange={setBudget} fault={wrong ?? faultOf(yes.error, "max_budget")} />}
          {approval.models.length === 0 ? null : <TextField label={t("grant_models")} value={models} onChange={setModels} fault={faultOf(yes.error, "models")} />}
          <Field label={t("note")} hint={t("note_hint")}>
            {(ids) => <textarea className="input" rows={2} maxLength={2000} {...ids} value={note} onChange={(event) => setNote(event.target.value)} />}
          </Field>
          {isPlaced(yes.error, ["max_budget", "models"]) ? null : <Fault error={yes.error ?? no.error} />}
          <div className="row">
            <Button type="submit" look="primary" disabled={busy || wrong !== null || approval.present === null}>{t("approve")}</Button>
            <Button look="danger" disabled={busy} onClick={() => no.mutate(undefined)}>{t("refuse")}</Button>
          </div>
        </form>
      ) : null}
      {open && approval.user_id === who.user_id && may("approval.ask") ? (
        <div className="row"><Button disabled={busy} onClick={() => back.mutate(undefined)}>{t("withdraw")}</Button></div>
      ) : null}
      <Fault error={back.error} />
    </>
  );
}
