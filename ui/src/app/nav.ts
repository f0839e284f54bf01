import type { common } from "@/shared/i18n/common";
import type { IconName } from "@/shared/ui/icons";

export interface Place {
  to: string;
  name: keyof typeof common;
  icon: IconName;
  /** Shown to who may do this; always without. */
  needs?: string;
  /** ... to everything, not only to what is one's own. */
  whole?: boolean;
}

export const GROUPS: readonly { name: keyof typeof common; places: readonly Place[] }[] = [
  {
    name: "nav.observe",
    places: [
      { to: "/", name: "nav.overview", icon: "overview" },
      { to: "/logs", name: "nav.logs", icon: "logs", needs: "spend.read" },
      { to: "/usage", name: "nav.usage", icon: "usage", needs: "spend.read" },
    ],
  },
  {
    name: "nav.build",
    places: [
      { to: "/start", name: "nav.start", icon: "start", needs: "key.create" },
      { to: "/playground", name: "nav.playground", icon: "playground" },
      { to: "/models", name: "nav.models", icon: "models", needs: "model.read" },
      { to: "/routing", name: "nav.routing", icon: "routing", needs: "config.read" },
    ],
  },
  {
    name: "nav.govern",
    places: [
      { to: "/keys", name: "nav.keys", icon: "keys", needs: "key.read" },
      { to: "/teams", name: "nav.teams", icon: "teams", needs: "team.read" },
      { to: "/users", name: "nav.users", icon: "users", needs: "user.create" },
      { to: "/users", name: "nav.users", icon: "users", needs: "user.read", whole: true },
      { to: "/organizations", name: "nav.organizations", icon: "organizations", needs: "organization.read" },
      { to: "/projects", name: "nav.projects", icon: "projects", needs: "project.read", whole: true },
      { to: "/projects", name: "nav.projects", icon: "projects", needs: "project.create" },
      { to: "/customers", name: "nav.customers", icon: "customers", needs: "customer.read" },
      { to: "/budgets", name: "nav.budgets", icon: "budgets", needs: "budget.read" },
      { to: "/access_groups", name: "nav.access_groups", icon: "access_groups", needs: "access_group.read" },
      { to: "/roles", name: "nav.roles", icon: "roles", needs: "role.read" },
      { to: "/approvals", name: "nav.approvals", icon: "approvals", needs: "approval.read" },
      { to: "/tags", name: "nav.tags", icon: "tags", needs: "tag.read" },
    ],
  },
  {
    name: "nav.system",
    places: [
      { to: "/health", name: "nav.health", icon: "health", needs: "health.check" },
      { to: "/cache", name: "nav.cache", icon: "cache", needs: "cache.read" },
      { to: "/audit", name: "nav.audit", icon: "audit", needs: "audit.read" },
      { to: "/account", name: "nav.account", icon: "account" },
      { to: "/settings", name: "nav.settings", icon: "settings" },
    ],
  },
];

/** The groups as somebody with these actions sees them. */
export function groupsFor(actions: Record<string, "all" | "some">) {
  return GROUPS.map((group) => {
    const seen = new Set<string>();
    const places = group.places.filter((place) => {
      const reach = place.needs === undefined ? "all" : actions[place.needs];
      if (reach === undefined || (place.whole && reach !== "all") || seen.has(place.to)) return false;
      seen.add(place.to);
      return true;
    });
    return { ...group, places };
  }).filter((group) => group.places.length > 0);
}
