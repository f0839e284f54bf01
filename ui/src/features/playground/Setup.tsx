import type { ReactNode } from "react";
import { useText } from "@/shared/i18n/language";
import { typedNumber } from "@/shared/lib/format";
import type { Typed } from "@/shared/lib/form";
import { Button } from "@/shared/ui/button";
import { Field, TextField } from "@/shared/ui/field";
import { messages } from "./messages";
import { schemaOf, toolsOf, type Wrong } from "./given";

export const START: Typed = { key: "", system: "", temperature: "", most: "", tools: "", schema: "" };

const TOOL = JSON.stringify([{ name: "weather", description: "The weather of a place", parameters: { type: "object", properties: { place: { type: "string" } }, required: ["place"] } }], null, 2);
const SCHEMA = JSON.stringify({ type: "object", properties: { answer: { type: "string" }, sure: { type: "boolean" } }, required: ["answer", "sure"], additionalProperties: false }, null, 2);

/** Whether nothing typed is wrong. */
export function fits(values: Typed): boolean {
  const numbers = ["temperature", "most"].every((name) => typedNumber(values[name] ?? "") !== undefined);
  return numbers && toolsOf(values["tools"] ?? "").wrong === null && schemaOf(values["schema"] ?? "").wrong === null;
}

/** What goes along with every message: system prompt, parameters, tools, schema. */
export function Setup({ values, set }: { values: Typed; set: (name: string) => (value: string) => void }) {
  const t = useText(messages);
  const number = (name: string) => (typedNumber(values[name] ?? "") === undefined ? t("field.number") : null);
  return (
    <details>
      <summary className="small">{t("options")}</summary>
      <div className="stack tight options">
        <Field label={t("system")}>{(ids) => <textarea className="input" {...ids} value={values["system"]} maxLength={100_000} onChange={(event) => set("system")(event.target.value)} />}</Field>
        <div className="fields">
          <TextField label={t("temperature")} placeholder={t("usual")} inputMode="decimal" value={values["temperature"] ?? ""} onChange={set("temperature")} fault={number("temperature")} />
          <TextField label={t("max_tokens")} placeholder={t("usual")} inputMode="decimal" value={values["most"] ?? ""} onChange={set("most")} fault={number("most")} />
        </div>
        <div className="fields">
          <Json label={t("tools")} hint={t("tools_hint")} value={values["tools"] ?? ""} wrong={toolsOf(values["tools"] ?? "").wrong} example={TOOL} onChange={set("tools")} />
          <Json label={t("schema")} hint={t("schema_hint")} value={values["schema"] ?? ""} wrong={schemaOf(values["schema"] ?? "").wrong} example={SCHEMA} onChange={set("schema")} />
        </div>
      </div>
    </details>
  );
}

function Json({ label, hint, value, wrong, example, onChange }: { label: string; hint: ReactNode; value: string; wrong: Wrong | null; example: string; onChange: (value: string) => void }) {
  const t = useText(messages);
  return (
    <div className="stack tight">
      <Field label={label} hint={hint} fault={wrong ? t(`wrong.${wrong}`) : null}>
        {(ids) => <textarea className="input mono" rows={5} spellCheck={false} {...ids} value={value} maxLength={200_000} onChange={(event) => onChange(event.target.value)} />}
      </Field>
      <div className="row"><Button tiny aria-label={`${t(value ? "empty_it" : "example")}: ${label}`} onClick={() => onChange(value ? "" : example)}>{t(value ? "empty_it" : "example")}</Button></div>
    </div>
  );
}
