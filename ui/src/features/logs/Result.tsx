import type { LogRow } from "@/shared/api/views";
import { useText } from "@/shared/i18n/language";
import { Badge } from "@/shared/ui/values";
import { messages } from "./messages";

export function Result({ row }: { row: LogRow }) {
  const t = useText(messages);
  if (row.status === "success") return row.metadata.client_left ? <Badge look="warn">{t("left")}</Badge> : <Badge look="good">{t("success")}</Badge>;
  return <Badge look="bad">{row.metadata.status_code || t("failure")}</Badge>;
}
