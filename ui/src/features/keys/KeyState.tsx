import type { Key } from "@/shared/api/views";
import { useCommon } from "@/shared/i18n/language";
import { Badge } from "@/shared/ui/values";

export function KeyState({ row }: { row: Key }) {
  const t = useCommon();
  if (row.blocked) return <Badge look="bad">{t("state.blocked")}</Badge>;
  if (row.expires !== null && new Date(row.expires) < new Date()) return <Badge look="warn">{t("state.expired")}</Badge>;
  return <Badge look="good">{t("state.active")}</Badge>;
}
