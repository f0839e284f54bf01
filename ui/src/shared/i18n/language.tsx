import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import type { Language } from "../lib/format";
import { common, type Messages } from "./common";

const STORED = "phantom.language";
const Current = createContext<{ language: Language; change: (language: Language) => void }>({ language: "en", change: () => undefined });

export type Values = Readonly<Record<string, string | number>>;

/** `{name}` in a message becomes the value of that name. */
export function filled(text: string, values: Values = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

function initial(): Language {
  const stored = localStorage.getItem(STORED);
  if (stored === "en" || stored === "de") return stored;
  return navigator.language.startsWith("de") ? "de" : "en";
}

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, change] = useState<Language>(initial);
  useEffect(() => {
    document.documentElement.lang = language;
    localStorage.setItem(STORED, language);
  }, [language]);
  const value = useMemo(() => ({ language, change }), [language]);
  return <Current.Provider value={value}>{children}</Current.Provider>;
}

export function useLanguage() {
  return useContext(Current);
}

/** The translator for a feature's messages; those common to all are always there. */
export function useText<M extends Messages>(messages: M) {
  const { language } = useLanguage();
  return useCallback(
    (key: (keyof M & string) | keyof typeof common, values?: Values) => {
      const entry = (messages as Messages)[key] ?? (common as Messages)[key];
      return filled(entry?.[language === "de" ? 1 : 0] ?? key, values);
    },
    [messages, language],
  );
}

const NONE = {} as const;
export function useCommon() {
  return useText(NONE);
}
export type Common = ReturnType<typeof useCommon>;
