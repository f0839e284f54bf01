import { ask, get } from "@/shared/api/client";
import type { Allowance, Budget, Customer, Organization, Tag, Team, User } from "@/shared/api/views";
import { roleName } from "@/shared/lib/role";
import { Badge, BudgetBar, Limit, Models, Money, When } from "@/shared/ui/values";
import type { Column } from "@/shared/ui/table";
import type { FieldSpec, Page, Spec, Text } from "./spec";
import { TeamMembers } from "./TeamMembers";
import { UserInvite } from "./UserInvite";

const models: FieldSpec = { name: "models", kind: "list", label: (t) => t("field.models"), hint: (t) => t("field.models_hint") };
const ROLES = ["internal_user", "internal_user_viewer", "proxy_admin_viewer", "proxy_admin"] as const;

function state<Row extends { blocked: boolean }>(t: Text): Column<Row> {
  return { id: "state", title: t("field.state"), cell: (row) => (row.blocked ? <Badge look="bad">{t("state.blocked")}</Badge> : <Badge look="good">{t("state.active")}</Badge>) };
}

function money<Row extends Allowance>(t: Text): Column<Row>[] {
  return [
    { id: "spend", title: t("field.spend"), num: true, cell: (row) => <Money value={row.total_spend} /> },
    { id: "budget", title: t("field.budget"), cell: (row) => <BudgetBar spend={row.spend} limit={row.max_budget} /> },
  ];
}

/** Lists that the server sends whole are searched and divided into pages here. */
function whole<Row>(rows: Row[], words: (row: Row) => string, search: string, page: number, size: number): Page<Row> {
  const found = rows.filter((row) => words(row).toLowerCase().includes(search.toLowerCase()));
  return { rows: found.slice((page - 1) * size, page * size), total: found.length };
}

function first<Row>(rows: Row[], id: string, of: (row: Row) => string): Row {
  const found = rows.find((row) => of(row) === id);
  if (!found) throw new Error(id);
  return found;
}

export const TEAMS: Spec<Team> = {
  name: "teams",
  icon: "teams",
  actions: { create: "team.create", update: "team.update", remove: "team.delete", block: "team.block" },
  size: 25,
  searched: true,
  sort: { by: "created_at", order: "desc" },
  list: async ({ page, search, sort, order }, signal) => {
    const found = await get<{ teams: Team[]; total: number }>()("GET /v2/team/list", { signal, query: { page, page_size: 25, search: search || undefined, sort_by: sort as never, sort_order: order as never } });
    return { rows: found.teams, total: found.total };
  },
  read: async (id, signal) => {
    const answer = await ask<{ team_info: Team }>()("GET /team/info", { query: { team_id: id }, signal });
    return { row: answer.data.team_info, etag: answer.etag };
  },
  id: (row) => row.team_id,
  title: (row) => row.team_alias ?? row.team_id,
  columns: (t) => [
    { id: "name", title: t("field.name"), sort: "team_alias", cell: (row) => row.team_alias ?? row.team_id },
    state(t),
    { id: "members", title: t("members"), num: true, cell: (row) => row.members_count ?? row.members_with_roles.length },
    { id: "keys", title: t("keys"), num: true, cell: (row) => row.keys_count ?? "–" },
    ...money<Team>(t),
    { id: "models", title: t("field.models"), cell: (row) => <Models names={row.models} /> },
    { id: "created", title: t("field.created"), sort: "created_at", cell: (row) => <When iso={row.created_at} /> },
  ],
  fields: [{ name: "team_alias", label: (t) => t("field.name"), needed: true }, models, { name: "tags", kind: "list", label: (t) => t("field.tags"), hint: (t) => t("field.tags_hint") }],
  create: (fields) => get("POST /team/new", { body: fields as never }),
  update: (id, fields, ifMatch) => get("POST /team/update", { body: { ...fields, team_id: id } as never, ifMatch }),
  remove: (id) => get("POST /team/delete", { body: { team_ids: [id] } }),
  block: (id, on) => (on ? get("POST /team/block", { body: { team_id: id } as never }) : get("POST /team/unblock", { body: { team_id: id } as never })),
  whose: "team",
  limited: "team",
  facts: (row, t) => [[t("field.organization"), row.organization_id ?? "–"]],
  More: TeamMembers,
};

export const USERS: Spec<User> = {
  name: "users",
  icon: "users",
  actions: { create: "user.create", update: "user.update", remove: "user.delete", block: "user.delete" },
  size: 25,
  searched: true,
  sort: { by: "created_at", order: "desc" },
  list: async ({ page, search, sort, order }, signal) => {
    const found = await get<{ users: User[]; total: number }>()("GET /user/list", { signal, query: { page, page_size: 25, search: search || undefined, sort_by: sort as never, sort_order: order as never } });
    return { rows: found.users, total: found.total };
  },
  read: async (id, signal) => {
    const answer = await ask<User>()("GET /v2/user/info", { query: { user_id: id }, signal });
    return { row: answer.data, etag: answer.etag };
  },
  id: (row) => row.user_id,
  title: (row) => row.user_alias ?? row.user_email ?? row.user_id,
  columns: (t) => [
    { id: "user", title: t("field.user"), sort: "user_email", cell: (row) => row.user_email ?? row.user_alias ?? row.user_id },
    { id: "role", title: t("field.role"), sort: "user_role", cell: (row) => <Badge look={row.user_role.startsWith("proxy_admin") ? "accent" : "plain"}>{roleName(t, row.user_role)}</Badge> },
    state(t),
    { id: "signs_in", title: t("signs_in"), cell: (row) => <span className="muted">{t(row.has_password ? "signs_in.yes" : "signs_in.no")}</span> },
    { id: "keys", title: t("keys"), num: true, cell: (row) => row.key_count },
    ...money<User>(t),
    { id: "created", title: t("field.created"), sort: "created_at", cell: (row) => <When iso={row.created_at} /> },
  ],
  fields: [
    { name: "user_email", label: (t) => t("field.email") },
    { name: "user_id", label: (t) => t("user_id"), hint: (t) => t("user_id_hint"), once: true },
    { name: "user_alias", label: (t) => t("user_alias") },
    { name: "user_role", kind: "select", label: (t) => t("field.role"), options: (t) => [["", "–"], ...ROLES.map((role): [string, string] => [role, roleName(t, role)])] },
    { name: "password", kind: "password", label: (t) => t("password"), hint: (t) => t("password_hint"), once: true },
    models,
  ],
  create: (fields) => get("POST /user/new", { body: { ...fields, auto_create_key: false } as never }),
  update: (id, fields, ifMatch) => get("POST /user/update", { body: { ...fields, user_id: id } as never, ifMatch }),
  remove: (id) => get("POST /user/delete", { body: { user_ids: [id] } }),
  block: (id, on) => get("POST /user/update", { body: { user_id: id, blocked: on } as never }),
  whose: "user",
  limited: "user",
  facts: (row, t) => [[t("field.email"), row.user_email ?? "–"], [t("field.role"), roleName(t, row.user_role)], [t("signs_in"), t(row.has_password ? "signs_in.yes" : "signs_in.no")]],
  More: UserInvite,
};

export const ORGANIZATIONS: Spec<Organization> = {
  name: "organizations",
  icon: "organizations",
  actions: { create: "organization.create", update: "organization.update", remove: "organization.delete" },
  size: 25,
  searched: true,
  sort: { by: "", order: "" },
  list: async ({ page, search }, signal) =>
    whole(await get<Organization[]>()("GET /organization/list", { signal }), (row) => `${row.organization_alias} ${row.organization_id}`, search, page, 25),
  read: async (id, signal) => {
    const answer = await ask<Organization>()("GET /organization/info", { query: { organization_id: id }, signal });
    return { row: answer.data, etag: answer.etag };
  },
  id: (row) => row.organization_id,
  title: (row) => row.organization_alias,
  columns: (t) => [
    { id: "name", title: t("field.name"), cell: (row) => row.organization_alias },
    { id: "teams", title: t("teams"), num: true, cell: (row) => row.teams.length },
    { id: "members", title: t("members"), num: true, cell: (row) => row.members.length },
    ...money<Organization>(t),
    { id: "models", title: t("field.models"), cell: (row) => <Models names={row.models} /> },
    { id: "created", title: t("field.created"), cell: (row) => <When iso={row.created_at} /> },
  ],
  fields: [{ name: "organization_alias", label: (t) => t("field.name"), needed: true }, models],
  create: (fields) => get("POST /organization/new", { body: fields as never }),
  update: (id, fields, ifMatch) => get("PATCH /organization/update", { body: { ...fields, organization_id: id } as never, ifMatch }),
  remove: (id) => get("DELETE /organization/delete", { body: { organization_ids: [id] } as never }),
  whose: "organization",
};

export const CUSTOMERS: Spec<Customer> = {
  name: "customers",
  icon: "customers",
  actions: { create: "customer.write", update: "customer.write", remove: "customer.write", block: "customer.write" },
  size: 50,
  searched: true,
  sort: { by: "created_at", order: "desc" },
  list: async ({ page, search, sort, order }, signal) => {
    const rows = await get<Customer[]>()("GET /customer/list", { signal, query: { page, size: 50, search: search || undefined, sort_by: sort as never, sort_order: order as never } });
    return { rows, total: null };
  },
  read: async (id, signal) => {
    const answer = await ask<Customer>()("GET /customer/info", { query: { end_user_id: id }, signal });
    return { row: answer.data, etag: answer.etag };
  },
  id: (row) => row.user_id,
  title: (row) => row.alias ?? row.user_id,
  columns: (t) => [
    { id: "customer", title: t("customer_id"), sort: "user_id", cell: (row) => row.user_id },
    { id: "alias", title: t("alias"), sort: "alias", cell: (row) => row.alias ?? "–" },
    state(t),
    ...money<Customer>(t),
    { id: "created", title: t("field.created"), sort: "created_at", cell: (row) => <When iso={row.created_at} /> },
  ],
  fields: [{ name: "user_id", label: (t) => t("customer_id"), needed: true, once: true }, { name: "alias", label: (t) => t("alias") }],
  create: (fields) => get("POST /customer/new", { body: fields as never }),
  update: (id, fields, ifMatch) => get("POST /customer/update", { body: { ...fields, user_id: id } as never, ifMatch }),
  remove: (id) => get("POST /customer/delete", { body: { user_ids: [id] } }),
  block: (id, on) => (on ? get("POST /customer/block", { body: { user_ids: [id] } }) : get("POST /customer/unblock", { body: { user_ids: [id] } })),
  whose: "customer",
};

export const BUDGETS: Spec<Budget> = {
  name: "budgets",
  icon: "budgets",
  actions: { create: "budget.write", update: "budget.write", remove: "budget.write" },
  size: 50,
  searched: true,
  sort: { by: "", order: "" },
  list: async ({ page, search }, signal) => ({ rows: await get<Budget[]>()("GET /budget/list", { signal, query: { page, size: 50, search: search || undefined } }), total: null }),
  read: async (id) => {
    const answer = await ask<Budget[]>()("POST /budget/info", { body: { budgets: [id] } as never });
    return { row: first(answer.data, id, (row) => row.budget_id), etag: answer.etag };
  },
  id: (row) => row.budget_id,
  title: (row) => row.budget_id,
  columns: (t) => [
    { id: "name", title: t("budget_id"), cell: (row) => row.budget_id },
    { id: "budget", title: t("field.max_budget"), num: true, cell: (row) => (row.max_budget === null ? <Limit value={null} /> : <Money value={row.max_budget} />) },
    { id: "duration", title: t("field.budget_duration"), cell: (row) => row.budget_duration ?? t("state.never") },
    { id: "rpm", title: t("field.rpm_limit"), num: true, cell: (row) => <Limit value={row.rpm_limit} /> },
    { id: "tpm", title: t("field.tpm_limit"), num: true, cell: (row) => <Limit value={row.tpm_limit} /> },
    { id: "created", title: t("field.created"), cell: (row) => <When iso={row.created_at} /> },
  ],
  fields: [{ name: "budget_id", label: (t) => t("budget_id"), needed: true, once: true }],
  create: (fields) => get("POST /budget/new", { body: fields as never }),
  update: (id, fields, ifMatch) => get("POST /budget/update", { body: { ...fields, budget_id: id } as never, ifMatch }),
  remove: (id) => get("POST /budget/delete", { body: { id } as never }),
};

export const TAGS: Spec<Tag> = {
  name: "tags",
  icon: "tags",
  actions: { create: "tag.write", update: "tag.write", remove: "tag.write" },
  size: 25,
  searched: true,
  sort: { by: "", order: "" },
  list: async ({ page, search }, signal) => whole(await get<Tag[]>()("GET /tag/list", { signal }), (row) => `${row.name} ${row.description ?? ""}`, search, page, 25),
  read: async (id) => {
    const answer = await ask<Record<string, Tag>>()("POST /tag/info", { body: { names: [id] } as never });
    return { row: first(Object.values(answer.data), id, (row) => row.name), etag: answer.etag };
  },
  id: (row) => row.name,
  title: (row) => row.name,
  columns: (t) => [
    { id: "name", title: t("name"), cell: (row) => row.name },
    { id: "description", title: t("field.description"), cell: (row) => <span className="cut">{row.description ?? "–"}</span> },
    ...money<Tag>(t),
    { id: "created", title: t("field.created"), cell: (row) => <When iso={row.created_at} /> },
  ],
  fields: [{ name: "name", label: (t) => t("name"), needed: true, once: true }, { name: "description", label: (t) => t("field.description") }],
  create: (fields) => get("POST /tag/new", { body: fields as never }),
  update: (id, fields, ifMatch) => get("POST /tag/update", { body: { ...fields, name: id } as never, ifMatch }),
  remove: (id) => get("POST /tag/delete", { body: { name: id } }),
  whose: "tag",
};
