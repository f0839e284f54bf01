import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { get } from "@/shared/api/client";
import type { AuditRecord } from "@/shared/api/views";
import { useText } from "@/shared/i18n/language";
import { useUrlState } from "@/shared/lib/urlState";
import { Button } from "@/shared/ui/button";
import { Changes } from "@/shared/ui/changes";
import { Dialog } from "@/shared/ui/dialog";
import { SearchBox } from "@/shared/ui/search";
import { Empty, Failed, Skeleton } from "@/shared/ui/states";
import { DataTable, Pager, type Column } from "@/shared/ui/table";
import { Badge, Id, When } from "@/shared/ui/values";
import { messages } from "./messages";

const SIZE = 50;
const DEFAULTS = { page: 1, search: "", object: "", open: "" };

export function AuditPage() {
  const t = useText(messages);
  const [url, setUrl] = useUrlState(DEFAULTS);
  const list = useQuery({
    queryKey: ["audit", url.page, url.search, url.object],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      get<{ audit_logs: AuditRecord[]; total: number }>()("GET /audit", { signal, query: { page: url.page, page_size: SIZE, search: url.search || undefined, object_id: url.object || undefined } }),
  });
  const columns: Column<AuditRecord>[] = [
    { id: "event", title: t("event"), cell: (row) => row.event },
    { id: "object", title: t("object"), cell: (row) => <code className="cut">{row.object_id.length > 24 ? `${row.object_id.slice(0, 18)}…` : row.object_id}</code> },
    { id: "who", title: t("who"), cell: (row) => <span className="cut">{row.actor}</span> },
    { id: "result", title: t("result"), cell: (row) => <Badge look={row.result === "success" ? "good" : "bad"}>{row.result}</Badge> },
    { id: "when", title: t("when"), cell: (row) => <When iso={row.updated_at} /> },
  ];
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t("nav.audit")}</h1>
          <p>{t("intro")}</p>
        </div>
      </div>
      <div className="filters">
        <SearchBox label={t("search")} value={url.search} onChange={(search) => setUrl({ search, page: 1 })} />
        {url.object ? <Badge look="accent">{url.object.slice(0, 24)}</Badge> : null}
        {url.object || url.search ? <Button look="quiet" onClick={() => setUrl(DEFAULTS)}>{t("do.clear")}</Button> : null}
      </div>
      <DataTable
        name="audit"
        label={t("nav.audit")}
        columns={columns}
        rows={list.data?.audit_logs}
        rowId={(row) => row.id}
        error={list.error}
        onRetry={() => void list.refetch()}
        onOpen={(row) => setUrl({ open: row.id }, true)}
        empty={<Empty icon="audit" title={t("empty")} text={t("empty_text")} />}
        pager={<Pager page={url.page} size={SIZE} shown={list.data?.audit_logs.length ?? 0} total={list.data?.total ?? null} onPage={(page) => setUrl({ page })} />}
      />
      {url.open ? <RecordDrawer id={url.open} onClose={() => setUrl({ open: "" })} onObject={(object) => setUrl({ object, open: "", search: "", page: 1 }, true)} /> : null}
    </>
  );
}

function RecordDrawer({ id, onClose, onObject }: { id: string; onClose: () => void; onObject: (object: string) => void }) {
  const t = useText(messages);
  const found = useQuery({ queryKey: ["audit", "one", id], queryFn: () => get<AuditRecord>()("GET /audit/{id}", { path: { id } as never }) });
  const row = found.data;
  return (
    <Dialog kind="drawer" title={t("record", { id })} onClose={onClose}>
      {found.isPending ? <Skeleton lines={8} /> : null}
      {found.isError ? <Failed error={found.error} onRetry={() => void found.refetch()} /> : null}
      {row ? (
        <>
          <dl className="facts">
            <dt>{t("event")}</dt>
            <dd>{row.event}</dd>
            <dt>{t("object")}</dt>
            <dd>{row.object_id ? <Id value={row.object_id} /> : "–"}</dd>
            <dt>{t("who")}</dt>
            <dd>{row.actor}</dd>
            <dt>{t("kind")}</dt>
            <dd>{row.actor_kind}</dd>
            <dt>{t("when")}</dt>
            <dd><When iso={row.updated_at} /></dd>
            <dt>{t("hash")}</dt>
            <dd><Id value={row.hash} /></dd>
          </dl>
          {row.object_id ? <div className="row"><Button onClick={() => onObject(row.object_id)}>{t("history")}</Button></div> : null}
          <Changes record={row} />
        </>
      ) : null}
    </Dialog>
  );
}
