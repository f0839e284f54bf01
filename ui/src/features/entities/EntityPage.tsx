import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useText } from "@/shared/i18n/language";
import { useChange } from "@/shared/lib/form";
import { useMay } from "@/shared/lib/session";
import { useUrlState } from "@/shared/lib/urlState";
import { ActivityOf } from "@/shared/ui/activity";
import { before } from "@/shared/ui/allowance";
import { BulkBar, useChosen, type BulkAction } from "@/shared/ui/bulk";
import { Button } from "@/shared/ui/button";
import { History } from "@/shared/ui/changes";
import { Confirm, Dialog } from "@/shared/ui/dialog";
import { InEffect } from "@/shared/ui/effective";
import { SearchBox } from "@/shared/ui/search";
import { Empty, Failed, Fault, Skeleton } from "@/shared/ui/states";
import { DataTable, Pager } from "@/shared/ui/table";
import { toast } from "@/shared/ui/toast";
import { Badge, BudgetBar, Id, Limit, Models, Money, When } from "@/shared/ui/values";
import type { Allowance } from "@/shared/api/views";
import { EntityForm } from "./EntityForm";
import { messages } from "./messages";
import type { Spec } from "./spec";

function bulkOf<Row>(spec: Spec<Row>): BulkAction<Row>[] {
  const { block } = spec;
  const was = (row: Row) => (row as Partial<Allowance>).blocked === true;
  const blocks: BulkAction<Row>[] = block
    ? [
        { id: "block", run: (row) => block(spec.id(row), true), undo: (row) => block(spec.id(row), was(row)) },
        { id: "unblock", run: (row) => block(spec.id(row), false), undo: (row) => block(spec.id(row), was(row)) },
      ]
    : [];
  const limits: BulkAction<Row> = { id: "limits", run: (row, fields) => spec.update(spec.id(row), fields, null), undo: (row, fields) => spec.update(spec.id(row), before(row as object, fields), null) };
  return [
    ...blocks,
    ...(spec.bare ? [] : [limits]),
    { id: "delete", run: (row) => spec.remove(spec.id(row)) },
  ];
}

/** The page of one kind of entity: a table, a form and a drawer. */
export function EntityPage<Row>({ spec }: { spec: Spec<Row> }) {
  const t = useText(messages);
  const may = useMay();
  const defaults = useMemo(() => ({ page: 1, search: "", sort: spec.sort.by, order: spec.sort.order, open: "" }), [spec]);
  const [url, setUrl] = useUrlState(defaults);
  const [adding, setAdding] = useState(false);
  const asked = { page: url.page, search: url.search, sort: url.sort, order: url.order };
  const list = useQuery({
    queryKey: [spec.name, asked],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => spec.list(asked, signal),
  });
  const { chosen, choose, clear } = useChosen<Row>(spec.id);
  const actions = bulkOf(spec).filter((each) => may((each.id === "limits" ? spec.actions.update : each.id === "delete" ? spec.actions.remove : spec.actions.block) ?? ""));
  const add = may(spec.actions.create) ? (
    <Button look="primary" icon="plus" onClick={() => setAdding(true)}>
      {t(`${spec.name}.new`)}
    </Button>
  ) : null;
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t(`nav.${spec.name}`)}</h1>
          <p>{t(`${spec.name}.intro`)}</p>
        </div>
        {add}
      </div>
      {spec.searched ? (
        <div className="filters">
          <SearchBox label={t("search")} value={url.search} onChange={(search) => setUrl({ search, page: 1 })} />
          {url.search ? <Button look="quiet" onClick={() => setUrl({ search: "", page: 1 })}>{t("do.clear")}</Button> : null}
        </div>
      ) : null}
      <BulkBar chosen={chosen} name={spec.title} actions={actions} onClear={clear} />
      <DataTable
        name={spec.name}
        {...(actions.length > 0 ? { choice: { chosen, onChoose: choose, named: spec.title } } : {})}
        label={t(`nav.${spec.name}`)}
        columns={spec.columns(t)}
        rows={list.data?.rows}
        rowId={spec.id}
        error={list.error}
        onRetry={() => void list.refetch()}
        onOpen={(row) => setUrl({ open: spec.id(row) }, true)}
        sort={{ by: url.sort, order: url.order }}
        onSort={(sort) => setUrl({ sort: sort.by, order: sort.order, page: 1 })}
        empty={
          url.search ? (
            <Empty icon="search" title={t("table.none")} text={t("table.none_hint")} />
          ) : (
            <Empty icon={spec.icon} title={t(`${spec.name}.empty`)} text={t(`${spec.name}.empty_text`)}>{add}</Empty>
          )
        }
        pager={<Pager page={url.page} size={spec.size} shown={list.data?.rows.length ?? 0} total={list.data?.total ?? null} onPage={(page) => setUrl({ page })} />}
      />
      {adding ? <EntityForm spec={spec} stored={null} onClose={() => setAdding(false)} onDone={() => undefined} /> : null}
      {url.open ? <EntityDrawer spec={spec} id={url.open} onClose={() => setUrl({ open: "" })} /> : null}
    </>
  );
}

function EntityDrawer<Row>({ spec, id, onClose }: { spec: Spec<Row>; id: string; onClose: () => void }) {
  const t = useText(messages);
  const may = useMay();
  const [asking, setAsking] = useState<"edit" | "delete" | null>(null);
  const found = useQuery({ queryKey: [spec.name, "one", id], queryFn: ({ signal }) => spec.read(id, signal) });
  const row = found.data?.row;
  const name = row ? spec.title(row) : id;
  const unblock = useChange(async () => spec.block?.(id, false), () => toast(t("done.unblocked", { name })));
  const block = useChange(async () => spec.block?.(id, true), () => toast(t("done.blocked", { name }), { undo: () => unblock.mutate(undefined) }));
  const remove = useChange(
    () => spec.remove(id),
    () => {
      toast(t("done.deleted", { name }));
      onClose();
    },
  );
  const common = row as (Row & Partial<Allowance>) | undefined;
  const { More } = spec;
  return (
    <Dialog kind="drawer" title={name} onClose={onClose}>
      {found.isPending ? <Skeleton lines={10} /> : null}
      {found.isError ? <Failed error={found.error} onRetry={() => void found.refetch()} /> : null}
      {row && common ? (
        <>
          <div className="row">
            {common.blocked === undefined ? null : common.blocked ? <Badge look="bad">{t("state.blocked")}</Badge> : <Badge look="good">{t("state.active")}</Badge>}
            <span className="grow" />
            {may(spec.actions.update) ? <Button onClick={() => setAsking("edit")}>{t("do.edit")}</Button> : null}
            {spec.block && spec.actions.block && may(spec.actions.block) ? (
              <Button disabled={block.isPending || unblock.isPending} onClick={() => (common.blocked ? unblock : block).mutate(undefined)}>{common.blocked ? t("do.unblock") : t("do.block")}</Button>
            ) : null}
            {may(spec.actions.remove) ? <Button look="danger" onClick={() => setAsking("delete")}>{t("do.delete")}</Button> : null}
          </div>
          <Fault error={block.error ?? unblock.error} />
          {common.spend === undefined ? null : <BudgetBar spend={common.spend} limit={common.max_budget ?? null} resets={common.budget_reset_at} />}
          <dl className="facts">
            <dt>{t("field.id")}</dt>
            <dd><Id value={id} /></dd>
            {spec.facts?.(row, t).map(([label, value]) => [<dt key={label}>{label}</dt>, <dd key={`${label}=`}>{value}</dd>])}
            {spec.bare ? null : common.total_spend === undefined ? (
              <><dt>{t("field.max_budget")}</dt><dd><Limit value={common.max_budget ?? null} /></dd></>
            ) : (
              <><dt>{t("field.spend")}</dt><dd><Money value={common.total_spend} /></dd></>
            )}
            {common.models ? <><dt>{t("field.models")}</dt><dd><Models names={common.models} /></dd></> : null}
            {spec.bare ? null : (
              <>
                <dt>{t("field.rpm_limit")}</dt>
                <dd><Limit value={common.rpm_limit ?? null} /></dd>
                <dt>{t("field.tpm_limit")}</dt>
                <dd><Limit value={common.tpm_limit ?? null} /></dd>
              </>
            )}
            <dt>{t("field.created")}</dt>
            <dd><When iso={common.created_at} /></dd>
          </dl>
          {spec.limited ? <InEffect whose={spec.limited} id={id} /> : null}
          {More ? <More row={row} /> : null}
          {spec.whose && may("spend.read") ? <ActivityOf whose={spec.whose} id={id} title={t("usage")} /> : null}
          <div className="row">
            {spec.name === "teams" || spec.name === "users" ? <Link to="/keys" search={{ [spec.name === "teams" ? "team" : "user"]: id } as never}>{t("show_keys")}</Link> : null}
            {spec.name === "teams" || spec.name === "users" ? <Link to="/logs" search={{ [spec.name === "teams" ? "team" : "user"]: id } as never}>{t("show_logs")}</Link> : null}
          </div>
          <History object={id} />
        </>
      ) : null}
      {asking === "edit" && found.data ? <EntityForm spec={spec} stored={found.data} onClose={() => setAsking(null)} onDone={() => undefined} /> : null}
      {asking === "delete" ? (
        <Confirm title={t("confirm.delete", { name })} text={t(`${spec.name}.delete`)} action={t("do.delete")} busy={remove.isPending} fault={<Fault error={remove.error} />} onConfirm={() => remove.mutate(undefined)} onClose={() => setAsking(null)} />
      ) : null}
    </Dialog>
  );
}
