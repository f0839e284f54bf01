import { useQuery } from "@tanstack/react-query";
import { get } from "@/shared/api/client";
import { useText } from "@/shared/i18n/language";
import { shown } from "@/shared/ui/conflict";
import { Empty, Failed, Skeleton } from "@/shared/ui/states";
import { Badge, When } from "@/shared/ui/values";
import { messages } from "./messages";

interface Reload {
  at: string;
  revision: number;
  problems: string[];
  changes: { path: string; before: unknown; after: unknown }[];
  more: number;
}

/** What the last reloads have changed, and why some were refused. */
export function Reloads() {
  const t = useText(messages);
  const found = useQuery({ queryKey: ["config", "reloads"], queryFn: ({ signal }) => get<{ reloads: Reload[] }>()("GET /config/reloads", { signal }) });
  if (found.isPending) return <div className="card padded"><Skeleton lines={6} /></div>;
  if (found.isError) return <div className="card"><Failed error={found.error} onRetry={() => void found.refetch()} /></div>;
  if (found.data.reloads.length === 0) return <div className="card"><Empty icon="refresh" title={t("reloads_empty")} text={t("reloads_empty_text")} /></div>;
  return <div className="card padded stack">{found.data.reloads.map((each, index) => <One key={`${each.at} ${index}`} reload={each} open={index === 0} />)}</div>;
}

function One({ reload, open }: { reload: Reload; open: boolean }) {
  const t = useText(messages);
  const refused = reload.problems.length > 0;
  return (
    <details open={open}>
      <summary>
        <Badge look={refused ? "bad" : "good"}>{t(refused ? "reload_refused" : "reload_done")}</Badge> <When iso={reload.at} /> <span className="muted small">{refused ? "" : t("reload_changes", { count: reload.changes.length + reload.more, revision: reload.revision })}</span>
      </summary>
      {refused ? <ul>{reload.problems.map((each) => <li key={each} className="wrap"><code>{each}</code></li>)}</ul> : (
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- wide tables scroll inside
        <div className="table-wrap" role="group" aria-label={t("tab.reloads")} tabIndex={0}>
          <table className="data">
            <thead><tr><th scope="col">{t("setting.name")}</th><th scope="col">{t("history.before")}</th><th scope="col">{t("history.after")}</th></tr></thead>
            <tbody>{reload.changes.map((each) => <tr key={each.path}><th scope="row"><code>{each.path}</code></th><td className="wrap">{shown(each.before)}</td><td className="wrap">{shown(each.after)}</td></tr>)}</tbody>
          </table>
        </div>
      )}
      {reload.more > 0 ? <p className="muted small">{t("bulk.more", { count: reload.more })}</p> : null}
    </details>
  );
}
