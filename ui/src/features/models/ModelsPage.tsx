import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { get } from "@/shared/api/client";
import type { Deployment } from "@/shared/api/views";
import { useReport } from "@/shared/api/usage";
import { useLanguage, useText } from "@/shared/i18n/language";
import { compact } from "@/shared/lib/format";
import { useChange } from "@/shared/lib/form";
import { ranges } from "@/shared/lib/series";
import { useMay } from "@/shared/lib/session";
import { useUrlState } from "@/shared/lib/urlState";
import { Button } from "@/shared/ui/button";
import { Segments } from "@/shared/ui/field";
import { SearchBox } from "@/shared/ui/search";
import { Empty } from "@/shared/ui/states";
import { DataTable, Pager, type Column } from "@/shared/ui/table";
import { toast } from "@/shared/ui/toast";
import { Badge } from "@/shared/ui/values";
import { wordsOf } from "@/shared/ui/states";
import { listModels, SIZE } from "./api";
import { Aliases } from "./Aliases";
import { Catalogue } from "./Catalogue";
import { Credentials } from "./Credentials";
import { messages } from "./messages";
import { ModelDrawer } from "./ModelDrawer";
import { ModelForm } from "./ModelForm";
import { Price } from "./Price";
import { Weights } from "./Weights";

const DEFAULTS = { page: 1, search: "", open: "", tab: "models" };
interface Latest {
  latest_health_checks: Record<string, { status?: string; checked_at?: string }>;
}

export function ModelsPage() {
  const t = useText(messages);
  const { language } = useLanguage();
  const may = useMay();
  const [url, setUrl] = useUrlState(DEFAULTS);
  const [adding, setAdding] = useState(false);
  const list = useQuery({ queryKey: ["models", url.page, url.search], placeholderData: keepPreviousData, queryFn: ({ signal }) => listModels(url.page, url.search, signal) });
  const checks = useQuery({ queryKey: ["health-latest"], enabled: may("config.read"), queryFn: () => get<Latest>()("GET /health/latest") });
  const check = useChange((id: string) => get<{ unhealthy_count: number }>()("GET /health", { query: { model_id: id } }), (found) => toast(t(found.unhealthy_count ? "sick" : "healthy"), { bad: found.unhealthy_count > 0 }));
  const stateOf = (row: Deployment) => {
    const status = checks.data?.latest_health_checks[row.model_info.id]?.status;
    if (status === "healthy") return <Badge look="good">{t("healthy")}</Badge>;
    return status === undefined ? <span className="muted">{t("unchecked")}</span> : <Badge look="bad">{t("sick")}</Badge>;
  };
  const { current } = ranges(7);
  const used = useReport({ start_date: current.start, end_date: current.end, by: "model", compare: "none", order: "requests", limit: 100 }, may("spend.read"));
  const traffic = new Map((used.data?.groups ?? []).map((each) => [each.id, each.figures]));
  const trafficOf = (row: Deployment) => {
    const figures = traffic.get(row.model_name);
    return figures ? <Link to="/logs" search={{ model: row.model_name } as never} title={t("traffic_hint")} onClick={(event) => event.stopPropagation()}>{compact(figures.requests, language)}</Link> : used.data?.more === false ? "0" : "–";
  };
  const number = (row: Deployment, name: string) => (typeof row.model_info[name] === "number" ? compact(Number(row.model_info[name]), language) : "–");
  const columns: Column<Deployment>[] = [
    { id: "name", title: t("name"), cell: (row) => row.model_name },
    { id: "target", title: t("target"), cell: (row) => <code className="cut">{String(row.litellm_params["model"] ?? "")}</code> },
    ...(may("config.read") ? [{ id: "health", title: t("health"), cell: stateOf }] : []),
    { id: "price", title: t("price"), num: true, cell: (row) => <Price found={row} /> },
    { id: "context", title: t("context"), num: true, cell: (row) => number(row, "max_input_tokens") },
    ...(may("spend.read") ? [{ id: "traffic", title: t("traffic"), num: true, cell: trafficOf }] : []),
    { id: "owner", title: t("owner"), cell: (row) => <Badge look={row.model_info.db_model ? "accent" : "plain"}>{t(row.model_info.db_model ? "by_ui" : "by_file")}</Badge> },
    ...(may("health.check")
      ? [{ id: "check", title: t("check"), num: true, cell: (row: Deployment) => <Button tiny look="quiet" disabled={check.isPending} onClick={(event) => { event.stopPropagation(); check.mutate(row.model_info.id); }}>{t("check")}</Button> }]
      : []),
  ];
  const add = may("model.write") ? <Button look="primary" icon="plus" onClick={() => setAdding(true)}>{t("new")}</Button> : null;
  const open = list.data?.data.find((row) => row.model_info.id === url.open);
  const tabs: [string, string][] = [["models", t("tab.models")], ["catalogue", t("tab.catalogue")]];
  if (may("config.read")) tabs.push(["aliases", t("tab.aliases")], ["weights", t("tab.weights")]);
  if (may("credential.read")) tabs.push(["credentials", t("tab.credentials")]);
  const tab = tabs.some(([name]) => name === url.tab) ? url.tab : "models";
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t("nav.models")}</h1>
          <p>{t("intro")}</p>
        </div>
        {tab === "models" ? add : null}
      </div>
      {tabs.length > 1 ? <div><Segments label={t("nav.models")} value={tab} options={tabs} onChange={(next) => setUrl({ tab: next })} /></div> : null}
      {tab === "credentials" ? (
        <Credentials />
      ) : tab === "catalogue" ? (
        <Catalogue />
      ) : tab === "aliases" ? (
        <Aliases />
      ) : tab === "weights" ? (
        <Weights />
      ) : (
        <>
          <div className="filters">
            <SearchBox label={t("search")} value={url.search} onChange={(search) => setUrl({ search, page: 1 })} />
          </div>
          {check.error ? <p className="notice bad" role="alert">{wordsOf(check.error, t).detail ?? wordsOf(check.error, t).title}</p> : null}
          <DataTable
            name="models"
            label={t("nav.models")}
            columns={columns}
            rows={list.data?.data}
            rowId={(row) => row.model_info.id}
            error={list.error}
            onRetry={() => void list.refetch()}
            onOpen={(row) => setUrl({ open: row.model_info.id }, true)}
            empty={url.search ? <Empty icon="search" title={t("table.none")} text={t("table.none_hint")} /> : <Empty icon="models" title={t("empty")} text={t("empty_text")}>{add}</Empty>}
            pager={<Pager page={url.page} size={SIZE} shown={list.data?.data.length ?? 0} total={list.data?.total_count ?? null} onPage={(page) => setUrl({ page })} />}
          />
        </>
      )}
      {adding ? <ModelForm found={null} onClose={() => setAdding(false)} /> : null}
      {open ? <ModelDrawer found={open} onClose={() => setUrl({ open: "" })} /> : null}
    </>
  );
}
