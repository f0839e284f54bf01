import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { Approval } from "@/shared/api/views";
import { useLanguage, useText } from "@/shared/i18n/language";
import { money } from "@/shared/lib/format";
import { useMay, useSession } from "@/shared/lib/session";
import { useUrlState } from "@/shared/lib/urlState";
import { Button } from "@/shared/ui/button";
import { Segments } from "@/shared/ui/field";
import { Empty } from "@/shared/ui/states";
import { DataTable, Pager, type Column } from "@/shared/ui/table";
import { When } from "@/shared/ui/values";
import { listApprovals, PAGE } from "./api";
import { AskForm } from "./AskForm";
import { Decision, StateBadge } from "./Decision";
import { messages } from "./messages";

const STATES = ["open", "approved", "refused", "withdrawn", ""] as const;
type State = (typeof STATES)[number];
const DEFAULTS = { state: "open", page: 1, open: "", ask: "", about: "" };

/** The inbox of who decides, and the requests of who asks. */
export function ApprovalsPage() {
  const t = useText(messages);
  const { language } = useLanguage();
  const may = useMay();
  const who = useSession();
  const [url, setUrl] = useUrlState(DEFAULTS);
  const state: State = STATES.find((each) => each === url.state) ?? "open";
  const list = useQuery({ queryKey: ["approvals", state, url.page], placeholderData: keepPreviousData, refetchInterval: 30_000, queryFn: ({ signal }) => listApprovals(state, url.page, signal) });
  const asks = may("approval.ask") && who.user_id !== null && who.user_id !== "default_user_id";
  const wants = (row: Approval) => {
    const dollars = (value: number | null | undefined) => (value == null ? "–" : money(value, language));
    const parts = [
      row.max_budget === null ? "" : t("budget_to", { from: dollars(row.present?.max_budget), to: dollars(row.max_budget) }),
      row.models.length === 0 ? "" : t("models_more", { names: row.models.join(", ") }),
    ];
    return <span className="cut" title={row.reason}>{parts.filter(Boolean).join("; ")}</span>;
  };
  const columns: Column<Approval>[] = [
    { id: "who", title: t("who"), cell: (row) => row.user_email ?? row.user_id },
    { id: "for", title: t("for"), cell: (row) => (row.subject === "user" ? t("subject.user") : t("subject.key", { name: row.subject_name ?? row.subject_id.slice(0, 12) })) },
    { id: "wants", title: t("wants"), cell: wants },
    { id: "reason", title: t("reason"), cell: (row) => <div className="cut" title={row.reason}>{row.reason || "–"}</div> },
    { id: "state", title: t("field.state"), cell: (row) => <StateBadge state={row.state} /> },
    { id: "when", title: t("when"), cell: (row) => <When iso={row.created_at} /> },
  ];
  const add = asks ? <Button look="primary" icon="plus" onClick={() => setUrl({ ask: "1" })}>{t("new")}</Button> : null;
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t("nav.approvals")}</h1>
          <p>{t("intro")}</p>
        </div>
        {add}
      </div>
      <div><Segments label={t("field.state")} value={state} options={STATES.map((each) => [each, t(`state.${each}`)] as const)} onChange={(next) => setUrl({ state: next, page: 1 })} /></div>
      <DataTable
        name="approvals"
        label={t("nav.approvals")}
        columns={columns}
        rows={list.data?.approvals}
        rowId={(row) => row.id}
        error={list.error}
        onRetry={() => void list.refetch()}
        onOpen={(row) => setUrl({ open: row.id }, true)}
        empty={<Empty icon="approvals" title={t("empty")} text={t("empty_text")}>{add}</Empty>}
        pager={<Pager page={url.page} size={PAGE} shown={list.data?.approvals.length ?? 0} total={list.data?.total_count ?? null} onPage={(page) => setUrl({ page })} />}
      />
      {url.ask && asks && who.user_id ? <AskForm user={who.user_id} about={url.about} onClose={() => setUrl({ ask: "", about: "" })} /> : null}
      {url.open ? <Decision id={url.open} onClose={() => setUrl({ open: "" })} /> : null}
    </>
  );
}
