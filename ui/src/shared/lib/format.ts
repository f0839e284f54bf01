// Figures, money and times as people of a language read them.

export type Language = "en" | "de";
// Figures as in the country of the currency, dates with the month as a word.
const LOCALES: Record<Language, string> = { en: "en-US", de: "de-DE" };
const DATES: Record<Language, string> = { en: "en-GB", de: "de-DE" };

export function localeOf(language: Language): string {
  return LOCALES[language];
}

/** US dollars with the digits that matter: two from a dollar up, more where cents would hide everything. */
export function money(value: number, language: Language): string {
  const size = Math.abs(value);
  const digits = size === 0 || size >= 1 ? 2 : size >= 0.01 ? 4 : 6;
  return new Intl.NumberFormat(localeOf(language), {
    style: "currency",
    currency: "USD",
    currencyDisplay: "narrowSymbol",
    minimumFractionDigits: Math.min(digits, 2),
    maximumFractionDigits: digits,
  }).format(value);
}

export function count(value: number, language: Language): string {
  return new Intl.NumberFormat(localeOf(language)).format(value);
}

/** Short from ten thousand up: 12.3k. */
export function compact(value: number, language: Language): string {
  if (Math.abs(value) < 10_000) return new Intl.NumberFormat(localeOf(language), { maximumFractionDigits: 1 }).format(value);
  return new Intl.NumberFormat(localeOf(language), { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

export function percent(part: number, whole: number, language: Language): string {
  const value = whole === 0 ? 0 : part / whole;
  return new Intl.NumberFormat(localeOf(language), { style: "percent", maximumFractionDigits: value < 0.1 ? 1 : 0 }).format(value);
}

export function duration(milliseconds: number, language: Language): string {
  if (milliseconds < 1000) return `${count(Math.round(milliseconds), language)} ms`;
  const [size, unit, digits]: [number, string, number] = milliseconds < 120_000 ? [1000, "s", 2] : milliseconds < 7_200_000 ? [60_000, "min", 1] : [3_600_000, "h", 1];
  return `${new Intl.NumberFormat(localeOf(language), { maximumFractionDigits: digits }).format(milliseconds / size)} ${unit}`;
}

export function moment(iso: string, language: Language): string {
  return new Intl.DateTimeFormat(DATES[language], { dateStyle: "medium", timeStyle: "medium" }).format(new Date(iso));
}

export function day(date: string, language: Language): string {
  return new Intl.DateTimeFormat(DATES[language], { day: "numeric", month: "short", timeZone: "UTC" }).format(
    new Date(`${date}T00:00:00Z`),
  );
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

export function relative(iso: string, language: Language, now: number = Date.now()): string {
  const seconds = Math.round((new Date(iso).getTime() - now) / 1000);
  const [unit, size] = STEPS.find(([, each]) => Math.abs(seconds) >= each) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(DATES[language], { numeric: "auto" }).format(Math.trunc(seconds / size), unit);
}

/** A number somebody has typed; `null` for nothing, `undefined` for what is no number. */
export function typedNumber(text: string): number | null | undefined {
  const trimmed = text.trim().replace(",", ".");
  if (trimmed === "") return null;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : undefined;
}
