import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Key, NewKey } from "@/shared/api/views";
import { useText } from "@/shared/i18n/language";
import { useMay } from "@/shared/lib/session";
import { useUrlState } from "@/shared/lib/urlState";
import { before } from "@/shared/ui/allowance";
import { BulkBar, useChosen, type BulkAction } from "@/shared/ui/bulk";
import { Button } from "@/shared/ui/button";
import { SearchBox } from "@/shared/ui/search";
import { Empty } from "@/shared/ui/states";
import { DataTable, Pager, type Column } from "@/shared/ui/table";
import { BudgetBar, Models, Money, When } from "@/shared/ui/values";
import { blockKey, deleteKey, listKeys, PAGE, updateKey, type KeyFilter } from "./api";
import { KeyDrawer } from "./KeyDrawer";
import { NewKeyForm } from "./KeyForm";
import { KeyState } from "./KeyState";
import { messages } from "./messages";
import { Reveal } from "./Reveal";
import { RotateMany } from "./RotateMany";

const DEFAULTS: KeyFilter = { page: 1, search: "", status: "", team: "", user: "", sort: "created_at", order: "desc", open: "" };

const NEEDS = { block: "key.block", unblock: "key.block", limits: "key.update", delete: "key.delete" } as const;
const ACTIONS: readonly BulkAction<Key>[] = [
  { id: "block", run: (row) => blockKey(row.token, true), undo: (row) => blockKey(row.token, row.blocked) },
  { id: "unblock", run: (row) => blockKey(row.token, false), undo: (row) => blockKey(row.token, row.blocked) },
  { id: "limits", run: (row, fields) => updateKey(row.token, fields, null), undo: (row, fields) => updateKey(row.token, before(row, fields), null) },
  { id: "delete", run: (row) => deleteKey(row.token) },
];

export function KeysPage() {
  const t = useText(messages);
  const may = useMay();
  const [url, setUrl] = useUrlState(DEFAULTS);
  const [adding, setAdding] = useState(false);
  const [created, setCreated] = useState<NewKey | null>(null);
  const [rotating, setRotating] = useState<readonly Key[] | null>(null);
  const filter = { ...url, open: "" };
  const list = useQuery({
    queryKey: ["keys", filter],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => listKeys(url, signal),
  });
  const { chosen, choose, clear } = useChosen<Key>((row) => row.token);
  const named = (row: Key) => row.key_alias ?? row.key_name;
  const actions = ACTIONS.filter((each) => may(NEEDS[each.id]));
  const columns: Column<Key>[] = [
    { id: "name", title: t("field.name"), sort: "key_alias", cell: (row) => row.key_alias ?? <span className="muted">{t("unnamed")}</span> },
    { id: "key", title: t("key"), cell: (row) => <code>{row.key_name}</code> },
    { id: "state", title: t("field.state"), cell: (row) => <KeyState row={row} /> },
    { id: "models", title: t("field.models"), cell: (row) => <Models names={row.models} /> },
    { id: "spend", title: t("field.spend"), num: true, cell: (row) => <Money value={row.total_spend} /> },
    { id: "budget", title: t("field.budget"), sort: "max_budget", cell: (row) => <BudgetBar spend={row.spend} limit={row.max_budget} /> },
    { id: "used", title: t("field.last_used"), cell: (row) => <When iso={row.last_active} /> },
    { id: "created", title: t("field.created"), sort: "created_at", cell: (row) => <When iso={row.created_at} /> },
  ];
  const filtered = url.search !== "" || url.status !== "" || url.team !== "" || url.user !== "";
  const add = may("key.create") ? (
    <Button look="primary" icon="plus" onClick={() => setAdding(true)}>
      {t("new")}
    </Button>
  ) : null;
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t("nav.keys")}</h1>
          <p>{t("intro")}</p>
        </div>
        {add}
      </div>
      <div className="filters">
        <SearchBox label={t("search")} value={url.search} onChange={(search) => setUrl({ search, page: 1 })} />
        <select className="select" aria-label={t("field.state")} value={url.status} onChange={(event) => setUrl({ status: event.target.value, page: 1 })}>
          <option value="">{t("all_states")}</option>
          <option value="active">{t("state.active")}</option>
          <option value="blocked">{t("state.blocked")}</option>
          <option value="expired">{t("state.expired")}</option>
        </select>
        {filtered ? <Button look="quiet" onClick={() => setUrl({ ...DEFAULTS })}>{t("do.clear")}</Button> : null}
      </div>
      <BulkBar chosen={chosen} name={named} actions={actions} onClear={clear}>
        {may("key.regenerate") ? <Button tiny onClick={() => setRotating([...chosen.values()])}>{t("rotate")}</Button> : null}
      </BulkBar>
      {rotating ? <RotateMany rows={rotating} name={named} onClose={() => setRotating(null)} onDone={() => { setRotating(null); clear(); }} /> : null}
      <DataTable
        name="keys"
        {...(actions.length > 0 || may("key.regenerate") ? { choice: { chosen, onChoose: choose, named } } : {})}
        label={t("nav.keys")}
        columns={columns}
        rows={list.data?.keys}
        rowId={(row) => row.token}
        error={list.error}
        onRetry={() => void list.refetch()}
        onOpen={(row) => setUrl({ open: row.token }, true)}
        sort={{ by: url.sort, order: url.order }}
        onSort={(sort) => setUrl({ sort: sort.by, order: sort.order, page: 1 })}
        empty={
          filtered ? (
            <Empty icon="search" title={t("table.none")} text={t("table.none_hint")} />
          ) : (
            <Empty icon="keys" title={t("empty")} text={t("empty_text")}>{add}</Empty>
          )
        }
        pager={<Pager page={url.page} size={PAGE} shown={list.data?.keys.length ?? 0} total={list.data?.total_count ?? null} onPage={(page) => setUrl({ page })} />}
      />
      {adding ? <NewKeyForm onClose={() => setAdding(false)} onCreated={(key) => { setAdding(false); setCreated(key); }} /> : null}
      {url.open && !created ? <KeyDrawer token={url.open} onClose={() => setUrl({ open: "" })} onRotated={setCreated} /> : null}
      {created ? <Reveal created={created} onClose={() => setCreated(null)} /> : null}
    </>
  );
}
