import type { ReactNode } from "react";
import { useText } from "@/shared/i18n/language";
import { Icon } from "@/shared/ui/icons";
import { messages } from "./messages";

/** One step: its number becomes a tick when it is done. */
export function Step({ n, title, text, done, children }: { n: number; title: string; text: string; done: boolean; children: ReactNode }) {
  const t = useText(messages);
  return (
    <li className={done ? "step done" : "step"} aria-label={`${t("step", { n })}: ${title}${done ? ` (${t("done")})` : ""}`}>
      <span className="step-mark" aria-hidden="true">{done ? <Icon name="check" /> : n}</span>
      <section className="card padded stack">
        <div>
          <h2>{title}</h2>
          <p className="muted">{text}</p>
        </div>
        {children}
      </section>
    </li>
  );
}
