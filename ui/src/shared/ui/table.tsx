import { getCoreRowModel, useReactTable, type ColumnDef, type SortingState, type VisibilityState } from "@tanstack/react-table";
import { useEffect, useState, type ReactNode } from "react";
import { useCommon, useLanguage } from "../i18n/language";
import { count } from "../lib/format";
import { Button } from "./button";
import { Icon } from "./icons";
import { Failed, Skeleton } from "./states";

export interface Column<Row> {
  id: string;
  title: string;
  cell: (row: Row) => ReactNode;
  num?: boolean;
  /** The name the server sorts by. */
  sort?: string;
}

export interface Sort {
  by: string;
  order: string;
}

interface TableProps<Row> {
  name: string;
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[] | undefined;
  rowId: (row: Row) => string;
  error: unknown;
  onRetry: () => void;
  empty: ReactNode;
  onOpen?: (row: Row) => void;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  pager?: ReactNode;
  /** Rows can be ticked; `named` says a row in words. */
  choice?: { chosen: ReadonlyMap<string, Row>; onChoose: (rows: readonly Row[], on: boolean) => void; named: (row: Row) => string };
}

/** A table whose rows, order and pages come from the server. It remembers which columns are shown. */
export function DataTable<Row>(props: TableProps<Row>) {
  const { columns, rows, onOpen, sort, onSort, name } = props;
  const t = useCommon();
  const stored = `phantom.columns.${name}`;
  const [visible, setVisible] = useState<VisibilityState>(() => remembered(stored));
  useEffect(() => localStorage.setItem(stored, JSON.stringify(visible)), [stored, visible]);
  const sorting: SortingState = sort?.by ? [{ id: sort.by, desc: sort.order === "desc" }] : [];
  // eslint-disable-next-line react-hooks/incompatible-library -- the table is used within this component alone
  const table = useReactTable<Row>({
    data: rows as Row[],
    columns: columns.map((each): ColumnDef<Row> => ({ id: each.id })),
    getRowId: props.rowId,
    state: { sorting, columnVisibility: visible },
    onColumnVisibilityChange: setVisible,
    manualSorting: true,
    manualPagination: true,
    getCoreRowModel: getCoreRowModel(),
  });
  if (props.error && !rows) return <div className="card"><Failed error={props.error} onRetry={props.onRetry} /></div>;
  if (!rows) return <div className="card padded"><Skeleton lines={8} /></div>;
  if (rows.length === 0) return <div className="card">{props.empty}{props.pager}</div>;
  const byId = new Map(columns.map((each) => [each.id, each]));
  // Called, not rendered as components: those would be others each time, and every cell be made anew.
  const shown = columns.filter((each) => table.getColumn(each.id)?.getIsVisible());
  return (
    <div className="card">
      {/* Wide tables scroll inside; the keyboard reaches that, too. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="table-wrap" role="region" aria-label={props.label} tabIndex={0}>
        <table className="data">
          <thead>
            <tr>
              {props.choice ? <AllBox rows={rows} rowId={props.rowId} choice={props.choice} /> : null}
              {table.getFlatHeaders().filter((each) => each.column.getIsVisible()).map((header) => {
                const column = byId.get(header.column.id);
                const active = column?.sort !== undefined && column.sort === sort?.by;
                const down = active && sort?.order === "desc";
                return (
                  <th key={header.id} scope="col" className={column?.num ? "num" : undefined} aria-sort={active ? (down ? "descending" : "ascending") : undefined}>
                    {column?.sort && onSort ? (
                      <button type="button" title={t("table.sort", { name: column.title })} onClick={() => onSort({ by: column.sort ?? "", order: active && down ? "asc" : "desc" })}>
                        {column.title}
                        {active ? <Icon name={down ? "down" : "up"} /> : null}
                      </button>
                    ) : (
                      column?.title
                    )}
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {table.getRowModel().rows.map((row) => (
              // The row is a larger target for the pointer; the keyboard has the button in its first cell.
              <tr key={row.id} className={onOpen ? "open" : undefined} onClick={onOpen ? () => onOpen(row.original) : undefined}>
                {props.choice ? <OneBox row={row.original} on={props.choice.chosen.has(row.id)} choice={props.choice} /> : null}
                {shown.map((column, index) => (
                  <td key={column.id} className={column.num ? "num" : undefined}>
                    {index === 0 && onOpen ? (
                      <button type="button" className="link cut" onClick={(event) => { event.stopPropagation(); onOpen(row.original); }}>
                        {column.cell(row.original)}
                      </button>
                    ) : (
                      column.cell(row.original)
                    )}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="pager">
        <details className="columns">
          <summary>{t("do.columns")}</summary>
          <div className="row">
            {table.getAllLeafColumns().slice(1).map((column) => (
              <label key={column.id} className="row tight">
                <input type="checkbox" checked={column.getIsVisible()} onChange={column.getToggleVisibilityHandler()} />
                {byId.get(column.id)?.title}
              </label>
            ))}
          </div>
        </details>
        {props.pager}
      </div>
    </div>
  );
}

type Choice<Row> = NonNullable<TableProps<Row>["choice"]>;

function AllBox<Row>({ rows, rowId, choice }: { rows: readonly Row[]; rowId: (row: Row) => string; choice: Choice<Row> }) {
  const t = useCommon();
  const some = rows.filter((row) => choice.chosen.has(rowId(row))).length;
  return (
    <th scope="col" className="tick">
      <input
        type="checkbox"
        aria-label={t("bulk.all")}
        checked={some === rows.length}
        ref={(box) => {
          if (box) box.indeterminate = some > 0 && some < rows.length;
        }}
        onChange={(event) => choice.onChoose(rows, event.target.checked)}
      />
    </th>
  );
}

function OneBox<Row>({ row, on, choice }: { row: Row; on: boolean; choice: Choice<Row> }) {
  const t = useCommon();
  return (
    // What is beside the box opens nothing by accident.
    <td className="tick" onClick={(event) => event.stopPropagation()}>
      <input type="checkbox" aria-label={t("bulk.one", { name: choice.named(row) })} checked={on} onChange={(event) => choice.onChoose([row], event.target.checked)} />
    </td>
  );
}

function remembered(name: string): VisibilityState {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(name) ?? "{}");
    return typeof found === "object" && found !== null ? (found as VisibilityState) : {};
  } catch {
    return {};
  }
}

interface PagerProps {
  page: number;
  size: number;
  shown: number;
  total: number | null;
  onPage: (page: number) => void;
}

export function Pager({ page, size, shown, total, onPage }: PagerProps) {
  const t = useCommon();
  const { language } = useLanguage();
  const from = (page - 1) * size + (shown > 0 ? 1 : 0);
  const to = (page - 1) * size + shown;
  const last = total === null ? shown < size : to >= total;
  if (page === 1 && shown === 0) return null;
  if (page === 1 && last) return <span className="num">{total === null ? shown : count(total, language)}</span>;
  return (
    <span className="row tight">
      <span className="num">
        {t("table.of", { from: count(from, language), to: count(to, language), total: total === null ? "…" : count(total, language) })}
      </span>
      <Button tiny disabled={page <= 1} onClick={() => onPage(page - 1)}>{t("do.previous")}</Button>
      <Button tiny disabled={last} onClick={() => onPage(page + 1)}>{t("do.next")}</Button>
    </span>
  );
}
