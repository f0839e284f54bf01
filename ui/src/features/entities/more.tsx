// Projects, access groups and custom roles: the same page as the others.
import { ask, get } from "@/shared/api/client";
import type { Allowance } from "@/shared/api/views";
import { BudgetBar, Models, Money, When } from "@/shared/ui/values";
import { GrantsEditor, reachName } from "./Grants";
import type { FieldSpec, Spec } from "./spec";

export interface Project extends Allowance {
  project_id: string;
  project_alias: string | null;
  description: string | null;
  team_id: string;
  tags: string[];
}

export interface AccessGroup {
  access_group_id: string;
  access_group_name: string;
  description: string | null;
  access_model_names: string[];
  assigned_teams: { id: string; name: string | null }[];
  assigned_keys: { id: string; name: string | null }[];
  created_at: string;
}

export interface Role {
  role: string;
  description: string | null;
  grants: Record<string, string>;
  created_at: string;
}

const description: FieldSpec = { name: "description", label: (t) => t("field.description") };

export const PROJECTS: Spec<Project> = {
  name: "projects",
  icon: "projects",
  actions: { create: "project.create", update: "project.update", remove: "project.delete" },
  size: 50,
  searched: true,
  sort: { by: "project_alias", order: "asc" },
  list: async ({ page, search, sort, order }, signal) => ({
    rows: await get<Project[]>()("GET /project/list", { signal, query: { page, size: 50, search: search || undefined, sort_by: sort as never, sort_order: order as never } }),
    total: null,
  }),
  read: async (id, signal) => {
    const answer = await ask<Project>()("GET /project/info", { query: { project_id: id }, signal });
    return { row: answer.data, etag: answer.etag };
  },
  id: (row) => row.project_id,
  title: (row) => row.project_alias ?? row.project_id,
  columns: (t) => [
    { id: "name", title: t("field.name"), sort: "project_alias", cell: (row) => row.project_alias ?? row.project_id },
    { id: "team", title: t("field.team"), sort: "team_id", cell: (row) => <code className="cut">{row.team_id}</code> },
    { id: "spend", title: t("field.spend"), num: true, cell: (row) => <Money value={row.total_spend} /> },
    { id: "budget", title: t("field.budget"), cell: (row) => <BudgetBar spend={row.spend} limit={row.max_budget} /> },
    { id: "models", title: t("field.models"), cell: (row) => <Models names={row.models} /> },
    { id: "created", title: t("field.created"), sort: "created_at", cell: (row) => <When iso={row.created_at} /> },
  ],
  fields: [
    { name: "project_alias", label: (t) => t("field.name"), needed: true },
    { name: "team_id", label: (t) => t("team_id"), hint: (t) => t("team_id_hint"), needed: true },
    description,
    { name: "models", kind: "list", label: (t) => t("field.models"), hint: (t) => t("field.models_hint") },
    { name: "tags", kind: "list", label: (t) => t("field.tags"), hint: (t) => t("field.tags_hint") },
  ],
  create: (fields) => get("POST /project/new", { body: fields as never }),
  update: (id, fields, ifMatch) => get("POST /project/update", { body: { ...fields, project_id: id } as never, ifMatch }),
  remove: (id) => get("DELETE /project/delete", { body: { project_ids: [id] } as never }),
  facts: (row, t) => [[t("field.team"), row.team_id], [t("field.description"), row.description ?? "–"]],
};

const named = (all: readonly { id: string; name: string | null }[]) => all.map((each) => each.name ?? each.id).join(", ") || "–";

export const ACCESS_GROUPS: Spec<AccessGroup> = {
  name: "access_groups",
  icon: "access_groups",
  actions: { create: "access_group.write", update: "access_group.write", remove: "access_group.write" },
  bare: true,
  size: 50,
  searched: true,
  sort: { by: "access_group_name", order: "asc" },
  list: async ({ page, search, sort, order }, signal) => ({
    rows: await get<AccessGroup[]>()("GET /v1/access_group", { signal, query: { page, size: 50, search: search || undefined, sort_by: sort as never, sort_order: order as never } }),
    total: null,
  }),
  read: async (id, signal) => {
    const answer = await ask<AccessGroup>()("GET /v1/access_group/{access_group_id}", { path: { access_group_id: id } as never, signal });
    return { row: answer.data, etag: answer.etag };
  },
  id: (row) => row.access_group_id,
  title: (row) => row.access_group_name,
  columns: (t) => [
    { id: "name", title: t("field.name"), sort: "access_group_name", cell: (row) => row.access_group_name },
    { id: "models", title: t("field.models"), cell: (row) => <Models names={row.access_model_names} /> },
    { id: "teams", title: t("teams"), cell: (row) => <span className="cut">{named(row.assigned_teams)}</span> },
    { id: "keys", title: t("keys"), num: true, cell: (row) => row.assigned_keys.length },
    { id: "created", title: t("field.created"), sort: "created_at", cell: (row) => <When iso={row.created_at} /> },
  ],
  fields: [
    { name: "access_group_name", label: (t) => t("field.name"), needed: true },
    description,
    { name: "access_model_names", kind: "list", label: (t) => t("field.models"), hint: (t) => t("group_models_hint") },
    { name: "assigned_team_ids", kind: "list", label: (t) => t("group_teams"), hint: (t) => t("group_teams_hint") },
    { name: "assigned_key_ids", kind: "list", label: (t) => t("group_keys"), hint: (t) => t("group_teams_hint") },
  ],
  create: (fields) => get("POST /v1/access_group", { body: fields as never }),
  update: (id, fields, ifMatch) => get("PUT /v1/access_group/{access_group_id}", { path: { access_group_id: id } as never, body: fields as never, ifMatch }),
  remove: (id) => get("DELETE /v1/access_group/{access_group_id}", { path: { access_group_id: id } as never }),
  facts: (row, t) => [
    [t("field.description"), row.description ?? "–"],
    [t("field.models"), row.access_model_names.join(", ") || "–"],
    [t("teams"), named(row.assigned_teams)],
    [t("keys"), named(row.assigned_keys)],
  ],
};

export const ROLES: Spec<Role> = {
  name: "roles",
  icon: "roles",
  actions: { create: "role.write", update: "role.write", remove: "role.write" },
  bare: true,
  size: 50,
  searched: true,
  sort: { by: "role", order: "asc" },
  list: async ({ page, search, sort, order }, signal) => ({
    rows: (await get<{ roles: Role[] }>()("GET /role/list", { signal, query: { page, size: 50, search: search || undefined, sort_by: sort as never, sort_order: order as never } })).roles,
    total: null,
  }),
  read: async (id, signal) => {
    const answer = await ask<Role>()("GET /role/info", { query: { role: id }, signal });
    return { row: answer.data, etag: answer.etag };
  },
  id: (row) => row.role,
  title: (row) => row.role,
  columns: (t) => [
    { id: "name", title: t("field.role"), sort: "role", cell: (row) => row.role },
    { id: "description", title: t("field.description"), cell: (row) => <span className="cut">{row.description ?? "–"}</span> },
    { id: "grants", title: t("grants"), num: true, cell: (row) => Object.keys(row.grants).length },
    { id: "created", title: t("field.created"), sort: "created_at", cell: (row) => <When iso={row.created_at} /> },
  ],
  fields: [
    { name: "role", label: (t) => t("role_name"), hint: (t) => t("role_name_hint"), needed: true, once: true },
    description,
    { name: "grants", kind: "own", label: (t) => t("grants"), Editor: GrantsEditor },
  ],
  create: (fields) => get("POST /role/new", { body: fields as never }),
  update: (id, fields, ifMatch) => get("POST /role/update", { body: { ...fields, role: id } as never, ifMatch }),
  remove: (id) => get("POST /role/delete", { body: { roles: [id] } }),
  facts: (row, t) => [
    [t("field.description"), row.description ?? "–"],
    ...Object.entries(row.grants).map(([action, reach]): [string, string] => [action, reachName(t, reach)]),
  ],
};
