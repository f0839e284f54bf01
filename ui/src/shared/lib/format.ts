// Figures, money and times as people of a language read them.

export type Language = "en" | "de";
// Figures as in the country of the currency, dates with the month as a word.
const LOCALES: Record<Language, string> = { en: "en-US", de: "de-DE" };
const DATES: Record<Language, string> = { en: "en-GB", de: "de-DE" };

export function localeOf(language: Language): string {
  return LOCALES[language];
}

// Making a formatter takes a hundred times as long as using it, and a table has hundreds of figures.
const numbers = new Map<string, Intl.NumberFormat>();
const dates = new Map<string, Intl.DateTimeFormat>();
const spans = new Map<Language, Intl.RelativeTimeFormat>();

function kept<T>(all: Map<string, T>, locale: string, options: object, make: () => T): T {
  const name = locale + JSON.stringify(options);
  const found = all.get(name) ?? make();
  all.set(name, found);
  return found;
}

/** A number as `options` say, in the language's way. */
export function number(value: number, language: Language, options: Intl.NumberFormatOptions = {}): string {
  const locale = LOCALES[language];
  return kept(numbers, locale, options, () => new Intl.NumberFormat(locale, options)).format(value);
}

function date(value: Date, language: Language, options: Intl.DateTimeFormatOptions): string {
  const locale = DATES[language];
  return kept(dates, locale, options, () => new Intl.DateTimeFormat(locale, options)).format(value);
}

/** A change in per cent, with its sign. */
export function changed(share: number, language: Language): string {
  return number(share, language, { style: "percent", signDisplay: "exceptZero", maximumFractionDigits: 0 });
}

/** US dollars with the digits that matter: two from a dollar up, more where cents would hide everything. */
export function money(value: number, language: Language): string {
  const size = Math.abs(value);
  const digits = size === 0 || size >= 1 ? 2 : size >= 0.01 ? 4 : 6;
  return number(value, language, {
    style: "currency",
    currency: "USD",
    currencyDisplay: "narrowSymbol",
    minimumFractionDigits: Math.min(digits, 2),
    maximumFractionDigits: digits,
  });
}

export function count(value: number, language: Language): string {
  return number(value, language);
}

/** Short from ten thousand up: 12.3k. */
export function compact(value: number, language: Language): string {
  if (Math.abs(value) < 10_000) return number(value, language, { maximumFractionDigits: 1 });
  return number(value, language, { notation: "compact", maximumFractionDigits: 1 });
}

export function percent(part: number, whole: number, language: Language): string {
  const value = whole === 0 ? 0 : part / whole;
  return number(value, language, { style: "percent", maximumFractionDigits: value < 0.1 ? 1 : 0 });
}

export function duration(milliseconds: number, language: Language): string {
  if (milliseconds < 1000) return `${count(Math.round(milliseconds), language)} ms`;
  const [size, unit, digits]: [number, string, number] = milliseconds < 120_000 ? [1000, "s", 2] : milliseconds < 7_200_000 ? [60_000, "min", 1] : [3_600_000, "h", 1];
  return `${number(milliseconds / size, language, { maximumFractionDigits: digits })} ${unit}`;
}

export function moment(iso: string, language: Language): string {
  return date(new Date(iso), language, { dateStyle: "medium", timeStyle: "medium" });
}

export function day(text: string, language: Language): string {
  return date(new Date(`${text}T00:00:00Z`), language, { day: "numeric", month: "short", timeZone: "UTC" });
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
  const formatter = spans.get(language) ?? new Intl.RelativeTimeFormat(DATES[language], { numeric: "auto" });
  spans.set(language, formatter);
  return formatter.format(Math.trunc(seconds / size), unit);
}

/** A number somebody has typed; `null` for nothing, `undefined` for what is no number. */
export function typedNumber(text: string): number | null | undefined {
  const trimmed = text.trim().replace(",", ".");
  if (trimmed === "") return null;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : undefined;
}
