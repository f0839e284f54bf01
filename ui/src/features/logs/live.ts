import { useEffect, useRef, useState } from "react";
import { addressOf, apiRoot } from "@/shared/api/client";
import type { LogRow } from "@/shared/api/views";
import { whoseOf, type Filter } from "./filter";

export const MOST = 200;
const SECONDS = 3600;

/** `off`; `connecting`; `live`; `lost`: nothing comes by itself any more, so the page has to ask. */
export type LiveState = "off" | "connecting" | "live" | "lost";

/** The newest rows first, none twice, not more than the page can hold. */
export function joined(newer: readonly LogRow[], older: readonly LogRow[], most = MOST): LogRow[] {
  const seen = new Set<string>();
  const name = (row: LogRow) => `${row.request_id} ${row.startTime}`;
  return [...newer, ...older].filter((row) => !seen.has(name(row)) && seen.add(name(row))).slice(0, most);
}

/** Requests as the gateway takes them in, while `on`. */
export function useLive(filter: Filter, on: boolean): { rows: LogRow[]; state: LiveState; missed: boolean } {
  const whose = JSON.stringify(whoseOf(filter));
  const [found, setFound] = useState<{ whose: string; rows: LogRow[]; missed: boolean }>({ whose, rows: [], missed: false });
  const [state, setState] = useState<LiveState>("off");
  const again = useRef(0);
  useEffect(() => {
    if (!on) return;
    let source: EventSource | null = null;
    let timer = 0;
    const open = () => {
      setState("connecting");
      source = new EventSource(apiRoot() + addressOf("GET /spend/logs/live", undefined, { ...(JSON.parse(whose) as object), seconds: SECONDS }));
      source.addEventListener("open", () => {
        again.current = 0;
        setState("live");
      });
      source.addEventListener("rows", (event) => {
        const data = JSON.parse((event as MessageEvent<string>).data) as { rows: LogRow[]; more: boolean };
        setFound((old) => ({ whose, rows: joined(data.rows, old.whose === whose ? old.rows : []), missed: data.more || (old.whose === whose && old.missed) }));
      });
      source.addEventListener("end", (event) => {
        const reason = (JSON.parse((event as MessageEvent<string>).data) as { reason: string }).reason;
        source?.close();
        if (reason === "time") open();
        else setState("lost");
      });
      source.addEventListener("error", () => {
        // The browser would try again at once and for ever; what the page says in the meantime is that it asks by itself.
        source?.close();
        setState("lost");
        timer = window.setTimeout(open, Math.min(30_000, 2_000 * 2 ** again.current));
        again.current += 1;
      });
    };
    open();
    return () => {
      window.clearTimeout(timer);
      source?.close();
    };
  }, [on, whose]);
  const mine = found.whose === whose && on;
  return { rows: mine ? found.rows : [], state: on ? state : "off", missed: mine && found.missed };
}
