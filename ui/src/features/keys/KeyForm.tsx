import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, get } from "@/shared/api/client";
import type { Key, NewKey, Team } from "@/shared/api/views";
import { useText } from "@/shared/i18n/language";
import { faultOf, isPlaced, useChange, useTyped, type Typed } from "@/shared/lib/form";
import { ALLOWANCE, AllowanceFields, typedAllowance, useModelNames, wrongNumber } from "@/shared/ui/allowance";
import { Button } from "@/shared/ui/button";
import { Conflict } from "@/shared/ui/conflict";
import { Dialog } from "@/shared/ui/dialog";
import { InEffect } from "@/shared/ui/effective";
import { SelectField, TextField } from "@/shared/ui/field";
import { Fault } from "@/shared/ui/states";
import { toast } from "@/shared/ui/toast";
import { changed, createKey, fieldsOf, readKey, updateKey } from "./api";
import { messages } from "./messages";

const OWN = ["key_alias", "models", "tags", "team_id", "duration"];

function typed(key: Key | null): Typed {
  return {
    key_alias: key?.key_alias ?? "",
    models: key?.models.join(", ") ?? "",
    tags: key?.tags.join(", ") ?? "",
    team_id: key?.team_id ?? "",
    duration: "",
    ...typedAllowance(key ?? {}),
  };
}

function Fields({ values, set, error, isNew }: { values: Typed; set: (name: string) => (value: string) => void; error: unknown; isNew: boolean }) {
  const t = useText(messages);
  const models = useModelNames();
  const teams = useQuery({
    queryKey: ["teams", "names"],
    queryFn: () => get<{ teams: Team[] }>()("GET /v2/team/list", { query: { page_size: 100 } as never }),
  });
  const names: [string, string][] = [["", "–"], ...(teams.data?.teams ?? []).map((each): [string, string] => [each.team_id, each.team_alias ?? each.team_id])];
  if (values["team_id"] && !names.some(([id]) => id === values["team_id"])) names.push([values["team_id"], values["team_id"]]);
  return (
    <>
      <TextField label={t("field.name")} hint={t("name_hint")} autoFocus value={values["key_alias"] ?? ""} onChange={set("key_alias")} fault={faultOf(error, "key_alias")} />
      <div className="fields">
        <SelectField label={t("field.team")} hint={t("team_hint")} value={values["team_id"] ?? ""} options={names} onChange={set("team_id")} fault={faultOf(error, "team_id")} />
        <TextField label={t("duration")} hint={t("duration_hint")} value={values["duration"] ?? ""} onChange={set("duration")} fault={faultOf(error, "duration")} placeholder={isNew ? "90d" : undefined} />
      </div>
      <TextField label={t("field.models")} hint={t("field.models_hint")} list={models.data ?? []} value={values["models"] ?? ""} onChange={set("models")} fault={faultOf(error, "models")} />
      <TextField label={t("field.tags")} hint={t("field.tags_hint")} value={values["tags"] ?? ""} onChange={set("tags")} fault={faultOf(error, "tags")} />
      <h3>{t("limits")}</h3>
      <AllowanceFields values={values} set={set} error={error} />
      {isPlaced(error, [...OWN, ...ALLOWANCE]) ? null : <Fault error={error} />}
    </>
  );
}

export function NewKeyForm({ onCreated, onClose }: { onCreated: (key: NewKey) => void; onClose: () => void }) {
  const t = useText(messages);
  const { values, set } = useTyped(typed(null));
  const create = useChange(() => {
    const given = Object.entries(fieldsOf(values)).filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0));
    return createKey(Object.fromEntries(given));
  }, onCreated);
  return (
    <Dialog
      title={t("create_title")}
      onClose={onClose}
      onSubmit={() => create.mutate(undefined)}
      foot={
        <>
          <Button onClick={onClose}>{t("do.cancel")}</Button>
          <Button type="submit" look="primary" disabled={create.isPending || wrongNumber(values) !== null}>
            {t("do.create")}
          </Button>
        </>
      }
    >
      <Fields values={values} set={set} error={create.error} isNew />
    </Dialog>
  );
}

interface EditProps {
  stored: { key: Key; etag: string | null };
  onClose: () => void;
}

export function EditKeyForm({ stored, onClose }: EditProps) {
  const t = useText(messages);
  const [base, setBase] = useState(stored);
  const [theirs, setTheirs] = useState<typeof stored | null>(null);
  const { values, set, setValues } = useTyped(typed(stored.key));
  const mine = changed(fieldsOf(typed(base.key)), fieldsOf(values));
  const save = useChange(
    async (etag: string | null) => {
      try {
        await updateKey(stored.key.token, mine, etag);
      } catch (error) {
        if (error instanceof ApiError && error.trouble === "conflict") setTheirs(await readKey(stored.key.token));
        throw error;
      }
    },
    () => {
      toast(t("done.saved"));
      onClose();
    },
  );
  const labels = Object.fromEntries([
    ...ALLOWANCE.map((name) => [name, t(`field.${name}`)]),
    ["key_alias", t("field.name")], ["models", t("field.models")], ["tags", t("field.tags")], ["team_id", t("field.team")], ["duration", t("duration")],
  ]); // prettier-ignore
  return (
    <Dialog
      title={t("edit_title", { name: stored.key.key_alias ?? stored.key.key_name })}
      onClose={onClose}
      onSubmit={() => save.mutate(base.etag)}
      foot={
        <>
          <Button onClick={onClose}>{t("do.cancel")}</Button>
          <Button type="submit" look="primary" disabled={save.isPending || Object.keys(mine).length === 0 || wrongNumber(values) !== null}>
            {save.isPending ? t("do.saving") : t("do.save")}
          </Button>
        </>
      }
    >
      <Fields values={values} set={set} error={save.error} isNew={false} />
      <InEffect whose="key" id={stored.key.token} />
      {theirs ? (
        <Conflict
          mine={mine}
          theirs={fieldsOf(typed(theirs.key))}
          labels={labels}
          onClose={() => setTheirs(null)}
          onDiscard={() => {
            setValues(typed(theirs.key));
            setBase(theirs);
            setTheirs(null);
            save.reset();
          }}
          onOverwrite={() => {
            const { etag } = theirs;
            setTheirs(null);
            save.mutate(etag);
          }}
        />
      ) : null}
    </Dialog>
  );
}
