import type { Messages } from "@/shared/i18n/common";

export const messages = {
  intro: ["Who changed what, and when. Records are chained: none can be changed or removed unnoticed.", "Wer was wann geändert hat. Die Einträge sind verkettet: keiner lässt sich unbemerkt ändern oder entfernen."],
  empty: ["No records match", "Keine passenden Einträge"],
  empty_text: ["Widen the filters.", "Erweitere die Filter."],
  search: ["Search ids and names", "IDs und Namen suchen"],
  when: ["When", "Wann"],
  who: ["Who", "Wer"],
  event: ["What", "Was"],
  object: ["Object", "Objekt"],
  result: ["Result", "Ergebnis"],
  record: ["Record {id}", "Eintrag {id}"],
  hash: ["Hash", "Hash"],
  kind: ["Kind of caller", "Art des Aufrufers"],
  history: ["All of this object", "Alles zu diesem Objekt"],
} as const satisfies Messages;
