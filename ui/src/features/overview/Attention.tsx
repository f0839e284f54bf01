import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { get } from "@/shared/api/client";
import type { Attention as Found, BudgetUse, SomeKeys } from "@/shared/api/usage";
import { useLanguage, useText } from "@/shared/i18n/language";
import { number, relative } from "@/shared/lib/format";
import { useMay } from "@/shared/lib/session";
import { BudgetLine } from "@/shared/ui/figures";
import { Icon, type IconName } from "@/shared/ui/icons";
import { Failed, Skeleton } from "@/shared/ui/states";
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

const PAGES: Record<string, string> = {
  key: "/keys", user: "/users", team: "/teams", organization: "/organizations", project: "/projects", customer: "/customers", tag: "/tags",
}; // prettier-ignore

const useLoaded = (enabled: boolean) => useQuery({ queryKey: ["config-status"], enabled, queryFn: () => get<Loaded>()("GET /config/reload/status") });

export const useAttention = (enabled: boolean) => useQuery({ queryKey: ["attention"], enabled, staleTime: 30_000, queryFn: ({ signal }) => get<Found>()("GET /usage/attention", { signal }) });

function Point({ look, icon, children }: { look: string; icon: IconName; children: ReactNode }) {
  return <li className={`notice ${look}`}><Icon name={icon} /><span className="wrap grow">{children}</span></li>;
}

export function Attention() {
  const t = useText(messages);
  const { language } = useLanguage();
  const may = useMay();
  const found = useAttention(may("key.read"));
  const checks = useQuery({ queryKey: ["health-latest"], enabled: may("config.read"), queryFn: () => get<Latest>()("GET /health/latest") });
  const loaded = useLoaded(may("config.read"));
  const near = (found.data?.budgets ?? []).filter((each) => each.share >= 0.8 || each.used_up_at !== null);
  const sick = Object.values(checks.data?.latest_health_checks ?? {}).filter((each) => each.status === "unhealthy");
  const problems = loaded.data?.problems ?? [];
  const credentials = found.data?.old_credentials ?? [];
  const [unused, old] = [found.data?.unused_keys, found.data?.old_keys];
  const calm = found.isSuccess && near.length + sick.length + problems.length + credentials.length + (unused?.count ?? 0) + (old?.count ?? 0) === 0;
  return (
    <section className="card padded stack tight">
      <h2>{t("attention")}</h2>
      {found.isPending && may("key.read") ? <Skeleton lines={4} /> : null}
      {found.isError ? <Failed error={found.error} onRetry={() => void found.refetch()} /> : null}
      {calm ? <p className="muted">{t("calm")}</p> : null}
      <ul className="plain stack tight">
        {problems.slice(0, 3).map((why) => <Point key={why} look="bad" icon="warn">{t("config", { why })}</Point>)}
        {sick.slice(0, 5).map((each) => <Point key={each.model_name} look="bad" icon="warn"><Link to="/models">{t("unhealthy", { name: each.model_name ?? "?" })}</Link></Point>)}
        {near.slice(0, 5).map((each) => (
          <Point key={`${each.kind}/${each.id}`} look={each.share >= 1 ? "bad" : "warn"} icon="budgets">
            <Link to={PAGES[each.kind] ?? "/keys"} search={{ open: each.id } as never}>
              {t(each.share >= 1 ? "over" : each.used_up_at && each.share < 0.8 ? "soon" : "near", { name: each.label ?? each.id, share: number(each.share, language, { style: "percent" }), when: each.used_up_at ? relative(each.used_up_at, language) : "" })}
            </Link>
          </Point>
        ))}
        {unused?.count ? <Point look="" icon="keys"><Names text={t("unused", { count: unused.more ? `${unused.count}+` : unused.count })} found={unused} /></Point> : null}
        {old?.count ? <Point look="" icon="refresh"><Names text={t("old", { count: old.more ? `${old.count}+` : old.count })} found={old} /></Point> : null}
        {credentials.map((each) => <Point key={each.id} look="" icon="refresh"><Link to="/models" search={{ tab: "credentials" } as never}>{t("credential", { name: each.id, when: relative(each.changed_at, language) })}</Link></Point>)}
      </ul>
    </section>
  );
}

function Names({ text, found }: { text: string; found: SomeKeys }) {
  return (
    <>
      {text}{" "}
      {found.keys.slice(0, 3).map((each, index) => <span key={each.token}>{index ? ", " : ""}<Link to="/keys" search={{ open: each.token } as never}>{each.name}</Link></span>)}
      {found.count > 3 ? " …" : ""}
    </>
  );
}

export function Budgets() {
  const t = useText(messages);
  const may = useMay();
  const found = useAttention(may("key.read"));
  return (
    <section className="card padded stack tight">
      <div className="row between"><h2>{t("budgets")}</h2><Link to="/keys" search={{ sort: "max_budget" } as never} className="small">{t("all")}<span className="hidden"> {t("nav.keys")}</span></Link></div>
      {found.isPending ? <Skeleton lines={5} /> : null}
      {found.data?.budgets.length === 0 ? <p className="muted">{t("no_budgets")}</p> : null}
      {(found.data?.budgets ?? []).slice(0, 5).map((each) => <BudgetLine key={`${each.kind}/${each.id}`} used={each} name={<Whose used={each} />} />)}
    </section>
  );
}

function Whose({ used }: { used: BudgetUse }) {
  const t = useText(messages);
  return (
    <>
      <Link to={PAGES[used.kind] ?? "/keys"} search={{ open: used.id } as never}>{used.label ?? used.id.slice(0, 16)}</Link>{" "}
      <span className="muted small">{t(`kind.${used.kind}` as "kind.key")}</span>
    </>
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
