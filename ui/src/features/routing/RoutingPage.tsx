import { useQuery } from "@tanstack/react-query";
import { get } from "@/shared/api/client";
import { useLanguage, useText } from "@/shared/i18n/language";
import { count, duration } from "@/shared/lib/format";
import { useMay } from "@/shared/lib/session";
import { Empty } from "@/shared/ui/states";
import { SettingsTable } from "@/shared/ui/settings";
import { DataTable, type Column } from "@/shared/ui/table";
import { Badge } from "@/shared/ui/values";
import { Fallbacks } from "./Fallbacks";
import { messages } from "./messages";

interface Health {
  id: string;
  model_name: string;
  provider: string;
  state: "closed" | "open" | "half_open" | "resting";
  rests_s: number;
  in_flight: number;
  requests: number;
  failures: number;
  last_failure: string | null;
  latency_ms: number | null;
}
interface Latest {
  deployments: Record<string, Omit<Health, "id">>;
  latest_health_checks: Record<string, { status?: string }>;
}

const LOOKS = { closed: "good", open: "bad", half_open: "warn", resting: "warn" } as const;
const STRATEGIES = { routing_strategy: ["simple-shuffle", "least-busy", "latency-based-routing", "usage-based-routing-v2", "cost-based-routing"] };

export function RoutingPage() {
  const t = useText(messages);
  const may = useMay();
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t("nav.routing")}</h1>
          <p>{t("intro")}</p>
        </div>
      </div>
      <Deployments />
      {may("fallback.read") ? <Fallbacks /> : null}
      {may("config.read") ? (
        <section className="stack tight">
          <h2>{t("settings")}</h2>
          <SettingsTable section="router_settings" label={t("settings")} choices={STRATEGIES} />
        </section>
      ) : null}
    </>
  );
}

/** What traffic says of each deployment: the circuit, how much it serves and how fast. */
function Deployments() {
  const t = useText(messages);
  const { language } = useLanguage();
  const found = useQuery({ queryKey: ["health-latest"], refetchInterval: 5000, queryFn: ({ signal }) => get<Latest>()("GET /health/latest", { signal }) });
  const checks = found.data?.latest_health_checks ?? {};
  const rows = found.data ? Object.entries(found.data.deployments).map(([id, each]): Health => ({ id, ...each })) : undefined;
  const columns: Column<Health>[] = [
    { id: "model", title: t("model"), cell: (row) => row.model_name },
    { id: "deployment", title: t("deployment"), cell: (row) => <code className="cut" title={row.id}>{row.id}</code> },
    { id: "provider", title: t("provider"), cell: (row) => row.provider },
    { id: "state", title: t("state"), cell: (row) => <span title={row.last_failure ?? undefined}><Badge look={LOOKS[row.state]}>{t(`state.${row.state}`)}</Badge>{row.rests_s > 0 ? <span className="small muted"> {t("rests", { time: duration(row.rests_s * 1000, language) })}</span> : null}</span> },
    { id: "requests", title: t("requests"), num: true, cell: (row) => count(row.requests, language) },
    { id: "failures", title: t("failures"), num: true, cell: (row) => count(row.failures, language) },
    { id: "in_flight", title: t("in_flight"), num: true, cell: (row) => count(row.in_flight, language) },
    { id: "latency", title: t("latency"), num: true, cell: (row) => (row.latency_ms === null ? "–" : duration(row.latency_ms, language)) },
    { id: "check", title: t("check"), cell: (row) => checks[row.id]?.status ?? "–" },
  ];
  return (
    <section className="stack tight">
      <h2>{t("deployments")}</h2>
      <DataTable name="routing" label={t("deployments")} columns={columns} rows={rows} rowId={(row) => row.id} error={found.error} onRetry={() => void found.refetch()} empty={<Empty icon="models" title={t("none")} text={t("none_text")} />} />
    </section>
  );
}
