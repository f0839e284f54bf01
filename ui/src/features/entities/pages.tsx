import { EntityPage } from "./EntityPage";
import { ACCESS_GROUPS, PROJECTS, ROLES } from "./more";
import { BUDGETS, CUSTOMERS, ORGANIZATIONS, TAGS, TEAMS, USERS } from "./specs";

export const TeamsPage = () => <EntityPage spec={TEAMS} />;
export const UsersPage = () => <EntityPage spec={USERS} />;
export const OrganizationsPage = () => <EntityPage spec={ORGANIZATIONS} />;
export const CustomersPage = () => <EntityPage spec={CUSTOMERS} />;
export const BudgetsPage = () => <EntityPage spec={BUDGETS} />;
export const TagsPage = () => <EntityPage spec={TAGS} />;
export const ProjectsPage = () => <EntityPage spec={PROJECTS} />;
export const AccessGroupsPage = () => <EntityPage spec={ACCESS_GROUPS} />;
export const RolesPage = () => <EntityPage spec={ROLES} />;
