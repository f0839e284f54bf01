import { EntityPage } from "./EntityPage";
import { BUDGETS, CUSTOMERS, ORGANIZATIONS, TAGS, TEAMS, USERS } from "./specs";

export const TeamsPage = () => <EntityPage spec={TEAMS} />;
export const UsersPage = () => <EntityPage spec={USERS} />;
export const OrganizationsPage = () => <EntityPage spec={ORGANIZATIONS} />;
export const CustomersPage = () => <EntityPage spec={CUSTOMERS} />;
export const BudgetsPage = () => <EntityPage spec={BUDGETS} />;
export const TagsPage = () => <EntityPage spec={TAGS} />;
