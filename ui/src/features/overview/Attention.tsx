import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { get } from "@/shared/api/client";
import type { Key } from "@/shared/api/views";
import { useLanguage, useText } from "@/shared/i18n/language";
import { percent } from "@/shared/lib/format";
import { useMay } from "@/shared/lib/session";
import { Icon } from "@/shared/ui/icons";
import { Skeleton } from "@/shared/ui/states";
import { Badge } from "@/shared/ui/values";
import { messages } from "./messages";

interface Latest {
  latest_health_checks: Record<string, { status?: string; model_name?: string }>;
}
interface Loaded {
  status: string;
  revision: number;
  deployments: number;
  problems: string[];
}
interface Ready {
  status: string;
  db: string;
  workers: number;
}

const useLoaded = (enabled: boolean) => useQuery({ queryKey: ["config-status"], enabled, queryFn: () => get<Loaded>()("GET /config/reload/status") });

export function Attention({ keys }: { keys: readonly Key[] }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const may = useMay();
  const checks = useQuery({ queryKey: ["health-latest"], enabled: may("config.read"), queryFn: () => get<Latest>()("GET /health/latest") });
  const loaded = useLoaded(may("config.read"));
  const near = keys.filter((key) => key.max_budget !== null && !key.blocked && key.spend >= 0.8 * key.max_budget);
  const [opened] = useState(() => Date.now());
  const unused = keys.filter((key) => key.last_active === null && !key.blocked && Date.parse(key.created_at) < opened - 7 * 86_400_000);
  const sick = Object.values(checks.data?.latest_health_checks ?? {}).filter((each) => each.status === "unhealthy");
  const problems = loaded.data?.problems ?? [];
  const nameOf = (key: Key) => key.key_alias ?? key.key_name;
  const calm = near.length + unused.length + sick.length + problems.length === 0;
  return (
    <section className="card padded stack tight">
      <h2>{t("attention")}</h2>
      {calm ? <p className="muted">{t("calm")}</p> : null}
      {problems.slice(0, 3).map((why) => <div key={why} className="notice bad"><Icon name="warn" /><span className="wrap">{t("config", { why })}</span></div>)}
      {sick.slice(0, 5).map((each) => <div key={each.model_name} className="notice bad"><Icon name="warn" /><Link to="/models">{t("unhealthy", { name: each.model_name ?? "?" })}</Link></div>)}
      {near.slice(0, 5).map((key) => (
        <div key={key.token} className="notice warn">
          <Icon name="warn" />
          <Link to="/keys" search={{ open: key.token } as never}>{t("over", { name: nameOf(key), share: percent(key.spend, key.max_budget || 1, language) })}</Link>
        </div>
      ))}
      {unused.slice(0, 5).map((key) => <div key={key.token} className="notice"><Icon name="keys" /><Link to="/keys" search={{ open: key.token } as never}>{t("unused", { name: nameOf(key) })}</Link></div>)}
    </section>
  );
}

export function Health() {
  const t = useText(messages);
  const may = useMay();
  const whole = may("config.read");
  const ready = useQuery({ queryKey: ["ready"], refetchInterval: 30_000, queryFn: () => (whole ? get<Ready>()("GET /health/readiness/details") : get<Ready>()("GET /health/readiness")) });
  const loaded = useLoaded(whole);
  return (
    <section className="card padded stack tight">
      <div className="row between">
        <h2>{t("health")}</h2>
        {ready.data ? <Badge look={ready.data.status === "healthy" ? "good" : "bad"}>{t(ready.data.status === "healthy" ? "healthy" : "sick")}</Badge> : null}
      </div>
      {ready.isPending ? <Skeleton lines={3} /> : null}
      <dl className="facts">
        {ready.data ? <><dt>{t("database")}</dt><dd>{ready.data.db}</dd></> : null}
        {ready.data?.workers === undefined ? null : <><dt>{t("workers")}</dt><dd>{ready.data.workers}</dd></>}
        {loaded.data ? <><dt>{t("deployments")}</dt><dd>{loaded.data.deployments}</dd><dt>{t("revision")}</dt><dd>{loaded.data.status} · {loaded.data.revision}</dd></> : null}
      </dl>
    </section>
  );
}
