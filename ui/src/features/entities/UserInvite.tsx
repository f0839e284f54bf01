import { useState } from "react";
import { get } from "@/shared/api/client";
import type { User } from "@/shared/api/views";
import { useText } from "@/shared/i18n/language";
import { useChange } from "@/shared/lib/form";
import { useMay } from "@/shared/lib/session";
import { Button, Copy } from "@/shared/ui/button";
import { Dialog } from "@/shared/ui/dialog";
import { Fault } from "@/shared/ui/states";
import { messages } from "./messages";

export function invitationLink(base: string, id: string): string {
  const url = new URL("onboarding", base);
  url.searchParams.set("invite_link", id);
  return url.href;
}

export function UserInvite({ row }: { row: User }) {
  const t = useText(messages);
  const may = useMay();
  const [link, setLink] = useState<string | null>(null);
  const invite = useChange(
    () => get<{ id: string }>()("POST /invitation/new", { body: { user_id: row.user_id } }),
    (made) => setLink(invitationLink(document.baseURI, made.id)),
  );
  if (!may("invitation.create")) return null;
  return (
    <div className="stack tight">
      <div className="row">
        <Button disabled={invite.isPending} onClick={() => invite.mutate(undefined)}>
          {t("invite")}
        </Button>
      </div>
      <Fault error={invite.error} />
      {link ? (
        <Dialog kind="modal narrow" title={t("invite_title", { name: row.user_email ?? row.user_id })} onClose={() => setLink(null)} foot={<Button look="primary" onClick={() => setLink(null)}>{t("do.close")}</Button>}>
          <p>{t("invite_text")}</p>
          <pre className="code">{link}</pre>
          <div className="row"><Copy text={link} tiny={false}>{t("invite_copy")}</Copy></div>
        </Dialog>
      ) : null}
    </div>
  );
}
