// What is typed for a setting, and what the gateway takes.

export type Kind = "String" | "Integer" | "Float" | "Boolean" | "Dict" | "List";

export function typedSetting(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
}

/** The value of what was typed; `undefined` where it is none of this kind. Lists may be names with commas. */
export function settingOf(kind: string, text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  if (kind === "Boolean") return trimmed === "true" ? true : trimmed === "false" ? false : undefined;
  if (kind === "Integer" || kind === "Float") {
    const value = Number(trimmed.replace(",", "."));
    return Number.isFinite(value) && (kind === "Float" || Number.isInteger(value)) ? value : undefined;
  }
  if (kind === "Dict" || kind === "List") {
    try {
      const value: unknown = JSON.parse(trimmed);
      const fits = kind === "List" ? Array.isArray(value) : typeof value === "object" && value !== null && !Array.isArray(value);
      return fits ? value : undefined;
    } catch {
      return kind === "List" && !/[[\]{}"]/.test(trimmed) ? trimmed.split(",").map((each) => each.trim()).filter(Boolean) : undefined;
    }
  }
  return trimmed;
}
