import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { useCommon, type Common } from "../i18n/language";
import { Button } from "./button";
import { Icon, type IconName } from "./icons";

export function Empty({ icon, title, text, children }: { icon: IconName; title: string; text?: ReactNode; children?: ReactNode }) {
  return (
    <div className="empty">
      <Icon name={icon} />
      <h2>{title}</h2>
      {text ? <p>{text}</p> : null}
      {children}
    </div>
  );
}

/** What happened, what to do, and what exactly the gateway said. */
export function wordsOf(error: unknown, t: Common): { title: string; hint: string; detail: string | null } {
  const problem = error instanceof ApiError ? error : new ApiError(500, String(error), "defect", null);
  const kind = problem.trouble;
  return {
    title: t(`error.${kind}`),
    hint: t(`error.${kind}_hint`, { seconds: problem.retryAfter ?? 1 }),
    detail: kind === "offline" || kind === "session" ? null : problem.message,
  };
}

export function Fault({ error }: { error: unknown }) {
  const t = useCommon();
  if (!error) return null;
  const words = wordsOf(error, t);
  return (
    <div className="notice bad" role="alert">
      <Icon name="warn" />
      <div className="wrap">
        <strong>{words.title}.</strong> {words.hint}
        {words.detail ? <div className="small">{words.detail}</div> : null}
      </div>
    </div>
  );
}

export function Failed({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const t = useCommon();
  const words = wordsOf(error, t);
  return (
    <div role="alert">
      <Empty
        icon="warn"
        title={words.title}
        text={
          <>
            {words.hint}
            {words.detail ? <span className="small wrap"> ({words.detail})</span> : null}
          </>
        }
      >
        <Button icon="refresh" onClick={onRetry}>
          {t("do.retry")}
        </Button>
      </Empty>
    </div>
  );
}

const WIDTHS = ["62%", "84%", "48%", "73%", "57%"];

export function Skeleton({ lines = 4 }: { lines?: number }) {
  const t = useCommon();
  return (
    <div className="stack tight" role="status" aria-label={t("state.loading")}>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} className="skeleton" style={{ width: WIDTHS[index % WIDTHS.length] }} />
      ))}
    </div>
  );
}
