import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, get } from "@/shared/api/client";
import { useText } from "@/shared/i18n/language";
import { faultOf, isPlaced, listOf, useChange, useTyped, type Typed } from "@/shared/lib/form";
import { useMay } from "@/shared/lib/session";
import { ALLOWANCE, AllowanceFields, allowanceOf, typedAllowance, useModelNames, wrongNumber } from "@/shared/ui/allowance";
import { Button } from "@/shared/ui/button";
import { Conflict } from "@/shared/ui/conflict";
import { Dialog } from "@/shared/ui/dialog";
import { InEffect } from "@/shared/ui/effective";
import { SelectField, TextField } from "@/shared/ui/field";
import { Fault } from "@/shared/ui/states";
import { toast } from "@/shared/ui/toast";
import { messages } from "./messages";
import type { Fields, FieldSpec, Spec, Stored } from "./spec";

function typed(fields: readonly FieldSpec[], row: Fields | null): Typed {
  const own = fields.map((field) => {
    const value = row?.[field.name];
    return [field.name, field.kind === "own" ? JSON.stringify(value ?? {}) : Array.isArray(value) ? value.join(", ") : value === null || value === undefined ? "" : String(value)];
  });
  return { ...Object.fromEntries(own), ...typedAllowance((row ?? {}) as never) };
}

/** What the fields say, as the API takes it. */
function meant(fields: readonly FieldSpec[], values: Typed): Fields {
  const own = fields.map((field) => {
    const text = values[field.name] ?? "";
    return [field.name, field.kind === "own" ? JSON.parse(text || "{}") as unknown : field.kind === "list" ? listOf(text) : field.kind === "password" ? text || null : text.trim() || null];
  });
  return Object.fromEntries(own);
}

const differs = (before: Fields, after: Fields): Fields =>
  Object.fromEntries(Object.entries(after).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])));

interface FormProps<Row> {
  spec: Spec<Row>;
  stored: Stored<Row> | null;
  onClose: () => void;
  onDone: (name: string) => void;
}

/** Makes or changes one thing; what two people change at once is shown side by side. */
export function EntityForm<Row>({ spec, stored, onClose, onDone }: FormProps<Row>) {
  const t = useText(messages);
  const models = useModelNames();
  const may = useMay();
  const roles = useQuery({
    queryKey: ["roles", "names"],
    enabled: spec.name === "users" && may("role.read"),
    queryFn: ({ signal }) => get<{ roles: { role: string }[] }>()("GET /role/list", { signal }),
  });
  const fields = spec.fields.filter((field) => stored === null || !field.once);
  const [base, setBase] = useState(stored);
  const [theirs, setTheirs] = useState<Stored<Row> | null>(null);
  const { values, set, setValues } = useTyped(typed(fields, (stored?.row ?? null) as Fields | null));
  const said = (typedIn: Typed): Fields => ({ ...meant(fields, typedIn), ...(spec.bare ? {} : allowanceOf(typedIn)) });
  const after = said(values);
  const before = said(typed(fields, (base?.row ?? null) as Fields | null));
  const mine = stored ? differs(before, after) : Object.fromEntries(Object.entries(after).filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0)));
  // Roles of one's own, and whatever somebody has already: a list without it would change it silently.
  const built = new Set(fields.find((field) => field.name === "user_role")?.options?.(t).map(([id]) => id));
  const own = [...new Set([...(roles.data?.roles ?? []).map((each) => each.role), values["user_role"] ?? ""])].filter((role) => role && !built.has(role)).map((role): [string, string] => [role, role]);
  const missing = fields.some((field) => field.needed && !values[field.name]?.trim());
  const save = useChange(
    async (etag: string | null) => {
      if (stored === null) return spec.create(mine);
      try {
        return await spec.update(spec.id(stored.row), mine, etag);
      } catch (error) {
        if (error instanceof ApiError && error.trouble === "conflict") setTheirs(await spec.read(spec.id(stored.row)));
        throw error;
      }
    },
    () => {
      const named = fields[0] ? values[fields[0].name] : "";
      toast(stored ? t("done.saved") : t("done.created", { name: named || t(`${spec.name}.new`) }));
      onDone(named ?? "");
      onClose();
    },
  );
  const labels = Object.fromEntries([...fields.map((field) => [field.name, field.label(t)]), ...ALLOWANCE.map((name) => [name, t(`field.${name}`)])]);
  return (
    <Dialog
      title={stored ? t("edit_title", { name: spec.title(stored.row) }) : t(`${spec.name}.new`)}
      onClose={onClose}
      onSubmit={() => save.mutate(base?.etag ?? null)}
      foot={
        <>
          <Button onClick={onClose}>{t("do.cancel")}</Button>
          <Button type="submit" look="primary" disabled={save.isPending || missing || wrongNumber(values) !== null || (stored !== null && Object.keys(mine).length === 0)}>
            {save.isPending ? t("do.saving") : stored ? t("do.save") : t("do.create")}
          </Button>
        </>
      }
    >
      {fields.map((field, index) =>
        field.Editor ? (
          <field.Editor key={field.name} value={values[field.name] ?? ""} onChange={set(field.name)} fault={faultOf(save.error, field.name)} />
        ) : field.kind === "select" ? (
          <SelectField key={field.name} label={field.label(t)} hint={field.hint?.(t)} value={values[field.name] ?? ""} options={[...(field.options?.(t) ?? []), ...(field.name === "user_role" ? own : [])]} onChange={set(field.name)} fault={faultOf(save.error, field.name)} />
        ) : (
          <TextField
            key={field.name}
            label={field.label(t)}
            hint={field.hint?.(t)}
            type={field.kind === "password" ? "password" : "text"}
            autoComplete={field.kind === "password" ? "new-password" : "off"}
            autoFocus={index === 0}
            {...(field.name === "models" || field.name === "access_model_names" ? { list: models.data ?? [] } : {})}
            value={values[field.name] ?? ""}
            onChange={set(field.name)}
            fault={faultOf(save.error, field.name)}
          />
        ),
      )}
      {spec.bare ? null : (
        <>
          <h3>{t("limits")}</h3>
          <AllowanceFields values={values} set={set} error={save.error} />
        </>
      )}
      {isPlaced(save.error, [...fields.map((field) => field.name), ...ALLOWANCE]) ? null : <Fault error={save.error} />}
      {stored && spec.limited ? <InEffect whose={spec.limited} id={spec.id(stored.row)} /> : null}
      {theirs && stored ? (
        <Conflict
          mine={mine}
          theirs={said(typed(fields, theirs.row as Fields))}
          labels={labels}
          onClose={() => setTheirs(null)}
          onDiscard={() => {
            setValues(typed(fields, theirs.row as Fields));
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
