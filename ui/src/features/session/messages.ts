import type { Messages } from "@/shared/i18n/common";

export const messages = {
  title: ["Sign in", "Anmelden"],
  intro: ["Manage keys, budgets and models of this gateway.", "Schlüssel, Budgets und Modelle dieses Gateways verwalten."],
  username: ["Address or user name", "Adresse oder Benutzername"],
  username_hint: ["The operator is “admin”.", "Der Betreiber heißt „admin“."],
  password: ["Password or master key", "Passwort oder Hauptschlüssel"],
  submit: ["Sign in", "Anmelden"],
  wrong: ["User name or password is not right.", "Benutzername oder Passwort stimmt nicht."],
  hint: ["Where is the master key?", "Wo ist der Hauptschlüssel?"],
  hint_text: [
    "“phantom serve” shows it once at its first start; or it is in PHANTOM_MASTER_KEY or LITELLM_MASTER_KEY. The name for it is “admin”.",
    "„phantom serve“ zeigt ihn einmal beim ersten Start; oder er steht in PHANTOM_MASTER_KEY oder LITELLM_MASTER_KEY. Der Name dazu ist „admin“.",
  ],
  again: ["Sign in again", "Erneut anmelden"],
  again_text: ["Your session has ended. Everything you have typed is still here.", "Deine Sitzung ist beendet. Alle Eingaben sind noch da."],
  out: ["Sign out", "Abmelden"],
  invited: ["Welcome", "Willkommen"],
  invited_text: ["{email} was invited. Choose a password of 12 characters or more.", "{email} wurde eingeladen. Wähle ein Passwort mit mindestens 12 Zeichen."],
  invited_bad: ["This invitation is used up or too old. Ask for a new one.", "Diese Einladung ist verbraucht oder zu alt. Bitte um eine neue."],
  new_password: ["New password", "Neues Passwort"],
  join: ["Set password and sign in", "Passwort setzen und anmelden"],
} as const satisfies Messages;
