// What differs from kind to kind of entity; pages, forms and drawers are the same for all.
import type { ComponentType, ReactNode } from "react";
import type { Limited } from "@/shared/ui/effective";
import type { Whose } from "@/shared/ui/activity";
import type { IconName } from "@/shared/ui/icons";
import type { Column } from "@/shared/ui/table";
import type { useText } from "@/shared/i18n/language";
import type { messages } from "./messages";

export type Text = ReturnType<typeof useText<typeof messages>>;

export interface Listing {
  page: number;
  search: string;
  sort: string;
  order: string;
}

export interface Page<Row> {
  rows: Row[];
  /** `null` where the server does not count. */
  total: number | null;
}

export interface Stored<Row> {
  row: Row;
  etag: string | null;
}

export type Fields = Record<string, unknown>;

export interface FieldSpec {
  name: string;
  label: (t: Text) => string;
  hint?: (t: Text) => string;
  kind?: "text" | "list" | "password" | "select" | "own";
  /** The field of kind `own`: its value is JSON. */
  Editor?: ComponentType<{ value: string; onChange: (value: string) => void; fault: string | null }>;
  options?: (t: Text) => readonly (readonly [string, string])[];
  /** Can be set when the thing is made, and never again. */
  once?: boolean;
  needed?: boolean;
}

export interface Spec<Row> {
  name: "teams" | "users" | "organizations" | "projects" | "customers" | "budgets" | "tags" | "access_groups" | "roles";
  icon: IconName;
  /** Prefix of the actions that are asked for: `team` for `team.create`. */
  actions: { create: string; update: string; remove: string; block?: string };
  /** Has neither budget nor limits. */
  bare?: boolean;
  size: number;
  searched: boolean;
  list: (asked: Listing, signal: AbortSignal) => Promise<Page<Row>>;
  read: (id: string, signal?: AbortSignal) => Promise<Stored<Row>>;
  id: (row: Row) => string;
  title: (row: Row) => string;
  sort: { by: string; order: string };
  columns: (t: Text) => Column<Row>[];
  fields: readonly FieldSpec[];
  create: (fields: Fields) => Promise<unknown>;
  update: (id: string, fields: Fields, etag: string | null) => Promise<unknown>;
  remove: (id: string) => Promise<unknown>;
  block?: (id: string, on: boolean) => Promise<unknown>;
  whose?: Whose;
  /** Whose limits in effect are shown. */
  limited?: Limited;
  facts?: (row: Row, t: Text) => readonly (readonly [string, ReactNode])[];
  More?: ComponentType<{ row: Row }>;
}
