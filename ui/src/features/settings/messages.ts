import type { Messages } from "@/shared/i18n/common";

export const messages = {
  intro: ["Your account, and what this gateway runs with.", "Dein Konto, und womit dieses Gateway läuft."],
  account: ["Account", "Konto"],
  sessions: ["Where you are signed in", "Wo du angemeldet bist"],
  current: ["this browser", "dieser Browser"],
  end_others: ["End all others", "Alle anderen beenden"],
  ended: ["{count} sessions have ended.", "{count} Sitzungen wurden beendet."],
  seen: ["last seen {when}", "zuletzt {when}"],
  password: ["Change password", "Passwort ändern"],
  old: ["Present password", "Jetziges Passwort"],
  new: ["New password", "Neues Passwort"],
  new_hint: ["12 characters or more.", "Mindestens 12 Zeichen."],
  changed: ["The password was changed; all other sessions have ended.", "Das Passwort wurde geändert; alle anderen Sitzungen sind beendet."],
  config: ["Running configuration", "Laufende Konfiguration"],
  section: ["Section", "Abschnitt"],
  "section.general_settings": ["General", "Allgemein"],
  "section.litellm_settings": ["Requests", "Anfragen"],
  "section.router_settings": ["Routing", "Routing"],
  loaded: ["Loaded", "Geladen"],
  problems: ["The newest file could not be loaded; the one before is still served", "Die neueste Datei ließ sich nicht laden; die vorige gilt weiter"],
} as const satisfies Messages;
