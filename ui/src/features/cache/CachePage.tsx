import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, get } from "@/shared/api/client";
import { useLanguage, useText } from "@/shared/i18n/language";
import { compact, count, percent } from "@/shared/lib/format";
import { useChange } from "@/shared/lib/form";
import { ranges } from "@/shared/lib/series";
import { useMay } from "@/shared/lib/session";
import { Button } from "@/shared/ui/button";
import { shown } from "@/shared/ui/conflict";
import { Confirm } from "@/shared/ui/dialog";
import { SettingsTable } from "@/shared/ui/settings";
import { Empty, Failed, Fault, Skeleton } from "@/shared/ui/states";
import { DataTable, type Column } from "@/shared/ui/table";
import { toast } from "@/shared/ui/toast";
import { Badge } from "@/shared/ui/values";
import { messages } from "./messages";

interface Ping {
  status: string;
  cache_type: "local" | "redis";
}
interface Group {
  call_type: string;
  api_requests: number;
  cache_hits: number;
  failed_requests: number;
}
interface Hits {
  groups: Group[];
  totals: { api_requests: number; cache_hits: number; failed_requests: number; cache_hit_ratio: number };
}
interface CacheField {
  field_name: string;
  field_description: string;
  field_value: unknown;
}

const DAYS = 30;
const SET_HERE = ["cache", "cache_params"];

export function CachePage() {
  const t = useText(messages);
  const may = useMay();
  const [asking, setAsking] = useState(false);
  const ping = useQuery({ queryKey: ["cache", "ping"], retry: false, refetchInterval: 30_000, queryFn: ({ signal }) => get<Ping>()("GET /cache/ping", { signal }) });
  const off = ping.error instanceof ApiError && ping.error.status === 400;
  const flush = useChange(
    () => get("POST /cache/flushall"),
    () => {
      setAsking(false);
      toast(t("flushed"));
    },
  );
  const on = useChange(() => get("POST /config/field/update", { body: { config_type: "litellm_settings", field_name: "cache", field_value: true } as never }), () => toast(t("switched_on")));
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t("nav.cache")}</h1>
          <p>{t("intro")}</p>
        </div>
        {ping.data && may("cache.write") ? <Button look="danger" onClick={() => setAsking(true)}>{t("flush")}</Button> : null}
      </div>
      {off ? <div className="card"><Empty icon="cache" title={t("off")} text={t("off_text")}>{may("config.write") ? <Button look="primary" disabled={on.isPending} onClick={() => on.mutate(undefined)}>{t("switch_on")}</Button> : null}<Fault error={on.error} /></Empty></div> : <State ping={ping.data} error={ping.error} onRetry={() => void ping.refetch()} />}
      {may("spend.global") ? <Figures /> : null}
      {off ? null : <Settings />}
      {may("config.read") ? (
        <section className="stack tight">
          <h2>{t("change")}</h2>
          <p className="muted small">{t("change_text")}</p>
          <SettingsTable section="litellm_settings" label={t("change")} only={SET_HERE} />
        </section>
      ) : null}
      {asking ? <Confirm title={t("flush")} text={t("flush_text")} action={t("flush")} busy={flush.isPending} fault={<Fault error={flush.error} />} onConfirm={() => flush.mutate(undefined)} onClose={() => setAsking(false)} /> : null}
    </>
  );
}

function State({ ping, error, onRetry }: { ping: Ping | undefined; error: unknown; onRetry: () => void }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const redis = useQuery({
    queryKey: ["cache", "redis"],
    enabled: ping?.cache_type === "redis",
    queryFn: ({ signal }) => get<{ num_clients: number; info: Record<string, unknown> }>()("GET /cache/redis/info", { signal }),
  });
  if (error) return <div className="card"><Failed error={error} onRetry={onRetry} /></div>;
  if (!ping) return <div className="card padded"><Skeleton lines={3} /></div>;
  return (
    <section className="card padded stack">
      <h2>{t("state")}</h2>
      <div className="row"><Badge look="good">{t("works")}</Badge><span>{t(ping.cache_type)}</span></div>
      {redis.data ? (
        <dl className="facts">
          <dt>{t("version")}</dt>
          <dd>{shown(redis.data.info["redis_version"])}</dd>
          <dt>{t("memory")}</dt>
          <dd>{shown(redis.data.info["used_memory_human"])}</dd>
          <dt>{t("clients")}</dt>
          <dd>{count(redis.data.num_clients, language)}</dd>
        </dl>
      ) : null}
    </section>
  );
}

function Figures() {
  const t = useText(messages);
  const { language } = useLanguage();
  const { current } = ranges(DAYS);
  const found = useQuery({ queryKey: ["cache", "hits", current], queryFn: ({ signal }) => get<Hits>()("GET /global/activity/cache_hits", { signal, query: { start_date: current.start, end_date: current.end } }) });
  if (found.isError) return <div className="card"><Failed error={found.error} onRetry={() => void found.refetch()} /></div>;
  if (!found.data) return <div className="card padded"><Skeleton lines={4} /></div>;
  const { totals, groups } = found.data;
  const facts: [string, string][] = [
    [t("ratio", { days: DAYS }), percent(totals.cache_hits, totals.cache_hits + totals.api_requests, language)],
    [t("hits"), compact(totals.cache_hits, language)],
    [t("asked"), compact(totals.api_requests, language)],
    [t("failed"), compact(totals.failed_requests, language)],
  ];
  const columns: Column<Group>[] = [
    { id: "kind", title: t("kind"), cell: (row) => <code>{row.call_type}</code> },
    { id: "hits", title: t("hits"), num: true, cell: (row) => count(row.cache_hits, language) },
    { id: "asked", title: t("asked"), num: true, cell: (row) => count(row.api_requests, language) },
    { id: "failed", title: t("failed"), num: true, cell: (row) => count(row.failed_requests, language) },
    { id: "ratio", title: t("ratio", { days: DAYS }), num: true, cell: (row) => percent(row.cache_hits, row.cache_hits + row.api_requests, language) },
  ];
  return (
    <>
      <dl className="card kpis">
        {facts.map(([label, value]) => <div key={label} className="kpi"><dt>{label}</dt><dd>{value}</dd></div>)}
      </dl>
      <section className="stack tight">
        <h2>{t("kinds")}</h2>
        <DataTable name="cache-kinds" label={t("kinds")} columns={columns} rows={groups} rowId={(row) => row.call_type} error={null} onRetry={() => undefined} empty={<Empty icon="cache" title={t("quiet")} />} />
      </section>
    </>
  );
}

function Settings() {
  const t = useText(messages);
  const list = useQuery({ queryKey: ["cache", "settings"], queryFn: ({ signal }) => get<{ fields: CacheField[] }>()("GET /cache/settings", { signal }) });
  const columns: Column<CacheField>[] = [
    { id: "setting", title: t("setting"), cell: (row) => <><code>{row.field_name}</code><div className="muted small">{row.field_description}</div></> },
    { id: "value", title: t("value"), cell: (row) => <code className="wrap">{shown(row.field_value)}</code> },
  ];
  return (
    <section className="stack tight">
      <h2>{t("settings")}</h2>
      <p className="muted small">{t("settings_text")}</p>
      <DataTable name="cache-settings" label={t("settings")} columns={columns} rows={list.data?.fields} rowId={(row) => row.field_name} error={list.error} onRetry={() => void list.refetch()} empty={<Empty icon="settings" title={t("settings")} />} />
    </section>
  );
}
