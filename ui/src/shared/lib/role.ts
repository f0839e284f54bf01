import { common } from "../i18n/common";
import type { Common } from "../i18n/language";

/** What a built-in role is called; a custom one has the name it was given. */
export function roleName(t: Common, role: string): string {
  const key = `role.${role}`;
  return key in common ? t(key as keyof typeof common) : role;
}
