import { useQuery } from "@tanstack/react-query";
import { get } from "@/shared/api/client";
import type { LogPage, LogRow } from "@/shared/api/views";
import { useLanguage, useText } from "@/shared/i18n/language";
import { compact, count, duration, moment } from "@/shared/lib/format";
import { Dialog } from "@/shared/ui/dialog";
import { Failed, Skeleton } from "@/shared/ui/states";
import { Id, Money } from "@/shared/ui/values";
import { messages } from "./messages";
import { Result } from "./Result";

const MOST = 200;

/** The calls of a session as a trace: when each began and how long it took, on one axis of time. */
export function SessionDrawer({ id, onOpen, onClose }: { id: string; onOpen: (row: LogRow) => void; onClose: () => void }) {
  const t = useText(messages);
  const found = useQuery({ queryKey: ["session", id], queryFn: ({ signal }) => get<LogPage>()("GET /spend/logs/session/ui", { signal, query: { session_id: id, page_size: MOST } }) });
  return (
    <Dialog kind="drawer" title={t("session")} onClose={onClose}>
      {found.data ? <Trace id={id} rows={found.data.data} total={found.data.total} onOpen={onOpen} /> : found.isError ? <Failed error={found.error} onRetry={() => void found.refetch()} /> : <Skeleton lines={10} />}
    </Dialog>
  );
}

function Trace({ id, rows, total, onOpen }: { id: string; rows: readonly LogRow[]; total: number; onOpen: (row: LogRow) => void }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const began = Math.min(...rows.map((row) => Date.parse(row.startTime)));
  const ended = Math.max(...rows.map((row) => Date.parse(row.endTime)));
  const whole = Math.max(1, ended - began);
  const sum = (of: (row: LogRow) => number) => rows.reduce((all, row) => all + of(row), 0);
  if (rows.length === 0) return <p className="muted">{t("table.none")}</p>;
  return (
    <>
      <dl className="facts">
        <dt>{t("field.id")}</dt>
        <dd><Id value={id} /></dd>
        <dt>{t("started")}</dt>
        <dd>{moment(new Date(began).toISOString(), language)}</dd>
        <dt>{t("lasted")}</dt>
        <dd>{duration(whole, language)}</dd>
        <dt>{t("calls")}</dt>
        <dd>{count(total, language)}{total > rows.length ? ` (${t("first_shown", { count: rows.length })})` : ""}</dd>
        <dt>{t("tokens")}</dt>
        <dd>{compact(sum((row) => row.total_tokens), language)}</dd>
        <dt>{t("cost")}</dt>
        <dd><Money value={sum((row) => row.spend)} /></dd>
      </dl>
      <ol className="plain trace">
        {rows.map((row) => {
          const from = Date.parse(row.startTime) - began;
          const long = Date.parse(row.endTime) - Date.parse(row.startTime);
          return (
            <li key={`${row.request_id} ${row.startTime}`}>
              <button type="button" onClick={() => onOpen(row)}>
                <span className="row tight between"><span className="row tight grow"><Result row={row} /><strong className="cut">{row.model_group || row.model}</strong></span><span className="num small">{compact(row.total_tokens, language)} · <Money value={row.spend} /></span></span>
                <span className="row tight">
                  <span className="lane-bar" aria-hidden="true"><span className={row.status === "success" ? "good" : "bad"} style={{ left: `${Math.min(99.5, (100 * from) / whole)}%`, width: `${Math.max(0.5, (100 * long) / whole)}%` }} /></span>
                  <span className="num small muted">{t("at_for", { at: duration(from, language), time: duration(long, language) })}</span>
                </span>
              </button>
            </li>
          );
        })}
      </ol>
    </>
  );
}
