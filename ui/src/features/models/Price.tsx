import type { Deployment } from "@/shared/api/views";
import { useLanguage } from "@/shared/i18n/language";
import { money } from "@/shared/lib/format";
import { MILLION } from "./api";

export function Price({ found }: { found: Deployment }) {
  const { language } = useLanguage();
  const of = (name: string) => (typeof found.model_info[name] === "number" ? money(Number(found.model_info[name]) * MILLION, language) : "–");
  return <span className="num">{of("input_cost_per_token")} / {of("output_cost_per_token")}</span>;
}
