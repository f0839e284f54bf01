import { Link } from "@tanstack/react-router";
import type { Report } from "@/shared/api/usage";
import { useLanguage, useText } from "@/shared/i18n/language";
import { compact, duration, percent } from "@/shared/lib/format";
import { labelOf } from "@/shared/lib/usage";
import { Badge, Money } from "@/shared/ui/values";
import { messages } from "./messages";

const BAD = 0.1;
const SOME = 0.02;

/** How the providers did: what failed and how long answers took, not only whether they are up. */
export function Providers({ report }: { report: Report }) {
  const t = useText(messages);
  const { language } = useLanguage();
  const rows = report.groups.filter((each) => each.id && each.figures.requests > 0);
  return (
    <section className="card stack tight">
      <div className="row between padded-head"><h2>{t("providers")}</h2><Link to="/usage" search={{ by: "provider" } as never} className="small">{t("all")}<span className="hidden"> {t("providers")}</span></Link></div>
      {rows.length === 0 ? <p className="muted padded-head">{t("chart.none")}</p> : (
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- wide tables scroll inside
        <div className="table-wrap" role="region" aria-label={t("providers")} tabIndex={0}>
          <table className="data">
            <thead>
              <tr><th scope="col">{t("provider")}</th><th scope="col">{t("field.state")}</th><th scope="col" className="num">{t("metric.requests")}</th><th scope="col" className="num">{t("metric.errors")}</th><th scope="col" className="num">p50</th><th scope="col" className="num">p95</th><th scope="col" className="num">{t("metric.spend")}</th></tr>
            </thead>
            <tbody>
              {rows.map((each) => {
                const share = each.figures.failures / each.figures.requests;
                const look = share >= BAD ? "bad" : share >= SOME ? "warn" : "good";
                return (
                  <tr key={each.id}>
                    <th scope="row"><Link to="/logs" search={{ provider: each.id, ...(look === "good" ? {} : { status: "failure" }) } as never}>{labelOf(each, "–")}</Link></th>
                    <td><Badge look={look}>{t(`state.${look}`)}</Badge></td>
                    <td className="num">{compact(each.figures.requests, language)}</td>
                    <td className="num">{percent(each.figures.failures, each.figures.requests, language)}</td>
                    <td className="num">{each.figures.p50_ms === null ? "–" : duration(each.figures.p50_ms, language)}</td>
                    <td className="num">{each.figures.p95_ms === null ? "–" : duration(each.figures.p95_ms, language)}</td>
                    <td className="num"><Money value={each.figures.spend} /></td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
