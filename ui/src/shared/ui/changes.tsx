import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { get } from "../api/client";
import type { AuditRecord } from "../api/views";
import { useCommon } from "../i18n/language";
import { useMay } from "../lib/session";
import { shown } from "./conflict";
import { Failed, Skeleton } from "./states";
import { When } from "./values";

/** Which fields a change changed: before and after. */
export function Changes({ record }: { record: AuditRecord }) {
  const t = useCommon();
  const names = [...new Set([...Object.keys(record.before_value ?? {}), ...Object.keys(record.updated_values ?? {})])].sort();
  const changed = names.filter((name) => JSON.stringify(record.before_value?.[name]) !== JSON.stringify(record.updated_values?.[name]));
  if (changed.length === 0) return <p className="muted small">{t("history.nothing")}</p>;
  return (
    <table className="data">
      <thead>
        <tr><th scope="col">{t("history.field")}</th><th scope="col">{t("history.before")}</th><th scope="col">{t("history.after")}</th></tr>
      </thead>
      <tbody>
        {changed.map((name) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td className="wrap">{shown(record.before_value?.[name])}</td>
            <td className="wrap">{shown(record.updated_values?.[name])}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const SHOWN = 10;

/** Who has changed this object, what and when: its newest audit records, for those who may read them. */
export function History({ object }: { object: string }) {
  const t = useCommon();
  const may = useMay();
  const enabled = may("audit.read");
  const found = useQuery({
    queryKey: ["audit", "of", object],
    enabled,
    queryFn: ({ signal }) => get<{ audit_logs: AuditRecord[]; total: number }>()("GET /audit", { signal, query: { object_id: object, page_size: SHOWN } }),
  });
  if (!enabled) return null;
  return (
    <section className="stack tight" aria-label={t("history.title")}>
      <h3>{t("history.title")}</h3>
      {found.isPending ? <Skeleton lines={3} /> : null}
      {found.isError ? <Failed error={found.error} onRetry={() => void found.refetch()} /> : null}
      {found.data?.audit_logs.length === 0 ? <p className="muted small">{t("history.none")}</p> : null}
      {found.data?.audit_logs.map((record) => (
        <details key={record.id}>
          <summary className="small">
            <strong>{record.event}</strong> {t("field.by", { name: record.actor })} · <When iso={record.updated_at} />
          </summary>
          <Changes record={record} />
        </details>
      ))}
      {(found.data?.total ?? 0) > SHOWN ? <Link className="small" to="/audit" search={{ object } as never}>{t("history.all")}</Link> : null}
    </section>
  );
}
