import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/shared/api/client";
import type { Deployment } from "@/shared/api/views";
import { useText } from "@/shared/i18n/language";
import { useChange } from "@/shared/lib/form";
import { useMay } from "@/shared/lib/session";
import { ActivityOf } from "@/shared/ui/activity";
import { Button } from "@/shared/ui/button";
import { History } from "@/shared/ui/changes";
import { Confirm, Dialog } from "@/shared/ui/dialog";
import { Icon } from "@/shared/ui/icons";
import { Fault } from "@/shared/ui/states";
import { toast } from "@/shared/ui/toast";
import { Id } from "@/shared/ui/values";
import { readModel } from "./api";
import { messages } from "./messages";
import { ModelForm } from "./ModelForm";
import { Price } from "./Price";

export function ModelDrawer({ found, onClose }: { found: Deployment; onClose: () => void }) {
  const t = useText(messages);
  const may = useMay();
  const [asking, setAsking] = useState<"edit" | "delete" | null>(null);
  const id = found.model_info.id;
  const remove = useChange(
    () => get("POST /model/delete", { body: { id } as never }),
    () => {
      toast(t("done.deleted", { name: found.model_name }));
      onClose();
    },
  );
  const now = useQuery({ queryKey: ["model", id, "now"], enabled: asking === "edit", gcTime: 0, staleTime: Infinity, queryFn: () => readModel(id) });
  const own = found.model_info.db_model && may("model.write");
  return (
    <Dialog kind="drawer" title={found.model_name} onClose={onClose}>
      {found.model_info.db_model ? null : (
        <div className="notice"><Icon name="file" />{t("read_only")}</div>
      )}
      {own ? (
        <div className="row">
          <Button onClick={() => setAsking("edit")}>{t("do.edit")}</Button>
          <Button look="danger" onClick={() => setAsking("delete")}>{t("do.delete")}</Button>
        </div>
      ) : null}
      <dl className="facts">
        <dt>{t("field.id")}</dt>
        <dd><Id value={id} /></dd>
        <dt>{t("provider")}</dt>
        <dd>{String(found.litellm_params["custom_llm_provider"] ?? "–")}</dd>
        <dt>{t("target")}</dt>
        <dd><code>{String(found.litellm_params["model"] ?? "–")}</code></dd>
        <dt>{t("price")}</dt>
        <dd><Price found={found} /></dd>
        <dt>{t("context")}</dt>
        <dd>{String(found.model_info["max_input_tokens"] ?? "–")} / {String(found.model_info["max_output_tokens"] ?? "–")}</dd>
      </dl>
      <h3>{t("params")}</h3>
      <pre className="code">{JSON.stringify(found.litellm_params, null, 2)}</pre>
      {may("spend.read") ? <ActivityOf whose="user" model={String(found.model_info["key"] ?? "")} dimension="api_keys" measure="api_requests" title={t("usage")} /> : null}
      {found.model_info.db_model ? <History object={id} /> : null}
      {asking === "edit" && now.data ? <ModelForm found={now.data.row} etag={now.data.etag} onClose={() => setAsking(null)} /> : null}
      <Fault error={now.error} />
      {asking === "delete" ? (
        <Confirm title={t("confirm.delete", { name: found.model_name })} text={t("delete_text")} action={t("do.delete")} busy={remove.isPending} fault={<Fault error={remove.error} />} onConfirm={() => remove.mutate(undefined)} onClose={() => setAsking(null)} />
      ) : null}
    </Dialog>
  );
}
