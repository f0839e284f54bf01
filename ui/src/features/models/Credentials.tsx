import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/shared/api/client";
import { useText } from "@/shared/i18n/language";
import { faultOf, isPlaced, useChange, useTyped } from "@/shared/lib/form";
import { useMay } from "@/shared/lib/session";
import { Button } from "@/shared/ui/button";
import { Confirm, Dialog } from "@/shared/ui/dialog";
import { TextField } from "@/shared/ui/field";
import { Empty, Fault } from "@/shared/ui/states";
import { DataTable, type Column } from "@/shared/ui/table";
import { toast } from "@/shared/ui/toast";
import { Badge } from "@/shared/ui/values";
import { listCredentials, type Credential } from "./api";
import { messages } from "./messages";

export function Credentials() {
  const t = useText(messages);
  const may = useMay();
  const [adding, setAdding] = useState(false);
  const [going, setGoing] = useState<Credential | null>(null);
  const list = useQuery({ queryKey: ["credentials"], queryFn: listCredentials });
  const remove = useChange(
    (name: string) => get("DELETE /credentials/{credential_name}", { path: { credential_name: name } as never }),
    (_, name) => {
      toast(t("done.deleted", { name }));
      setGoing(null);
    },
  );
  const add = may("credential.write") ? <Button icon="plus" onClick={() => setAdding(true)}>{t("cred.new")}</Button> : null;
  const columns: Column<Credential>[] = [
    { id: "name", title: t("field.name"), cell: (row) => row.credential_name },
    { id: "provider", title: t("provider"), cell: (row) => String(row.credential_info["custom_llm_provider"] ?? "–") },
    { id: "values", title: t("cred.values"), cell: (row) => <code className="cut">{Object.entries(row.credential_values).map(([name, value]) => `${name}: ${value}`).join(", ")}</code> },
    { id: "owner", title: t("owner"), cell: (row) => <Badge look={row.source === "db" ? "accent" : "plain"}>{t(row.source === "db" ? "by_ui" : "by_file")}</Badge> },
    { id: "do", title: t("do.delete"), num: true, cell: (row) => (row.source === "db" && may("credential.write") ? <Button tiny look="quiet danger" onClick={() => setGoing(row)}>{t("do.delete")}</Button> : null) },
  ];
  return (
    <>
      <div className="row between">
        <h2>{t("tab.credentials")}</h2>
        {add}
      </div>
      <DataTable name="credentials" label={t("tab.credentials")} columns={columns} rows={list.data?.credentials} rowId={(row) => row.credential_name} error={list.error} onRetry={() => void list.refetch()} empty={<Empty icon="keys" title={t("cred.empty")} text={t("cred.empty_text")} />} />
      {adding ? <NewCredential onClose={() => setAdding(false)} /> : null}
      {going ? <Confirm title={t("confirm.delete", { name: going.credential_name })} text={t("cred.delete")} action={t("do.delete")} busy={remove.isPending} fault={<Fault error={remove.error} />} onConfirm={() => remove.mutate(going.credential_name)} onClose={() => setGoing(null)} /> : null}
    </>
  );
}

function NewCredential({ onClose }: { onClose: () => void }) {
  const t = useText(messages);
  const { values, set } = useTyped({ name: "", provider: "", api_key: "", api_base: "" });
  const create = useChange(
    () =>
      get("POST /credentials", {
        body: {
          credential_name: values["name"]?.trim(),
          credential_info: values["provider"] ? { custom_llm_provider: values["provider"].trim() } : {},
          credential_values: { api_key: values["api_key"], ...(values["api_base"] ? { api_base: values["api_base"].trim() } : {}) },
        } as never,
      }),
    () => {
      toast(t("done.created", { name: values["name"] ?? "" }));
      onClose();
    },
  );
  return (
    <Dialog
      kind="modal narrow"
      title={t("cred.new")}
      onClose={onClose}
      onSubmit={() => create.mutate(undefined)}
      foot={
        <>
          <Button onClick={onClose}>{t("do.cancel")}</Button>
          <Button type="submit" look="primary" disabled={create.isPending || !values["name"]?.trim() || !values["api_key"]}>{t("do.create")}</Button>
        </>
      }
    >
      <TextField label={t("field.name")} autoFocus value={values["name"] ?? ""} onChange={set("name")} fault={faultOf(create.error, "credential_name")} />
      <TextField label={t("provider")} placeholder="openai" value={values["provider"] ?? ""} onChange={set("provider")} />
      <TextField label={t("api_key")} hint={t("api_key_hint")} type="password" autoComplete="new-password" value={values["api_key"] ?? ""} onChange={set("api_key")} />
      <TextField label={t("base")} hint={t("base_hint")} value={values["api_base"] ?? ""} onChange={set("api_base")} />
      {isPlaced(create.error, ["credential_name"]) ? null : <Fault error={create.error} />}
    </Dialog>
  );
}
