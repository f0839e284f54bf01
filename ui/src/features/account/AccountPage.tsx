import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { get } from "@/shared/api/client";
import type { Key, Team, User } from "@/shared/api/views";
import { useText } from "@/shared/i18n/language";
import { useMay, useSession } from "@/shared/lib/session";
import { ActivityOf } from "@/shared/ui/activity";
import { useModelNames } from "@/shared/ui/allowance";
import { InEffect } from "@/shared/ui/effective";
import { roleName } from "@/shared/lib/role";
import { Empty, Failed, Skeleton } from "@/shared/ui/states";
import { Badge, BudgetBar, Id, When } from "@/shared/ui/values";
import { admits } from "./admits";
import { messages } from "./messages";

/** Everything that is one's own, for who administers nothing as well. */
export function AccountPage() {
  const t = useText(messages);
  const who = useSession();
  const nobody = who.user_id === null || who.user_id === "default_user_id";
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t("nav.account")}</h1>
          <p>{t("intro")}</p>
        </div>
      </div>
      {nobody ? <div className="card"><Empty icon="users" title={t("none")} text={t("operator")} /></div> : <Mine id={who.user_id ?? ""} />}
    </>
  );
}

function Mine({ id }: { id: string }) {
  const t = useText(messages);
  const may = useMay();
  const me = useQuery({ queryKey: ["users", "one", id], queryFn: ({ signal }) => get<User>()("GET /v2/user/info", { signal, query: { user_id: id } }) });
  if (me.isPending) return <div className="card padded"><Skeleton lines={6} /></div>;
  if (me.isError) return <div className="card"><Failed error={me.error} onRetry={() => void me.refetch()} /></div>;
  const user = me.data;
  return (
    <>
      <div className="two">
        <section className="card padded stack">
          <div className="row between">
            <h2>{t("budget")}</h2>
            {may("approval.ask") ? <Link className="button" to="/approvals" search={{ ask: "1" } as never}>{t("more")}</Link> : null}
          </div>
          <BudgetBar spend={user.spend} limit={user.max_budget} resets={user.budget_reset_at} />
          <dl className="facts">
            <dt>{t("field.user")}</dt>
            <dd><Id value={user.user_id} /></dd>
            <dt>{t("field.email")}</dt>
            <dd>{user.user_email ?? "–"}</dd>
            <dt>{t("field.role")}</dt>
            <dd>{roleName(t, user.user_role)}</dd>
          </dl>
          <InEffect whose="user" id={id} />
        </section>
        <Models own={user.models} />
      </div>
      {may("spend.read") ? <ActivityOf whose="user" id={id} title={t("usage")} /> : null}
      <div className="two">
        <Keys user={id} />
        <Teams ids={user.teams} />
      </div>
    </>
  );
}

/** With keys of one's own; a team's key has what the team has. */
function Models({ own }: { own: readonly string[] }) {
  const t = useText(messages);
  const models = useModelNames();
  const names = (models.data ?? []).filter((name) => !name.includes("*") && admits(own, name));
  return (
    <section className="card padded stack tight">
      <h2>{t("models")}</h2>
      {models.isPending ? <Skeleton lines={4} /> : null}
      {models.isError ? <Failed error={models.error} onRetry={() => void models.refetch()} /> : null}
      {models.data && names.length === 0 ? <p className="muted">{t("models_none")}</p> : null}
      {names.slice(0, 40).map((name) => (
        <div key={name} className="row between">
          <code className="cut">{name}</code>
          <Link className="small" to="/playground" search={{ model: name } as never} aria-label={`${t("try")} ${name}`}>{t("try")}</Link>
        </div>
      ))}
    </section>
  );
}

function Keys({ user }: { user: string }) {
  const t = useText(messages);
  const list = useQuery({
    queryKey: ["keys", "of", user],
    queryFn: ({ signal }) => get<{ keys: Key[] }>()("GET /key/list", { signal, query: { user_id: user, size: 10, return_full_object: true } }),
  });
  return (
    <section className="card padded stack tight">
      <div className="row between">
        <h2>{t("keys")}</h2>
        <Link className="small" to="/keys">{t("keys_all")}</Link>
      </div>
      {list.isPending ? <Skeleton lines={3} /> : null}
      {list.isError ? <Failed error={list.error} onRetry={() => void list.refetch()} /> : null}
      {list.data?.keys.length === 0 ? <p className="muted">{t("keys_none")}</p> : null}
      {list.data?.keys.map((key) => (
        <div key={key.token} className="row between">
          <span className="stack tight">
            <Link to="/keys" search={{ open: key.token } as never}>{key.key_alias ?? key.key_name}</Link>
            <span className="small muted">{t("field.last_used")} <When iso={key.last_active} /></span>
          </span>
          <span>{key.blocked ? <Badge look="bad">{t("state.blocked")}</Badge> : <BudgetBar spend={key.spend} limit={key.max_budget} />}</span>
        </div>
      ))}
    </section>
  );
}

function Teams({ ids }: { ids: readonly string[] }) {
  const t = useText(messages);
  const may = useMay();
  const list = useQuery({
    queryKey: ["teams", "mine"],
    enabled: ids.length > 0 && may("team.read"),
    queryFn: ({ signal }) => get<{ teams: Team[] }>()("GET /v2/team/list", { signal, query: { page_size: 100 } as never }),
  });
  const own = (list.data?.teams ?? []).filter((team) => ids.includes(team.team_id));
  return (
    <section className="card padded stack tight">
      <h2>{t("teams")}</h2>
      {ids.length === 0 ? <p className="muted">{t("teams_none")}</p> : list.isPending ? <Skeleton lines={3} /> : null}
      {list.isError ? <Failed error={list.error} onRetry={() => void list.refetch()} /> : null}
      {own.map((team) => (
        <div key={team.team_id} className="row between">
          <Link to="/teams" search={{ open: team.team_id } as never}>{team.team_alias ?? team.team_id}</Link>
          <BudgetBar spend={team.spend} limit={team.max_budget} resets={team.budget_reset_at} />
        </div>
      ))}
    </section>
  );
}
