import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { OnboardingPage } from "@/features/session/Onboarding";
import { Skeleton } from "@/shared/ui/states";
import { NotFound, PageFault } from "./Faults";
import { Shell } from "./Shell";

const root = createRootRoute({ notFoundComponent: NotFound, errorComponent: PageFault });
const shell = createRoute({ getParentRoute: () => root, id: "shell", component: Shell });
const onboarding = createRoute({ getParentRoute: () => root, path: "/onboarding", component: OnboardingPage });

const page = (path: string, component: ReturnType<typeof lazyRouteComponent>) =>
  createRoute({ getParentRoute: () => shell, path, component, pendingComponent: Skeleton, errorComponent: PageFault });

// Each page is loaded when it is first opened.
const entities = () => import("@/features/entities/pages");
const pages = [
  page("/", lazyRouteComponent(() => import("@/features/overview/OverviewPage"), "OverviewPage")),
  page("/logs", lazyRouteComponent(() => import("@/features/logs/LogsPage"), "LogsPage")),
  page("/usage", lazyRouteComponent(() => import("@/features/usage/UsagePage"), "UsagePage")),
  page("/start", lazyRouteComponent(() => import("@/features/start/StartPage"), "StartPage")),
  page("/playground", lazyRouteComponent(() => import("@/features/playground/PlaygroundPage"), "PlaygroundPage")),
  page("/models", lazyRouteComponent(() => import("@/features/models/ModelsPage"), "ModelsPage")),
  page("/routing", lazyRouteComponent(() => import("@/features/routing/RoutingPage"), "RoutingPage")),
  page("/keys", lazyRouteComponent(() => import("@/features/keys/KeysPage"), "KeysPage")),
  page("/teams", lazyRouteComponent(entities, "TeamsPage")),
  page("/users", lazyRouteComponent(entities, "UsersPage")),
  page("/organizations", lazyRouteComponent(entities, "OrganizationsPage")),
  page("/customers", lazyRouteComponent(entities, "CustomersPage")),
  page("/budgets", lazyRouteComponent(entities, "BudgetsPage")),
  page("/tags", lazyRouteComponent(entities, "TagsPage")),
  page("/approvals", lazyRouteComponent(() => import("@/features/approvals/ApprovalsPage"), "ApprovalsPage")),
  page("/account", lazyRouteComponent(() => import("@/features/account/AccountPage"), "AccountPage")),
  page("/projects", lazyRouteComponent(entities, "ProjectsPage")),
  page("/access_groups", lazyRouteComponent(entities, "AccessGroupsPage")),
  page("/roles", lazyRouteComponent(entities, "RolesPage")),
  page("/cache", lazyRouteComponent(() => import("@/features/cache/CachePage"), "CachePage")),
  page("/health", lazyRouteComponent(() => import("@/features/health/HealthPage"), "HealthPage")),
  page("/audit", lazyRouteComponent(() => import("@/features/audit/AuditPage"), "AuditPage")),
  page("/settings", lazyRouteComponent(() => import("@/features/settings/SettingsPage"), "SettingsPage")),
];

export function makeRouter() {
  return createRouter({
    routeTree: root.addChildren([shell.addChildren(pages), onboarding]),
    basepath: new URL(document.baseURI).pathname.replace(/\/$/, ""),
    defaultPreload: "intent",
    scrollRestoration: false,
  });
}
