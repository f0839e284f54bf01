import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "../api/client";
import { useCommon } from "../i18n/language";
import { useChange } from "../lib/form";
import { useMay } from "../lib/session";
import { settingOf, typedSetting } from "../lib/setting";
import { Button } from "./button";
import { shown } from "./conflict";
import { Dialog } from "./dialog";
import { Field, SelectField, TextField } from "./field";
import { Empty, Fault } from "./states";
import { DataTable, type Column } from "./table";
import { toast } from "./toast";
import { Badge } from "./values";

export interface Setting {
  field_name: string;
  field_type: string;
  field_description: string;
  field_value: unknown;
  source: "db" | "config" | "default";
}
export type Section = "general_settings" | "router_settings" | "litellm_settings";

interface SettingsProps {
  section: Section;
  label: string;
  /** The values that a setting may have, where they are known. */
  choices?: Readonly<Record<string, readonly string[]>>;
}

/** The settings of a section: what is in force, who set it, and changing what the file leaves open. */
export function SettingsTable({ section, label, choices = {} }: SettingsProps) {
  const t = useCommon();
  const may = useMay();
  const [asking, setAsking] = useState<Setting | null>(null);
  const list = useQuery({ queryKey: ["config", section], queryFn: () => get<Setting[]>()("GET /config/list", { query: { config_type: section } as never }) });
  const columns: Column<Setting>[] = [
    { id: "setting", title: t("setting.name"), cell: (row) => <><code>{row.field_name}</code><div className="muted small">{row.field_description}</div></> },
    { id: "value", title: t("setting.value"), cell: (row) => <code className="wrap">{shown(row.field_value)}</code> },
    { id: "source", title: t("setting.source"), cell: (row) => <Badge look={row.source === "db" ? "accent" : "plain"}>{t(`setting.from_${row.source}`)}</Badge> },
  ];
  if (may("config.write")) {
    columns.push({
      id: "change",
      title: t("do.edit"),
      cell: (row) => (row.source === "config" ? <span className="muted small">{t("setting.of_the_file")}</span> : <Button tiny aria-label={`${t("do.edit")} ${row.field_name}`} onClick={() => setAsking(row)}>{t("do.edit")}</Button>),
    });
  }
  return (
    <>
      <DataTable name={section} label={label} columns={columns} rows={list.data} rowId={(row) => row.field_name} error={list.error} onRetry={() => void list.refetch()} empty={<Empty icon="settings" title={label} />} />
      {asking ? <EditSetting section={section} setting={asking} choices={choices[asking.field_name]} onClose={() => setAsking(null)} /> : null}
    </>
  );
}

function EditSetting({ section, setting, choices, onClose }: { section: Section; setting: Setting; choices: readonly string[] | undefined; onClose: () => void }) {
  const t = useCommon();
  const [text, setText] = useState(typedSetting(setting.field_value));
  const value = settingOf(setting.field_type, text);
  const done = () => {
    toast(t("done.saved"));
    onClose();
  };
  const save = useChange(() => get("POST /config/field/update", { body: { config_type: section, field_name: setting.field_name, field_value: value } as never }), done);
  const reset = useChange(() => get("POST /config/field/delete", { body: { config_type: section, field_name: setting.field_name } as never }), done);
  const wrong = text.trim() !== "" && value === undefined ? t("setting.wrong", { kind: setting.field_type }) : null;
  const options = choices ?? (setting.field_type === "Boolean" ? ["true", "false"] : null);
  const busy = save.isPending || reset.isPending;
  const large = setting.field_type === "Dict" || setting.field_type === "List";
  return (
    <Dialog
      title={setting.field_name}
      onClose={onClose}
      onSubmit={() => save.mutate(undefined)}
      foot={
        <>
          {setting.source === "db" ? <Button look="danger" disabled={busy} onClick={() => reset.mutate(undefined)}>{t("setting.reset")}</Button> : null}
          <span className="grow" />
          <Button onClick={onClose}>{t("do.cancel")}</Button>
          <Button type="submit" look="primary" disabled={busy || value === undefined}>{t("do.save")}</Button>
        </>
      }
    >
      <p className="muted">{setting.field_description}</p>
      {options ? (
        <SelectField label={t("setting.value")} value={text} onChange={setText} options={[["", "–"], ...options.map((each) => [each, each] as const)]} />
      ) : large ? (
        <Field label={t("setting.value")} hint={t("setting.json")} fault={wrong}>
          {(ids) => <textarea className="input mono" rows={8} maxLength={100_000} {...ids} value={text} onChange={(event) => setText(event.target.value)} />}
        </Field>
      ) : (
        <TextField label={t("setting.value")} value={text} onChange={setText} fault={wrong} />
      )}
      <Fault error={save.error ?? reset.error} />
    </Dialog>
  );
}
