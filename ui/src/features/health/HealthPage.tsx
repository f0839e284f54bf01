import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/shared/api/client";
import { useLanguage, useText } from "@/shared/i18n/language";
import { count, duration } from "@/shared/lib/format";
import { useChange } from "@/shared/lib/form";
import { useMay } from "@/shared/lib/session";
import { useUrlState } from "@/shared/lib/urlState";
import { Button } from "@/shared/ui/button";
import { Confirm } from "@/shared/ui/dialog";
import { Segments } from "@/shared/ui/field";
import { Empty, Failed, Fault, Skeleton } from "@/shared/ui/states";
import { DataTable, Pager, type Column } from "@/shared/ui/table";
import { toast } from "@/shared/ui/toast";
import { Badge, When } from "@/shared/ui/values";
import { messages } from "./messages";

interface Details {
  status: string;
  db: string;
  workers: number;
  revision: number;
  configuration: "ok" | "refused";
}
interface Check {
  model_name: string;
  model_id: string;
  status: "healthy" | "unhealthy" | "unknown";
  error_message: string | null;
  response_time_ms: number;
  checked_by: string;
  checked_at: string;
}

const LOOKS = { healthy: "good", unhealthy: "bad", unknown: "warn" } as const;
const STATES = ["", "healthy", "unhealthy", "unknown"] as const;
const SIZE = 50;
const DEFAULTS = { page: 1, status: "" };

export function HealthPage() {
  const t = useText(messages);
  const [asking, setAsking] = useState(false);
  const check = useChange(
    () => get<{ healthy_count: number; unhealthy_count: number }>()("GET /health"),
    (found) => {
      setAsking(false);
      toast(t("checked", { good: found.healthy_count, bad: found.unhealthy_count }), { bad: found.unhealthy_count > 0 });
    },
  );
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t("nav.health")}</h1>
          <p>{t("intro")}</p>
        </div>
        <Button icon="refresh" disabled={check.isPending} onClick={() => setAsking(true)}>{check.isPending ? t("checking") : t("check")}</Button>
      </div>
      <Gateway />
      <History />
      {asking ? <Confirm title={t("check")} text={t("check_text")} action={check.isPending ? t("checking") : t("check")} busy={check.isPending} fault={<Fault error={check.error} />} onConfirm={() => check.mutate(undefined)} onClose={() => setAsking(false)} /> : null}
    </>
  );
}

function Gateway() {
  const t = useText(messages);
  const { language } = useLanguage();
  const may = useMay();
  const found = useQuery({ queryKey: ["health", "details"], refetchInterval: 5000, queryFn: ({ signal }) => get<Details>()("GET /health/readiness/details", { signal }) });
  const backlog = useQuery({ queryKey: ["health", "backlog"], refetchInterval: 5000, queryFn: ({ signal }) => get<{ in_flight_requests: number }>()("GET /health/backlog", { signal }) });
  const loaded = useQuery({ queryKey: ["config-status"], enabled: may("config.read"), queryFn: () => get<{ problems: string[] }>()("GET /config/reload/status") });
  if (found.isError) return <div className="card"><Failed error={found.error} onRetry={() => void found.refetch()} /></div>;
  if (!found.data) return <div className="card padded"><Skeleton lines={3} /></div>;
  const { db, workers, configuration, revision } = found.data;
  const problems = loaded.data?.problems ?? [];
  return (
    <>
      <dl className="card kpis">
        <div className="kpi"><dt>{t("database")}</dt><dd><Badge look={db === "connected" ? "good" : "bad"}>{t(db === "connected" ? "connected" : "unconnected")}</Badge></dd></div>
        <div className="kpi"><dt>{t("workers")}</dt><dd>{count(workers, language)}</dd></div>
        <div className="kpi"><dt>{t("configuration")}</dt><dd><Badge look={configuration === "ok" ? "good" : "bad"}>{t(`configuration.${configuration}`)}</Badge></dd></div>
        <div className="kpi"><dt>{t("revision")}</dt><dd>{count(revision, language)}</dd></div>
        <div className="kpi"><dt>{t("backlog")}</dt><dd>{backlog.data ? count(backlog.data.in_flight_requests, language) : "–"}</dd></div>
      </dl>
      {problems.length > 0 ? (
        <div className="notice bad" role="alert"><div className="wrap"><strong>{t("problems")}</strong>{problems.map((each) => <div key={each}><code>{each}</code></div>)}</div></div>
      ) : null}
    </>
  );
}

function History() {
  const t = useText(messages);
  const { language } = useLanguage();
  const [url, setUrl] = useUrlState(DEFAULTS);
  const status = STATES.find((each) => each === url.status) ?? "";
  const list = useQuery({
    queryKey: ["health", "history", url],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => get<{ health_checks: Check[]; total_records: number }>()("GET /health/history", { signal, query: { limit: SIZE, offset: (url.page - 1) * SIZE, status_filter: (status || undefined) as never } }),
  });
  const columns: Column<Check>[] = [
    { id: "model", title: t("model"), cell: (row) => row.model_name },
    { id: "deployment", title: t("deployment"), cell: (row) => <code className="cut" title={row.model_id}>{row.model_id}</code> },
    { id: "result", title: t("result"), cell: (row) => <Badge look={LOOKS[row.status]}>{t(`status.${row.status}`)}</Badge> },
    { id: "time", title: t("time"), num: true, cell: (row) => duration(row.response_time_ms, language) },
    { id: "why", title: t("why"), cell: (row) => <div className="cut" title={row.error_message ?? undefined}>{row.error_message ?? "–"}</div> },
    { id: "by", title: t("by"), cell: (row) => row.checked_by },
    { id: "at", title: t("at"), cell: (row) => <When iso={row.checked_at} /> },
  ];
  return (
    <section className="stack tight">
      <div className="row between">
        <h2>{t("history")}</h2>
        <Segments label={t("result")} value={status} options={STATES.map((each) => [each, each === "" ? t("filter.") : t(`status.${each}`)] as const)} onChange={(next) => setUrl({ status: next, page: 1 })} />
      </div>
      <DataTable
        name="checks"
        label={t("history")}
        columns={columns}
        rows={list.data?.health_checks}
        rowId={(row) => `${row.model_id} ${row.checked_at}`}
        error={list.error}
        onRetry={() => void list.refetch()}
        empty={<Empty icon="health" title={t("none")} text={t("none_text")} />}
        pager={<Pager page={url.page} size={SIZE} shown={list.data?.health_checks.length ?? 0} total={list.data?.total_records ?? null} onPage={(page) => setUrl({ page })} />}
      />
    </section>
  );
}
