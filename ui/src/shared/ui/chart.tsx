import { useEffect, useId, useState, type ReactNode } from "react";
import { useCommon, useLanguage } from "../i18n/language";
import { day as dayText } from "../lib/format";
import type { Series } from "../lib/series";
import { Button } from "./button";

interface ChartProps {
  title: string;
  days: readonly string[];
  series: readonly Series[];
  format: (value: number) => string;
  actions?: ReactNode;
}

const HIGH = 220;
const LEFT = 58;
const BOTTOM = 24;
const TOP = 8;

/** How wide the chart may be: text in it keeps its size. */
function useWidth() {
  const [element, place] = useState<HTMLDivElement | null>(null);
  const [wide, setWide] = useState(720);
  useEffect(() => {
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => setWide(Math.max(240, Math.round(entry?.contentRect.width ?? 720))));
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return { place, wide };
}

/** The next round number that holds `value`. */
export function ceiling(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 1.5, 2, 3, 4, 5, 6, 8].find((each) => each * power >= value) ?? 10) * power;
}

/** Stacked bars by day, which can be read as a table, too. */
export function BarChart({ title, days, series, format, actions }: ChartProps) {
  const t = useCommon();
  const { language } = useLanguage();
  const [asTable, setAsTable] = useState(false);
  const name = useId();
  const { place, wide } = useWidth();
  const sums = days.map((_, index) => series.reduce((sum, each) => sum + (each.values[index] ?? 0), 0));
  const top = ceiling(Math.max(0, ...sums));
  const empty = sums.every((each) => each === 0);
  return (
    <section className="card padded stack chart" aria-labelledby={name}>
      <div className="row between">
        <h2 id={name}>{title}</h2>
        <div className="row">
          {actions}
          <Button tiny look="quiet" onClick={() => setAsTable(!asTable)}>
            {asTable ? t("chart.chart") : t("chart.table")}
          </Button>
        </div>
      </div>
      {empty ? (
        <p className="muted">{t("chart.none")}</p>
      ) : asTable ? (
        <Figures days={days} series={series} format={format} label={title} />
      ) : (
        <>
          <div ref={place}>
          <svg viewBox={`0 0 ${wide} ${HIGH}`} role="img" aria-labelledby={name}>
            {[0, 0.5, 1].map((share) => {
              const y = TOP + (HIGH - BOTTOM - TOP) * (1 - share);
              return (
                <g key={share}>
                  <line className="grid" x1={LEFT} x2={wide} y1={y} y2={y} />
                  <text className="axis" x={LEFT - 8} y={y + 4} textAnchor="end">
                    {format(top * share)}
                  </text>
                </g>
              );
            })}
            {days.map((date, index) => (
              <Stack key={date} date={date} index={index} count={days.length} wide={wide} top={top} series={series} format={format} />
            ))}
            {days.map((date, index) =>
              index % Math.ceil(days.length / Math.max(2, Math.floor(wide / 90))) === 0 ? (
                <text key={date} className="axis" x={LEFT + ((index + 0.5) * (wide - LEFT)) / days.length} y={HIGH - 6} textAnchor="middle">
                  {dayText(date, language)}
                </text>
              ) : null,
            )}
          </svg>
          </div>
          <div className="legend">
            {series.map((each) => (
              <span key={each.name} className="cut">
                <span className={`swatch f${each.color}`} />
                {each.label}
              </span>
            ))}
          </div>
        </>
      )}
    </section>
  );
}

interface StackProps {
  date: string;
  index: number;
  count: number;
  wide: number;
  top: number;
  series: readonly Series[];
  format: (value: number) => string;
}

function Stack({ date, index, count, wide, top, series, format }: StackProps) {
  const { language } = useLanguage();
  const step = (wide - LEFT) / count;
  const width = Math.max(1.5, Math.min(40, step * 0.68));
  const x = LEFT + (index + 0.5) * step - width / 2;
  const scale = (HIGH - BOTTOM - TOP) / top;
  const heights = series.map((each) => (each.values[index] ?? 0) * scale);
  const lines = series.filter((each) => (each.values[index] ?? 0) > 0).map((each) => `${each.label}: ${format(each.values[index] ?? 0)}`);
  return (
    <g>
      <title>{[dayText(date, language), ...lines].join("\n")}</title>
      <rect x={x - (step - width) / 2} y={TOP} width={step} height={HIGH - BOTTOM - TOP} fill="transparent" />
      {series.map((each, at) => {
        const below = heights.slice(0, at).reduce((sum, one) => sum + one, 0);
        const height = heights[at] ?? 0;
        return height > 0 ? <rect key={each.name} className={`f${each.color}`} x={x} y={HIGH - BOTTOM - below - height} width={width} height={height} rx={1.5} /> : null;
      })}
    </g>
  );
}

function Figures({ days, series, format, label }: { days: readonly string[]; series: readonly Series[]; format: (value: number) => string; label: string }) {
  const t = useCommon();
  const { language } = useLanguage();
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- wide tables scroll inside
    <div className="table-wrap" role="region" aria-label={label} tabIndex={0}>
      <table className="data">
        <thead>
          <tr>
            <th scope="col">{t("chart.day")}</th>
            {series.map((each) => (
              <th key={each.name} scope="col" className="num">
                {each.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {days.map((date, index) => (
            <tr key={date}>
              <td>{dayText(date, language)}</td>
              {series.map((each) => (
                <td key={each.name} className="num">
                  {format(each.values[index] ?? 0)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
