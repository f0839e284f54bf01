// What the API answers where its description says no more than "an object": the fields the UI shows.

export interface Allowance {
  models: string[];
  metadata: Record<string, unknown>;
  max_budget: number | null;
  soft_budget: number | null;
  budget_duration: string | null;
  budget_reset_at: string | null;
  rpm_limit: number | null;
  tpm_limit: number | null;
  max_parallel_requests: number | null;
  blocked: boolean;
  created_at: string;
  created_by: string | null;
  updated_at: string;
  updated_by: string | null;
  spend: number;
  total_spend: number;
  last_active: string | null;
}

export interface Key extends Allowance {
  token: string;
  key_name: string;
  key_alias: string | null;
  expires: string | null;
  user_id: string | null;
  team_id: string | null;
  organization_id: string | null;
  tags: string[];
  key_type: string;
  rotation_count: number;
  last_rotation_at: string | null;
}

export interface NewKey extends Key {
  key: string;
}

export interface Member {
  user_id: string | null;
  user_email: string | null;
  role: string;
}

export interface Team extends Allowance {
  team_id: string;
  team_alias: string | null;
  organization_id: string | null;
  members_with_roles: Member[];
  members_count?: number;
  keys_count?: number;
}

export interface User extends Allowance {
  user_id: string;
  user_email: string | null;
  user_alias: string | null;
  user_role: string;
  teams: string[];
  key_count: number;
  has_password: boolean;
}

export interface Organization extends Allowance {
  organization_id: string;
  organization_alias: string;
  teams: unknown[];
  members: unknown[];
}

export interface Customer extends Allowance {
  user_id: string;
  alias: string | null;
}

export interface Budget {
  budget_id: string;
  max_budget: number | null;
  soft_budget: number | null;
  budget_duration: string | null;
  rpm_limit: number | null;
  tpm_limit: number | null;
  max_parallel_requests: number | null;
  created_at: string;
}

export interface Tag extends Allowance {
  name: string;
  description: string | null;
}

export interface Metrics {
  spend: number;
  prompt_tokens: number;
  completion_tokens: number;
  cache_read_input_tokens: number;
  total_tokens: number;
  successful_requests: number;
  failed_requests: number;
  api_requests: number;
  total_response_time_ms: number;
  timed_requests: number;
  prompt_caching_savings_spend: number;
}

export interface Part {
  metrics: Metrics;
  metadata?: { key_alias?: string | null; team_alias?: string | null; user_email?: string | null; alias?: string | null };
}

export type Dimension = "model_groups" | "models" | "providers" | "api_keys" | "endpoints" | "entities";

export interface Day {
  date: string;
  metrics: Metrics;
  breakdown: Record<Dimension, Record<string, Part>>;
}

export interface Activity {
  results: Day[];
  metadata: Record<string, number>;
}

export interface LogRow {
  request_id: string;
  call_type: string;
  api_key: string;
  spend: number;
  total_tokens: number;
  prompt_tokens: number;
  completion_tokens: number;
  startTime: string;
  endTime: string;
  request_duration_ms: number | null;
  completionStartTime: string | null;
  model: string;
  model_id: string;
  model_group: string;
  custom_llm_provider: string;
  user: string;
  end_user: string;
  team_id: string | null;
  organization_id: string | null;
  session_id: string | null;
  request_tags: string[];
  status: string;
  metadata: {
    user_api_key_alias: string | null;
    status_code: number;
    error_type: string;
    stream: boolean;
    attempts: number;
    fallbacks: number;
    client_left: boolean;
    trace_id: string | null;
    usage: Record<string, number | null>;
    usage_source: string;
    cost_nano: Record<string, number>;
    saved_nano: number;
    price_version: string;
    routing_trail: Step[];
  };
  session_total_count?: number;
  session_total_spend?: number;
  session_start_time?: string;
}

export interface Step {
  kind: string;
  name: string;
  why: string;
  value: number;
}

export interface ExplainedError {
  status: number;
  type: string;
  message: string;
}

export interface ExplainedRoute {
  model?: string;
  group: string;
  strategy: string;
  chosen: string | null;
  error: ExplainedError | null;
  trail: Step[];
  provider?: string;
  retries?: number;
  estimated_cost?: number;
}

export interface Explained {
  allowed: boolean;
  stage: "key" | "request" | "limits" | "route" | "call";
  error: ExplainedError | null;
  key?: { id: string; alias: string | null };
  limits?: { entity: string; kind: string; window: string | null; limit: number; remaining: number }[];
  estimate?: { worst_case_cost: number };
  route?: ExplainedRoute;
  fallbacks?: Record<string, ExplainedRoute[]>;
}

export interface LogPage {
  data: LogRow[];
  total: number;
  total_is_exact: boolean;
  next_cursor: string | null;
  next_session_cursor?: string | null;
}

export interface ModelGroup {
  model_group: string;
  providers: string[];
  max_input_tokens: number | null;
  max_output_tokens: number | null;
  input_cost_per_token: number | null;
  output_cost_per_token: number | null;
  mode: string | null;
}

export interface Deployment {
  model_name: string;
  litellm_params: Record<string, unknown>;
  model_info: Record<string, unknown> & { id: string; db_model: boolean };
}

export interface AuditRecord {
  id: string;
  updated_at: string;
  changed_by: string;
  action: string;
  table_name: string;
  object_id: string;
  before_value: Record<string, unknown> | null;
  updated_values: Record<string, unknown> | null;
  event: string;
  actor: string;
  actor_kind: string;
  result: string;
  hash: string;
}

export interface Session {
  id: string;
  label: string;
  method: string;
  created_at: string;
  last_seen_at: string;
  expires: string;
  current: boolean;
}

export interface Who {
  user_id: string | null;
  user_role: string | null;
  key_kind: string;
  teams_administered: string[];
  organizations_administered: string[];
  actions: Record<string, "all" | "some">;
}

export interface EffectiveLimit {
  level: "key" | "user" | "member" | "project" | "team" | "org_member" | "org";
  entity: string;
  name: string;
  kind: "budget" | "requests" | "tokens" | "parallel";
  /** The model whose calls alone it counts; `null`: all. */
  model: string | null;
  window: string | null;
  limit: number;
  spent: number | null;
  remaining: number | null;
  resets_at: string | null;
  budget_id: string | null;
  binds: boolean;
}

export interface EffectiveLimits {
  limits: EffectiveLimit[];
  models: { level: EffectiveLimit["level"]; entity: string; name: string; models: string[] }[];
  blocked_by: EffectiveLimit["level"][];
}

export interface Approval {
  id: string;
  user_id: string;
  user_email: string | null;
  subject: "key" | "user";
  subject_id: string;
  subject_name: string | null;
  team_id: string | null;
  max_budget: number | null;
  models: string[];
  reason: string;
  state: "open" | "approved" | "refused" | "withdrawn";
  note: string;
  granted: { max_budget: number | null; models: string[] | null } | null;
  present: { max_budget: number | null; budget_duration: string | null; models: string[] } | null;
  created_at: string;
  decided_at: string | null;
  decided_by: string | null;
}
