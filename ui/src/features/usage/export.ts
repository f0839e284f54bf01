import { csvOf } from "@/shared/lib/csv";
import { readReport, type Group, type Report, type ReportQuery } from "@/shared/api/usage";
import { daysBetween } from "@/shared/lib/series";

export const MOST = 5_000;
const SIZE = 100;

/** All groups of a report, as far as `MOST`; `told` hears how many there are by now. */
export async function everything(query: ReportQuery, signal: AbortSignal, told: (count: number) => void): Promise<{ report: Report; groups: Group[] }> {
  const groups: Group[] = [];
  let report: Report;
  do {
    report = await readReport({ ...query, offset: groups.length, limit: SIZE }, signal);
    groups.push(...report.groups);
    told(groups.length);
  } while (report.more && groups.length < MOST);
  return { report, groups };
}

/** A row for each group and day on which there was something. */
export function csvOfGroups(report: Report, groups: readonly Group[], by: string): string {
  const days = daysBetween(report.start_date, report.end_date);
  const rows = groups.flatMap((group) =>
    days
      .map((day, index) => [day, group.id, group.label ?? "", group.days.spend[index] ?? 0, group.days.requests[index] ?? 0, group.days.failures[index] ?? 0, group.days.tokens[index] ?? 0])
      .filter((row) => Number(row[3]) !== 0 || Number(row[4]) !== 0),
  );
  return csvOf(["day", by, "name", "spend_usd", "requests", "failures", "tokens"], rows);
}
