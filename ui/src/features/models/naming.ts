/** By alias: the model it stands for, and the setting as it is written (a name, or an object with `model`). */
export type Aliases = Record<string, { model: string; raw: unknown }>;

export function aliasesOf(stored: unknown): Aliases {
  if (typeof stored !== "object" || stored === null || Array.isArray(stored)) return {};
  return Object.fromEntries(
    Object.entries(stored).map(([name, raw]: [string, unknown]) => {
      const model = typeof raw === "string" ? raw : String((raw as { model?: unknown } | null)?.model ?? "");
      return [name, { model, raw }];
    }),
  );
}

export interface Weighted {
  id: string;
  weight: number;
}

/** The share of each among those of one name; equal where nobody has any weight. */
export function shares(all: readonly Weighted[]): Map<string, number> {
  const sum = all.reduce((total, each) => total + Math.max(0, each.weight), 0);
  return new Map(all.map((each) => [each.id, sum === 0 ? 1 / all.length : Math.max(0, each.weight) / sum]));
}
