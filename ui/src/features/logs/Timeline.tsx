import type { LogRow, Step } from "@/shared/api/views";
import { useLanguage, useText } from "@/shared/i18n/language";
import { duration } from "@/shared/lib/format";
import { messages } from "./messages";

interface Part {
  name: string;
  why: string;
  from: number;
  to: number;
  look: "good" | "bad" | "wait" | "first";
}

/** When each attempt began and ended, in milliseconds from the start. Attempts follow one another. */
export function partsOf(steps: readonly Step[], whole: number, first: number | null, name: string, failed: boolean): Part[] {
  const timed = steps.filter((step) => step.kind === "try" || step.kind === "wait");
  const parts: Part[] = [];
  // What is not in any step passed before the first: reading, limits, choosing.
  let at = 0;
  for (const step of timed) {
    parts.push({ name: step.name, why: step.kind === "wait" ? "wait" : step.why, from: at, to: at + step.value, look: step.kind === "wait" ? "wait" : step.why === "success" ? "good" : "bad" });
    at += step.value;
  }
  const last = parts.at(-1);
  if (last?.look === "good") last.to = Math.max(last.to, whole);
  if (parts.length === 0) parts.push({ name, why: failed ? "failure" : "success", from: 0, to: whole, look: failed ? "bad" : "good" });
  if (first !== null) parts.push({ name: "", why: "first", from: 0, to: first, look: "first" });
  return parts;
}

/** Attempts, waits and the first token on one axis of time. The list of steps below it says the same in words. */
export function Timeline({ row }: { row: LogRow }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const began = Date.parse(row.startTime);
  const whole = Math.max(1, row.request_duration_ms ?? Date.parse(row.endTime) - began);
  const first = row.completionStartTime ? Date.parse(row.completionStartTime) - began : null;
  const parts = partsOf(row.metadata.routing_trail, whole, first, row.model_id || row.custom_llm_provider || "–", row.status !== "success");
  const end = Math.max(whole, ...parts.map((part) => part.to));
  const percent = (value: number) => `${(100 * value) / end}%`;
  return (
    <div className="timeline">
      {parts.map((part, index) => (
        <div key={index} className="row tight">
          <span className="cut small">{part.look === "first" ? t("first_token") : part.look === "wait" ? t("waited") : <code>{part.name || "–"}</code>}</span>
          <span className="lane-bar" aria-hidden="true"><span className={part.look} style={{ left: percent(part.from), width: percent(Math.max(part.to - part.from, end / 200)) }} /></span>
          <span className="num small">{duration(part.to - part.from, language)}</span>
        </div>
      ))}
    </div>
  );
}
