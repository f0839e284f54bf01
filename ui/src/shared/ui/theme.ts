import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark";
const STORED = "phantom.theme";
const listeners = new Set<() => void>();

function current(): Theme {
  return document.documentElement.dataset["theme"] === "dark" ? "dark" : "light";
}

export function setTheme(theme: Theme): void {
  document.documentElement.dataset["theme"] = theme;
  localStorage.setItem(STORED, theme);
  listeners.forEach((each) => each());
}

/** Before anything is drawn: what was chosen, else what the system says. */
export function startTheme(): void {
  const stored = localStorage.getItem(STORED);
  const dark = stored === null ? window.matchMedia("(prefers-color-scheme: dark)").matches : stored === "dark";
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, current);
}
