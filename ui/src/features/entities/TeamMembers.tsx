import { useState } from "react";
import { get } from "@/shared/api/client";
import type { Team } from "@/shared/api/views";
import { useText } from "@/shared/i18n/language";
import { useChange } from "@/shared/lib/form";
import { useMay } from "@/shared/lib/session";
import { Button } from "@/shared/ui/button";
import { Confirm } from "@/shared/ui/dialog";
import { SelectField, TextField } from "@/shared/ui/field";
import { Fault } from "@/shared/ui/states";
import { Badge } from "@/shared/ui/values";
import { messages } from "./messages";

export function TeamMembers({ row }: { row: Team }) {
  const t = useText(messages);
  const may = useMay();
  const [who, setWho] = useState("");
  const [role, setRole] = useState("user");
  const [going, setGoing] = useState<string | null>(null);
  const add = useChange(
    () => {
      const named = who.includes("@") ? { user_email: who.trim() } : { user_id: who.trim() };
      return get("POST /team/member_add", { body: { team_id: row.team_id, member: [{ ...named, role }] } as never });
    },
    () => setWho(""),
  );
  const remove = useChange((user: string) => get("POST /team/member_delete", { body: { team_id: row.team_id, user_id: user } as never }), () => setGoing(null));
  return (
    <section className="stack tight">
      <h3>{t("members")}</h3>
      {row.members_with_roles.length === 0 ? <p className="muted">{t("state.none")}</p> : null}
      {row.members_with_roles.map((member) => {
        const id = member.user_id ?? "";
        return (
          <div key={id} className="row between">
            <span className="cut">{member.user_email ?? id}</span>
            <span className="row tight">
              <Badge look={member.role === "admin" ? "accent" : "plain"}>{t(member.role === "admin" ? "role.admin" : "role.user")}</Badge>
              {may("team.members") ? <Button tiny look="quiet" icon="close" aria-label={t("member_remove", { name: id })} title={t("member_remove", { name: id })} onClick={() => { remove.reset(); setGoing(id); }} /> : null}
            </span>
          </div>
        );
      })}
      {going === null ? null : <Confirm title={t("member_gone", { name: going })} text={t("member_gone_text")} action={t("member_go")} busy={remove.isPending} fault={<Fault error={remove.error} />} onConfirm={() => remove.mutate(going)} onClose={() => setGoing(null)} />}
      {may("team.members") ? (
        <form
          className="fields"
          onSubmit={(event) => {
            event.preventDefault();
            add.mutate(undefined);
          }}
        >
          <TextField label={t("member_id")} value={who} onChange={setWho} />
          <SelectField label={t("member_role")} value={role} onChange={setRole} options={[["user", t("role.user")], ["admin", t("role.admin")]]} />
          <div className="row">
            <Button type="submit" disabled={add.isPending || who.trim() === ""}>{t("member_add")}</Button>
          </div>
        </form>
      ) : null}
      <Fault error={add.error} />
    </section>
  );
}
