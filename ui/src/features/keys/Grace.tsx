import { useText } from "@/shared/i18n/language";
import { SelectField } from "@/shared/ui/field";
import { messages } from "./messages";

/** How long a replaced secret goes on working. */
export function Grace({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const t = useText(messages);
  return <SelectField label={t("grace")} value={value} onChange={onChange} options={[["", t("grace_now")], ["1h", t("grace_1h")], ["24h", t("grace_24h")], ["7d", t("grace_7d")]]} />;
}
