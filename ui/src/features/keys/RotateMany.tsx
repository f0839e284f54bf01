import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import type { Key, NewKey } from "@/shared/api/views";
import { useText } from "@/shared/i18n/language";
import { forEach, type Outcome } from "@/shared/lib/bulk";
import { csvOf, download } from "@/shared/lib/csv";
import { Button } from "@/shared/ui/button";
import { Dialog } from "@/shared/ui/dialog";
import { Icon } from "@/shared/ui/icons";
import { wordsOf } from "@/shared/ui/states";
import { rotateKey } from "./api";
import { Grace } from "./Grace";
import { messages } from "./messages";

interface RotateProps {
  rows: readonly Key[];
  name: (row: Key) => string;
  onClose: () => void;
  onDone: () => void;
}

/** New secrets for many keys: shown this once, to be copied or kept as a file before the dialog goes. */
export function RotateMany({ rows, name, onClose, onDone }: RotateProps) {
  const t = useText(messages);
  const queries = useQueryClient();
  const [grace, setGrace] = useState("24h");
  const [over, setOver] = useState<number | null>(null);
  const [outcome, setOutcome] = useState<Outcome<Key> | null>(null);
  const [kept, setKept] = useState(false);
  const [warned, setWarned] = useState(false);
  const [fresh, setFresh] = useState<readonly (readonly [string, string])[]>([]);
  const stop = useRef<AbortController | null>(null);
  const start = async () => {
    const controller = new AbortController();
    stop.current = controller;
    setOver(0);
    const made = new Map<string, NewKey>();
    const found = await forEach(rows, async (row) => made.set(row.token, await rotateKey(row.token, grace)), setOver, controller.signal);
    void queries.invalidateQueries();
    setFresh(rows.flatMap((row) => made.get(row.token) ?? []).map((each) => [each.key_alias ?? each.key_name, each.key]));
    setOutcome(found);
  };
  const leave = () => {
    if (fresh.length > 0 && !kept) setWarned(true);
    else onDone();
  };
  const copy = () => void navigator.clipboard.writeText(fresh.map((each) => each.join("\t")).join("\n")).then(() => setKept(true));
  const save = () => {
    download("new-keys.csv", "text/csv", csvOf(["name", "key"], fresh));
    setKept(true);
  };
  const running = over !== null && outcome === null;
  return (
    <Dialog
      title={t("bulk.title", { action: t("rotate"), count: rows.length })}
      onClose={running ? () => stop.current?.abort() : outcome ? leave : onClose}
      onSubmit={() => (over === null ? void start() : undefined)}
      foot={
        outcome ? <Button look="primary" onClick={leave}>{t(fresh.length > 0 ? "reveal_many_done" : "do.close")}</Button> : running ? <Button onClick={() => stop.current?.abort()}>{t("bulk.stop")}</Button> : (
          <>
            <Button onClick={onClose}>{t("do.cancel")}</Button>
            <Button type="submit" look="primary">{t("rotate")}</Button>
          </>
        )
      }
    >
      {over === null ? <><p>{t("rotate_many_text")}</p><p className="wrap small muted">{named(rows.map(name), (count) => t("bulk.more", { count }))}</p><Grace value={grace} onChange={setGrace} /></> : null}
      {running ? (
        <div className="stack tight">
          <progress max={rows.length} value={over} aria-label={t("bulk.progress")} />
          <span className="small" role="status">{t("bulk.over", { count: over, of: rows.length })}</span>
        </div>
      ) : null}
      {fresh.length > 0 ? (
        <>
          <div className={warned && !kept ? "notice bad" : "notice warn"} role={warned && !kept ? "alert" : undefined}><Icon name="warn" />{t(warned && !kept ? "reveal_many_first" : "reveal_many_text")}</div>
          <div className="row">
            <Button icon={kept ? "check" : "copy"} onClick={copy}>{t("reveal_many_copy")}</Button>
            <Button icon="file" onClick={save}>{t("reveal_many_file")}</Button>
          </div>
          {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- long tables scroll inside */}
          <div className="table-wrap" role="region" aria-label={t("reveal_many")} tabIndex={0}>
            <table className="data">
              <thead><tr><th scope="col">{t("field.name")}</th><th scope="col">{t("key")}</th></tr></thead>
              <tbody>{fresh.map(([label, value]) => <tr key={value}><th scope="row">{label}</th><td><code data-testid="new-keys">{value}</code></td></tr>)}</tbody>
            </table>
          </div>
        </>
      ) : null}
      {outcome && outcome.left.length > 0 ? <p>{t("bulk.left", { count: outcome.left.length })}</p> : null}
      {outcome && outcome.failed.length > 0 ? (
        <div className="notice bad" role="alert">
          <div className="wrap">
            <strong>{t("bulk.failed", { count: outcome.failed.length })}</strong>
            {outcome.failed.slice(0, 20).map(({ item, error }) => <div key={item.token} className="small">{name(item)}: {wordsOf(error, t).detail ?? wordsOf(error, t).title}</div>)}
          </div>
        </div>
      ) : null}
    </Dialog>
  );
}

const SHOWN = 12;

function named(names: readonly string[], more: (count: number) => string): string {
  return names.slice(0, SHOWN).join(", ") + (names.length > SHOWN ? ` ${more(names.length - SHOWN)}` : "");
}
