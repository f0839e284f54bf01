import { useQuery } from "@tanstack/react-query";
import { get } from "../api/client";
import type { ModelGroup } from "../api/views";
import { useCommon, useLanguage } from "../i18n/language";
import { typedNumber } from "../lib/format";
import { faultOf, type Typed } from "../lib/form";
import { localeOf } from "../lib/format";
import { TextField } from "./field";

export const NUMBERS = ["max_budget", "soft_budget", "rpm_limit", "tpm_limit", "max_parallel_requests"] as const;
export const ALLOWANCE = [...NUMBERS, "budget_duration"] as const;
export type AllowanceName = (typeof ALLOWANCE)[number];

/** The first field that holds no number. */
export function wrongNumber(values: Typed): string | null {
  return NUMBERS.find((name) => typedNumber(values[name] ?? "") === undefined) ?? null;
}

/** What somebody typed, as the API takes it. */
export function allowanceOf(values: Typed): Record<AllowanceName, number | string | null> {
  const numbers = NUMBERS.map((name) => [name, typedNumber(values[name] ?? "") ?? null]);
  return { ...Object.fromEntries(numbers), budget_duration: values["budget_duration"]?.trim() || null };
}

/** What these fields were on `row`, to set them back. */
export function before(row: object, fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.keys(fields).map((name) => [name, (row as Record<string, unknown>)[name] ?? null]));
}

/** The other way round, for editing. */
export function typedAllowance(row: Partial<Record<AllowanceName, number | string | null>>): Typed {
  return Object.fromEntries(ALLOWANCE.map((name) => [name, row[name] === null || row[name] === undefined ? "" : String(row[name])]));
}

export function AllowanceFields({ values, set, error }: { values: Typed; set: (name: string) => (value: string) => void; error: unknown }) {
  const t = useCommon();
  return (
    <div className="fields">
      {ALLOWANCE.map((name) => {
        const wrong = name !== "budget_duration" && typedNumber(values[name] ?? "") === undefined;
        return (
          <TextField
            key={name}
            label={t(`field.${name}`)}
            value={values[name] ?? ""}
            onChange={set(name)}
            hint={name === "budget_duration" ? t("field.budget_duration_hint") : undefined}
            placeholder={name === "budget_duration" ? "30d" : undefined}
            fault={wrong ? t("field.number") : faultOf(error, name)}
            {...(name === "budget_duration" ? { list: ["1d", "7d", "30d"] } : { inputMode: "decimal" as const })}
          />
        );
      })}
    </div>
  );
}

/** All model names the caller may use. */
export function useModelNames() {
  const { language } = useLanguage();
  return useQuery({
    queryKey: ["model-groups"],
    staleTime: 60_000,
    queryFn: () => get<{ data: ModelGroup[] }>()("GET /model_group/info"),
    select: (found) => found.data.map((each) => each.model_group).sort((a, b) => a.localeCompare(b, localeOf(language))),
  });
}
