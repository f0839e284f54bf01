import { useEffect, useRef, useState } from "react";
import { useLanguage, useText } from "@/shared/i18n/language";
import { download } from "@/shared/lib/csv";
import { count } from "@/shared/lib/format";
import { Button } from "@/shared/ui/button";
import { wordsOf } from "@/shared/ui/states";
import { toast } from "@/shared/ui/toast";
import { csvOfRows, everything, MOST } from "./export";
import type { Filter } from "./filter";
import { messages } from "./messages";

/** The filtered rows as a file; says how far it is, and can be stopped. */
export function ExportButton({ filter }: { filter: Filter }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const [loaded, setLoaded] = useState<number | null>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  const run = async (kind: "csv" | "json") => {
    const controller = new AbortController();
    stop.current = controller;
    setLoaded(0);
    try {
      const rows = await everything(filter, controller.signal, setLoaded);
      const name = `logs-${filter.start}-${filter.end}.${kind}`;
      download(name, kind === "csv" ? "text/csv" : "application/json", kind === "csv" ? csvOfRows(rows) : JSON.stringify(rows, null, 1));
      toast(t(rows.length >= MOST ? "exported_most" : "exported", { count: count(rows.length, language) }));
    } catch (error) {
      if (!controller.signal.aborted) toast(wordsOf(error, t).title);
    }
    setLoaded(null);
  };
  if (loaded !== null) return <Button onClick={() => stop.current?.abort()}>{t("export_stop", { count: count(loaded, language) })}</Button>;
  return (
    <>
      <Button icon="file" onClick={() => void run("csv")}>{t("do.export_csv")}</Button>
      <Button icon="file" onClick={() => void run("json")}>{t("do.export_json")}</Button>
    </>
  );
}
