import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, ask, get } from "../api/client";
import { useCommon } from "../i18n/language";
import { useChange } from "../lib/form";
import { useMay } from "../lib/session";
import { settingOf, typedSetting } from "../lib/setting";
import { Button } from "./button";
import { Conflict, shown } from "./conflict";
import { Dialog } from "./dialog";
import { Field, SelectField, TextField } from "./field";
import { Empty, Failed, Fault, Skeleton } from "./states";
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
  /** These alone. */
  only?: readonly string[];
}

/** The settings of a section: what is in force, who set it, and changing what the file leaves open. */
export function SettingsTable({ section, label, choices = {}, only }: SettingsProps) {
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
      <DataTable name={section} label={label} columns={columns} rows={only ? list.data?.filter((each) => only.includes(each.field_name)) : list.data} rowId={(row) => row.field_name} error={list.error} onRetry={() => void list.refetch()} empty={<Empty icon="settings" title={label} />} />
      {asking ? <EditSetting section={section} setting={asking} choices={choices[asking.field_name]} onClose={() => setAsking(null)} /> : null}
    </>
  );
}

interface Stored {
  setting: Setting;
  etag: string | null;
}

async function readSetting(section: Section, name: string): Promise<Stored> {
  const answer = await ask<Setting>()("GET /config/field/info", { query: { config_type: section, field_name: name } as never });
  return { setting: answer.data, etag: answer.etag };
}

interface EditProps {
  section: Section;
  setting: Setting;
  choices: readonly string[] | undefined;
  onClose: () => void;
}

/** Asks for the setting as it is now before it can be changed: what others save meanwhile is noticed. */
function EditSetting(props: EditProps) {
  const t = useCommon();
  const [known, setKnown] = useState<Stored | null>(null);
  const found = useQuery({ queryKey: ["setting", props.section, props.setting.field_name], staleTime: 0, gcTime: 0, queryFn: () => readSetting(props.section, props.setting.field_name) });
  const stored = known ?? found.data;
  if (stored && !known && !found.isFetching) setKnown(stored); // what is read later, while somebody types, does not count
  if (known) return <EditKnown {...props} stored={known} />;
  return (
    <Dialog title={props.setting.field_name} onClose={props.onClose} foot={<Button onClick={props.onClose}>{t("do.cancel")}</Button>}>
      {found.isError ? <Failed error={found.error} onRetry={() => void found.refetch()} /> : <Skeleton lines={3} />}
    </Dialog>
  );
}

function EditKnown({ section, stored, choices, onClose }: EditProps & { stored: Stored }) {
  const t = useCommon();
  const [base, setBase] = useState(stored);
  const [theirs, setTheirs] = useState<Stored | null>(null);
  const setting = base.setting;
  const [text, setText] = useState(typedSetting(setting.field_value));
  const value = settingOf(setting.field_type, text);
  const field = { config_type: section, field_name: setting.field_name };
  const done = () => {
    toast(t("done.saved"));
    onClose();
  };
  const guarded = (change: (etag: string | null) => Promise<unknown>) => async (etag: string | null) => {
    try {
      await change(etag);
    } catch (error) {
      if (error instanceof ApiError && error.trouble === "conflict") setTheirs(await readSetting(section, setting.field_name));
      throw error;
    }
  };
  const save = useChange(guarded((ifMatch) => get("POST /config/field/update", { ifMatch, body: { ...field, field_value: value } as never })), done);
  const reset = useChange(guarded((ifMatch) => get("POST /config/field/delete", { ifMatch, body: field as never })), done);
  const wrong = text.trim() !== "" && value === undefined ? t("setting.wrong", { kind: setting.field_type }) : null;
  const options = choices ?? (setting.field_type === "Boolean" ? ["true", "false"] : null);
  const busy = save.isPending || reset.isPending;
  const large = setting.field_type === "Dict" || setting.field_type === "List";
  return (
    <Dialog
      title={setting.field_name}
      onClose={onClose}
      onSubmit={() => save.mutate(base.etag)}
      foot={
        <>
          {setting.source === "db" ? <Button look="danger" disabled={busy} onClick={() => reset.mutate(base.etag)}>{t("setting.reset")}</Button> : null}
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
      {theirs ? (
        <Conflict
          mine={{ [setting.field_name]: value }}
          theirs={{ [setting.field_name]: theirs.setting.field_value }}
          labels={{}}
          onClose={() => setTheirs(null)}
          onDiscard={() => {
            setBase(theirs);
            setText(typedSetting(theirs.setting.field_value));
            setTheirs(null);
            save.reset();
            reset.reset();
          }}
          onOverwrite={() => {
            const { etag } = theirs;
            setBase(theirs);
            setTheirs(null);
            save.mutate(etag);
          }}
        />
      ) : null}
    </Dialog>
  );
}
