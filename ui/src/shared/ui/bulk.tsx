import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState, type ReactNode } from "react";
import { useCommon } from "../i18n/language";
import { forEach, type Outcome } from "../lib/bulk";
import { useTyped, type Typed } from "../lib/form";
import { ALLOWANCE, AllowanceFields, allowanceOf, wrongNumber } from "./allowance";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { wordsOf } from "./states";
import { toast } from "./toast";

export interface BulkAction<Row> {
  id: "block" | "unblock" | "limits" | "delete";
  run: (row: Row, fields: Record<string, unknown>) => Promise<unknown>;
  /** Brings back what `run` has changed. */
  undo?: (row: Row, fields: Record<string, unknown>) => Promise<unknown>;
}

interface BulkProps<Row> {
  chosen: ReadonlyMap<string, Row>;
  name: (row: Row) => string;
  actions: readonly BulkAction<Row>[];
  onClear: () => void;
  /** Buttons for what is not done row by row alike. */
  children?: ReactNode;
}

/** What can be done with all chosen rows of a table. */
export function BulkBar<Row>({ chosen, name, actions, onClear, children }: BulkProps<Row>) {
  const t = useCommon();
  const [action, setAction] = useState<BulkAction<Row> | null>(null);
  if (chosen.size === 0) return null;
  return (
    <div className="card bulk row" role="group" aria-label={t("bulk.label")}>
      <strong className="grow">{t("bulk.chosen", { count: chosen.size })}</strong>
      {actions.map((each) => (
        <Button key={each.id} tiny look={each.id === "delete" ? "danger" : undefined} onClick={() => setAction(each)}>{t(`bulk.${each.id}`)}</Button>
      ))}
      {children}
      <Button tiny look="quiet" onClick={onClear}>{t("bulk.clear")}</Button>
      {action ? <BulkDialog key={action.id} action={action} rows={[...chosen.values()]} name={name} onClose={() => setAction(null)} onDone={() => { setAction(null); onClear(); }} /> : null}
    </div>
  );
}

/** Only what was filled in is set; the rest of each stays as it is. */
export function filledIn(values: Typed): Record<string, unknown> {
  return Object.fromEntries(Object.entries(allowanceOf(values)).filter(([, value]) => value !== null));
}

interface DialogProps<Row> {
  action: BulkAction<Row>;
  rows: readonly Row[];
  name: (row: Row) => string;
  onClose: () => void;
  onDone: () => void;
}

function BulkDialog<Row>({ action, rows, name, onClose, onDone }: DialogProps<Row>) {
  const t = useCommon();
  const queries = useQueryClient();
  const { values, set } = useTyped(Object.fromEntries(ALLOWANCE.map((each) => [each, ""])));
  const [over, setOver] = useState<number | null>(null);
  const [outcome, setOutcome] = useState<Outcome<Row> | null>(null);
  const stop = useRef<AbortController | null>(null);
  const fields = action.id === "limits" ? filledIn(values) : {};
  const running = over !== null && outcome === null;
  const undo = (done: readonly Row[]) => {
    const back = action.undo;
    if (!back || done.length === 0) return {};
    return {
      undo: () =>
        void forEach(done, (row) => back(row, fields), () => undefined, new AbortController().signal).then((found) => {
          void queries.invalidateQueries();
          toast(found.failed.length > 0 ? t("bulk.failed", { count: found.failed.length }) : t("bulk.undone", { count: found.done.length }), { bad: found.failed.length > 0 });
        }),
    };
  };
  const start = async () => {
    const controller = new AbortController();
    stop.current = controller;
    setOutcome(null);
    setOver(0);
    const found = await forEach(rows, (row) => action.run(row, fields), setOver, controller.signal);
    void queries.invalidateQueries();
    toast(t("bulk.done", { count: found.done.length, of: rows.length }), undo(found.done));
    if (found.failed.length === 0 && found.left.length === 0) onDone();
    else setOutcome(found);
  };
  const nothing = action.id === "limits" && (Object.keys(fields).length === 0 || wrongNumber(values) !== null);
  return (
    <Dialog
      title={t("bulk.title", { action: t(`bulk.${action.id}`), count: rows.length })}
      onClose={running ? () => stop.current?.abort() : outcome ? onDone : onClose}
      onSubmit={() => void start()}
      foot={
        outcome ? <Button look="primary" onClick={onDone}>{t("do.close")}</Button> : running ? <Button onClick={() => stop.current?.abort()}>{t("bulk.stop")}</Button> : (
          <>
            <Button onClick={onClose}>{t("do.cancel")}</Button>
            <Button type="submit" look={action.id === "delete" ? "danger" : "primary"} disabled={nothing}>{t(`bulk.${action.id}`)}</Button>
          </>
        )
      }
    >
      {over === null ? <Before names={rows.map(name)} what={action.undo ? t("bulk.can_undo") : t("bulk.no_undo")} /> : null}
      {over === null && action.id === "limits" ? <><p className="small muted">{t("bulk.limits_hint")}</p><AllowanceFields values={values} set={set} error={null} /></> : null}
      {over === null ? null : (
        <div className="stack tight">
          <progress max={rows.length} value={over} aria-label={t("bulk.progress")} />
          <span className="small" role="status">{t("bulk.over", { count: over, of: rows.length })}</span>
        </div>
      )}
      {outcome && outcome.left.length > 0 ? <p>{t("bulk.left", { count: outcome.left.length })}</p> : null}
      {outcome && outcome.failed.length > 0 ? (
        <div className="notice bad" role="alert">
          <div className="wrap">
            <strong>{t("bulk.failed", { count: outcome.failed.length })}</strong>
            {outcome.failed.slice(0, 20).map(({ item, error }, index) => {
              const words = wordsOf(error, t);
              return <div key={index} className="small">{name(item)}: {words.detail ?? words.title}</div>;
            })}
          </div>
        </div>
      ) : null}
    </Dialog>
  );
}

const SHOWN = 12;

function Before({ names, what }: { names: readonly string[]; what: ReactNode }) {
  const t = useCommon();
  return (
    <>
      <p className="wrap">{names.slice(0, SHOWN).join(", ")}{names.length > SHOWN ? ` ${t("bulk.more", { count: names.length - SHOWN })}` : ""}</p>
      <p className="small muted">{what}</p>
    </>
  );
}

/** The rows somebody has ticked, also on other pages of the table. */
export function useChosen<Row>(id: (row: Row) => string) {
  const [chosen, setChosen] = useState<ReadonlyMap<string, Row>>(new Map());
  const choose = (rows: readonly Row[], on: boolean) =>
    setChosen((old) => {
      const next = new Map(old);
      for (const row of rows) {
        if (on) next.set(id(row), row);
        else next.delete(id(row));
      }
      return next;
    });
  return { chosen, choose, clear: () => setChosen(new Map()) };
}
