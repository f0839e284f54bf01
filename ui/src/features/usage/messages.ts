import type { Messages } from "@/shared/i18n/common";

export const messages = {
  intro: ["Where the money goes, by any dimension. Days are days in UTC.", "Wohin das Geld geht, nach jeder Dimension. Tage sind UTC-Tage."],
  by: ["By", "Nach"],
  measure: ["Measure", "Maß"],
  "by.model": ["Model", "Modell"],
  "by.provider": ["Provider", "Anbieter"],
  "by.key": ["Key", "Schlüssel"],
  "by.team": ["Team", "Team"],
  "by.organization": ["Organisation", "Organisation"],
  "by.user": ["User", "Benutzer"],
  "by.tag": ["Tag", "Tag"],
  "by.customer": ["Customer", "Kunde"],
  "by.endpoint": ["Route", "Route"],
  title: ["{measure} by {by}", "{measure} nach {by}"],
  share: ["Share", "Anteil"],
  input: ["Input", "Eingabe"],
  output: ["Output", "Ausgabe"],
  empty: ["Nothing was spent in this period", "In diesem Zeitraum wurde nichts ausgegeben"],
  empty_text: ["Choose a longer period, or make a first call in the playground.", "Wähle einen längeren Zeitraum oder mache den ersten Aufruf auf der Spielwiese."],
  unnamed: ["(none)", "(ohne)"],
} as const satisfies Messages;
