import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/shared/api/client";
import { useText } from "@/shared/i18n/language";
import { useChange } from "@/shared/lib/form";
import { useMay } from "@/shared/lib/session";
import { useModelNames } from "@/shared/ui/allowance";
import { Button } from "@/shared/ui/button";
import { Confirm } from "@/shared/ui/dialog";
import { SelectField, TextField } from "@/shared/ui/field";
import type { Setting } from "@/shared/ui/settings";
import { Empty, Failed, Fault, Skeleton } from "@/shared/ui/states";
import { toast } from "@/shared/ui/toast";
import { aliasesOf, type Aliases as Names } from "./naming";
import { messages } from "./messages";

const FIELD = "model_group_alias";

/** `router_settings.model_group_alias`, name by name. */
export function Aliases() {
  const t = useText(messages);
  const list = useQuery({ queryKey: ["config", "router_settings"], queryFn: () => get<Setting[]>()("GET /config/list", { query: { config_type: "router_settings" } as never }) });
  if (list.isError) return <div className="card"><Failed error={list.error} onRetry={() => void list.refetch()} /></div>;
  if (!list.data) return <div className="card padded"><Skeleton lines={4} /></div>;
  const setting = list.data.find((each) => each.field_name === FIELD);
  return (
    <section className="card padded stack">
      <p className="muted">{t("aliases_text")}</p>
      <Editor key={JSON.stringify(setting?.field_value)} stored={setting?.field_value} fixed={setting?.source === "config"} />
    </section>
  );
}

function Editor({ stored, fixed }: { stored: unknown; fixed: boolean }) {
  const t = useText(messages);
  const may = useMay();
  const names = useModelNames();
  const [alias, setAlias] = useState("");
  const [target, setTarget] = useState("");
  const [going, setGoing] = useState<string | null>(null);
  const aliases = aliasesOf(stored);
  const models = (names.data ?? []).filter((name) => !name.includes("*"));
  const known = Object.keys(aliases);
  const save = useChange(
    (next: Record<string, unknown>) => get("POST /config/field/update", { body: { config_type: "router_settings", field_name: FIELD, field_value: next } as never }),
    () => {
      setAlias("");
      setGoing(null);
      toast(t("done.saved"));
    },
  );
  const open = !fixed && may("config.write");
  const chosen = target || (models.find((name) => !known.includes(name)) ?? "");
  const taken = alias.trim() !== "" && models.includes(alias.trim()) && !known.includes(alias.trim());
  const without = (name: string) => Object.fromEntries(Object.entries(aliases).filter(([each]) => each !== name).map(([each, value]) => [each, value.raw]));
  return (
    <>
      {fixed ? <p className="notice">{t("alias_file")}</p> : null}
      {known.length === 0 ? <Empty icon="models" title={t("alias_none")} /> : null}
      {known.length > 0 ? (
        <table className="data">
          <thead><tr><th scope="col">{t("alias")}</th><th scope="col">{t("alias_of")}</th><td /></tr></thead>
          <tbody>
            {Object.entries(aliases).map(([name, { model }]: [string, Names[string]]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td><code>{model}</code></td>
                <td className="num">{open ? <Button tiny look="quiet danger" icon="close" disabled={save.isPending} aria-label={t("alias_remove", { name })} onClick={() => { save.reset(); setGoing(name); }} /> : null}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      {open ? (
        <form className="stack" noValidate onSubmit={(event) => { event.preventDefault(); save.mutate({ ...without(alias.trim()), [alias.trim()]: chosen }); }}>
          <div className="fields">
            <TextField label={t("alias")} value={alias} onChange={setAlias} fault={taken ? t("alias_taken") : null} />
            <SelectField label={t("alias_of")} value={chosen} options={models.map((name) => [name, name] as const)} onChange={setTarget} />
          </div>
          {going === null ? <Fault error={save.error} /> : null}
          <div className="row"><Button type="submit" disabled={save.isPending || !alias.trim() || taken || !chosen}>{t("alias_add")}</Button></div>
        </form>
      ) : null}
      {going === null ? null : <Confirm title={t("alias_gone", { name: going })} text={t("alias_gone_text")} action={t("alias_go")} busy={save.isPending} fault={<Fault error={save.error} />} onConfirm={() => save.mutate(without(going))} onClose={() => { save.reset(); setGoing(null); }} />}
    </>
  );
}
