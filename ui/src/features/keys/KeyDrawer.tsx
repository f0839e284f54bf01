import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { NewKey } from "@/shared/api/views";
import { useText } from "@/shared/i18n/language";
import { useChange } from "@/shared/lib/form";
import { useMay, useSession } from "@/shared/lib/session";
import { ActivityOf } from "@/shared/ui/activity";
import { Button } from "@/shared/ui/button";
import { History } from "@/shared/ui/changes";
import { Confirm, Dialog } from "@/shared/ui/dialog";
import { InEffect } from "@/shared/ui/effective";
import { Failed, Fault, Skeleton } from "@/shared/ui/states";
import { toast } from "@/shared/ui/toast";
import { BudgetBar, Id, Limit, Models, Money, When } from "@/shared/ui/values";
import { blockKey, deleteKey, readKey, rotateKey } from "./api";
import { Grace } from "./Grace";
import { EditKeyForm } from "./KeyForm";
import { KeyState } from "./KeyState";
import { messages } from "./messages";

interface DrawerProps {
  token: string;
  onClose: () => void;
  onRotated: (key: NewKey) => void;
}

export function KeyDrawer({ token, onClose, onRotated }: DrawerProps) {
  const t = useText(messages);
  const may = useMay();
  const who = useSession();
  const [asking, setAsking] = useState<"edit" | "rotate" | "delete" | null>(null);
  const found = useQuery({ queryKey: ["key", token], queryFn: ({ signal }) => readKey(token, signal) });
  const key = found.data?.key;
  const name = key?.key_alias ?? key?.key_name ?? "";
  const unblock = useChange(() => blockKey(token, false), () => toast(t("done.unblocked", { name })));
  const block = useChange(() => blockKey(token, true), () => toast(t("done.blocked", { name }), { undo: () => unblock.mutate(undefined) }));
  const remove = useChange(
    () => deleteKey(token),
    () => {
      toast(t("done.deleted", { name }));
      onClose();
    },
  );
  return (
    <Dialog kind="drawer" title={key ? (key.key_alias ?? t("unnamed")) : t("key")} onClose={onClose}>
      {found.isPending ? <Skeleton lines={10} /> : null}
      {found.isError ? <Failed error={found.error} onRetry={() => void found.refetch()} /> : null}
      {key ? (
        <>
          <div className="row">
            <KeyState row={key} />
            <span className="grow" />
            {may("key.update") ? <Button onClick={() => setAsking("edit")}>{t("do.edit")}</Button> : null}
            {may("key.regenerate") ? <Button icon="refresh" onClick={() => setAsking("rotate")}>{t("rotate")}</Button> : null}
            {may("key.block") ? (
              <Button disabled={block.isPending || unblock.isPending} onClick={() => (key.blocked ? unblock : block).mutate(undefined)}>
                {key.blocked ? t("do.unblock") : t("do.block")}
              </Button>
            ) : null}
            {may("approval.ask") && key.user_id === who.user_id ? <Link className="button" to="/approvals" search={{ ask: "1", about: key.token } as never}>{t("more")}</Link> : null}
            {may("key.delete") ? <Button look="danger" onClick={() => setAsking("delete")}>{t("do.delete")}</Button> : null}
          </div>
          <Fault error={block.error ?? unblock.error} />
          <BudgetBar spend={key.spend} limit={key.max_budget} resets={key.budget_reset_at} />
          <dl className="facts">
            <dt>{t("key")}</dt>
            <dd><code>{key.key_name}</code></dd>
            <dt>{t("field.id")}</dt>
            <dd><Id value={key.token} /></dd>
            <dt>{t("field.spend")}</dt>
            <dd><Money value={key.total_spend} /></dd>
            <dt>{t("field.models")}</dt>
            <dd><Models names={key.models} /></dd>
            <dt>{t("field.team")}</dt>
            <dd>{key.team_id ? <Link to="/teams" search={{ open: key.team_id } as never}>{key.team_id}</Link> : "–"}</dd>
            <dt>{t("field.user")}</dt>
            <dd>{key.user_id ? <Link to="/users" search={{ open: key.user_id } as never}>{key.user_id}</Link> : "–"}</dd>
            <dt>{t("field.tags")}</dt>
            <dd>{key.tags.join(", ") || "–"}</dd>
            <dt>{t("field.rpm_limit")}</dt>
            <dd><Limit value={key.rpm_limit} /></dd>
            <dt>{t("field.tpm_limit")}</dt>
            <dd><Limit value={key.tpm_limit} /></dd>
            <dt>{t("field.max_parallel_requests")}</dt>
            <dd><Limit value={key.max_parallel_requests} /></dd>
            <dt>{t("field.last_used")}</dt>
            <dd><When iso={key.last_active} /></dd>
            <dt>{t("field.expires")}</dt>
            <dd><When iso={key.expires} /></dd>
            <dt>{t("rotated")}</dt>
            <dd><When iso={key.last_rotation_at} /></dd>
            <dt>{t("field.created")}</dt>
            <dd><When iso={key.created_at} /> {t("field.by", { name: key.created_by ?? "–" })}</dd>
          </dl>
          <InEffect whose="key" id={key.token} />
          <ActivityOf whose="user" title={t("usage")} apiKey={token} />
          <Link to="/logs" search={{ key: token } as never}>{t("logs")}</Link>
          <History object={token} />
        </>
      ) : null}
      {asking === "edit" && found.data ? <EditKeyForm stored={found.data} onClose={() => setAsking(null)} /> : null}
      {asking === "rotate" ? <Rotate token={token} name={name} onClose={() => setAsking(null)} onRotated={onRotated} /> : null}
      {asking === "delete" ? (
        <Confirm title={t("confirm.delete", { name })} text={t("delete_text")} action={t("do.delete")} busy={remove.isPending} fault={<Fault error={remove.error} />} onConfirm={() => remove.mutate(undefined)} onClose={() => setAsking(null)} />
      ) : null}
    </Dialog>
  );
}

function Rotate({ token, name, onClose, onRotated }: { token: string; name: string; onClose: () => void; onRotated: (key: NewKey) => void }) {
  const t = useText(messages);
  const [grace, setGrace] = useState("24h");
  const rotate = useChange(() => rotateKey(token, grace), onRotated);
  return (
    <Dialog
      kind="modal narrow"
      title={t("rotate_title", { name })}
      onClose={onClose}
      onSubmit={() => rotate.mutate(undefined)}
      foot={
        <>
          <Button onClick={onClose}>{t("do.cancel")}</Button>
          <Button type="submit" look="primary" disabled={rotate.isPending}>{t("rotate")}</Button>
        </>
      }
    >
      <p>{t("rotate_text")}</p>
      <Grace value={grace} onChange={setGrace} />
      <Fault error={rotate.error} />
    </Dialog>
  );
}
