import type { Step } from "../api/views";
import { useCommon, useLanguage } from "../i18n/language";
import { duration } from "../lib/format";

const LOOKS: Record<string, string> = { try: "bad", skip: "warn", stop: "bad", fallback: "accent" };

/** How a request found its deployment: considered, left out and why, tried, and where it went on. */
export function Trail({ steps }: { steps: readonly Step[] }) {
  const t = useCommon();
  const { language } = useLanguage();
  const told = (step: Step): string => {
    const time = duration(step.value, language);
    if (step.kind === "among") return t("trail.among", { count: step.value, why: step.why });
    if (step.kind === "skip") return step.value > 0 ? t("trail.skip_for", { why: step.why, time: duration(step.value * 1000, language) }) : t("trail.skip", { why: step.why });
    if (step.kind === "try") return step.why === "success" ? t("trail.good", { time }) : t("trail.bad", { why: step.why, time });
    if (step.kind === "wait") return t("trail.wait", { why: step.why, time });
    if (step.kind === "fallback") return t("trail.fallback", { why: step.why });
    return t("trail.stop", { why: step.why });
  };
  if (steps.length === 0) return <p className="muted small">{t("trail.none")}</p>;
  return (
    <ol className="trail">
      {steps.map((step, index) => (
        <li key={index} className={step.kind === "try" && step.why === "success" ? "good" : (LOOKS[step.kind] ?? "")}>
          {step.name ? <code>{step.name}</code> : null} {told(step)}
        </li>
      ))}
    </ol>
  );
}
