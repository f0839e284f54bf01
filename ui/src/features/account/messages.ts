import type { Messages } from "@/shared/i18n/common";

export const messages = {
  intro: ["What is yours here: budget, limits, models, teams and keys.", "Was hier deines ist: Budget, Grenzen, Modelle, Teams und Schlüssel."],
  budget: ["Your budget", "Dein Budget"],
  models: ["Models you may use", "Modelle, die du benutzen darfst"],
  models_none: ["None yet. Ask for some.", "Noch keine. Bitte um welche."],
  teams: ["Your teams", "Deine Teams"],
  teams_none: ["You are in no team.", "Du bist in keinem Team."],
  keys: ["Your keys", "Deine Schlüssel"],
  keys_none: ["You have no keys.", "Du hast keine Schlüssel."],
  keys_all: ["All keys", "Alle Schlüssel"],
  more: ["Ask for more", "Um mehr bitten"],
  try: ["Try", "Ausprobieren"],
  usage: ["Your spend by model, 30 days", "Deine Ausgaben je Modell, 30 Tage"],
  operator: ["You are signed in as the operator: all of the gateway is yours, and no account of it.", "Du bist als Betreiber angemeldet: das ganze Gateway gehört dir, und kein Konto darin."],
  none: ["There is no user behind this sign-in.", "Hinter dieser Anmeldung steht kein Benutzer."],
} as const satisfies Messages;
