import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/shared/api/client";
import type { Session } from "@/shared/api/views";
import { useLanguage, useText } from "@/shared/i18n/language";
import { relative } from "@/shared/lib/format";
import { faultOf, isPlaced, useChange } from "@/shared/lib/form";
import { useMay, useSession } from "@/shared/lib/session";
import { useUrlState } from "@/shared/lib/urlState";
import { Button } from "@/shared/ui/button";
import { Segments, TextField } from "@/shared/ui/field";
import { SettingsTable, type Section } from "@/shared/ui/settings";
import { Failed, Fault, Skeleton } from "@/shared/ui/states";
import { toast } from "@/shared/ui/toast";
import { Badge, When } from "@/shared/ui/values";
import { messages } from "./messages";
import { Reloads } from "./Reloads";
import { Running } from "./Running";

const DEFAULTS = { tab: "settings" };
const TABS = ["settings", "running", "reloads"] as const;
const SECTIONS: readonly Section[] = ["general_settings", "litellm_settings", "router_settings"];
interface Loaded {
  status: string;
  loaded_at: string;
  problems: string[];
  notes: string[];
}

export function SettingsPage() {
  const t = useText(messages);
  const may = useMay();
  const who = useSession();
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t("nav.settings")}</h1>
          <p>{t("intro")}</p>
        </div>
      </div>
      <div className="two">
        <Sessions />
        {who.user_id && who.user_id !== "default_user_id" && may("password.change") ? <Password /> : null}
      </div>
      {may("config.read") ? <Configuration /> : null}
    </>
  );
}

function Sessions() {
  const t = useText(messages);
  const { language } = useLanguage();
  const list = useQuery({ queryKey: ["sessions"], queryFn: () => get<{ sessions: Session[] }>()("GET /sessions") });
  const end = useChange(() => get<{ ended: number }>()("POST /sessions/end", { body: { others: true } as never }), (done) => toast(t("ended", { count: done.ended })));
  return (
    <section className="card padded stack tight">
      <div className="row between">
        <h2>{t("sessions")}</h2>
        {(list.data?.sessions.length ?? 0) > 1 ? <Button tiny look="danger" onClick={() => end.mutate(undefined)}>{t("end_others")}</Button> : null}
      </div>
      {list.isPending ? <Skeleton lines={2} /> : null}
      {list.isError ? <Failed error={list.error} onRetry={() => void list.refetch()} /> : null}
      {list.data?.sessions.map((each) => (
        <div key={each.id} className="row between">
          <span>{each.label} {each.current ? <Badge look="good">{t("current")}</Badge> : null}</span>
          <span className="muted small">{t("seen", { when: relative(each.last_seen_at, language) })}</span>
        </div>
      ))}
      <Fault error={end.error} />
    </section>
  );
}

function Password() {
  const t = useText(messages);
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const change = useChange(
    () => get("POST /user/password/change", { body: { current_password: old, new_password: next } }),
    () => {
      setOld("");
      setNext("");
      toast(t("changed"));
    },
  );
  return (
    <form className="card padded stack" noValidate onSubmit={(event) => { event.preventDefault(); change.mutate(undefined); }}>
      <h2>{t("password")}</h2>
      <TextField label={t("old")} type="password" autoComplete="current-password" value={old} onChange={setOld} fault={faultOf(change.error, "current_password")} />
      <TextField label={t("new")} hint={t("new_hint")} type="password" autoComplete="new-password" value={next} onChange={setNext} fault={faultOf(change.error, "new_password")} />
      {isPlaced(change.error, ["current_password", "new_password"]) ? null : <Fault error={change.error} />}
      <div className="row"><Button type="submit" disabled={change.isPending || !old || next.length < 12}>{t("password")}</Button></div>
    </form>
  );
}

function Configuration() {
  const t = useText(messages);
  const loaded = useQuery({ queryKey: ["config-status"], queryFn: () => get<Loaded>()("GET /config/reload/status") });
  const [section, setSection] = useState<Section>("general_settings");
  const [url, setUrl] = useUrlState(DEFAULTS);
  const tab = TABS.find((each) => each === url.tab) ?? "settings";
  return (
    <section className="stack tight">
      <div className="row between">
        <h2>{t("config")}</h2>
        {loaded.data ? <span className="muted small">{t("loaded")} <When iso={loaded.data.loaded_at} /></span> : null}
      </div>
      {loaded.data && loaded.data.problems.length > 0 ? (
        <div className="notice bad" role="alert"><div className="wrap"><strong>{t("problems")}</strong>{loaded.data.problems.map((each) => <div key={each}><code>{each}</code></div>)}</div></div>
      ) : null}
      {loaded.data?.notes.map((each) => <div key={each} className="notice wrap">{each}</div>)}
      <div><Segments label={t("config")} value={tab} options={TABS.map((each) => [each, t(`tab.${each}`)] as const)} onChange={(next) => setUrl({ tab: next })} /></div>
      {tab === "running" ? <Running /> : tab === "reloads" ? <Reloads /> : (
        <>
          <div><Segments label={t("section")} value={section} options={SECTIONS.map((each) => [each, t(`section.${each}`)] as const)} onChange={setSection} /></div>
          <SettingsTable key={section} section={section} label={t("config")} />
        </>
      )}
    </section>
  );
}
