import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { get } from "@/shared/api/client";
import { useText } from "@/shared/i18n/language";
import { faultOf } from "@/shared/lib/form";
import { Button } from "@/shared/ui/button";
import { TextField } from "@/shared/ui/field";
import { Icon } from "@/shared/ui/icons";
import { Empty, Fault, Skeleton } from "@/shared/ui/states";
import { messages } from "./messages";

interface Invited {
  user_id: string;
  user_email: string | null;
}

/** Where an invitation leads: choose a password, and be signed in. */
export function OnboardingPage() {
  const t = useText(messages);
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const link = String(search["invite_link"] ?? "");
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [password, setPassword] = useState("");
  const invited = useQuery({
    queryKey: ["invited", link],
    retry: false,
    queryFn: () => get<Invited>()("GET /onboarding/get_token", { query: { invite_link: link } }),
  });
  const join = useMutation({
    mutationFn: (user: string) =>
      get("POST /onboarding/claim_token", { body: { invitation_link: link, user_id: user, password } }),
    onSuccess: async () => {
      await navigate({ to: "/" });
      await queries.resetQueries();
    },
  });
  const fault = faultOf(join.error, "password");
  return (
    <main className="gate">
      <div className="card stack">
        <span className="mark">
          <Icon name="ghost" />
          {t("app.name")}
        </span>
        <h1>{t("invited")}</h1>
        {invited.isPending ? <Skeleton lines={3} /> : null}
        {invited.isError ? <Empty icon="warn" title={t("invited_bad")} /> : null}
        {invited.data ? (
          <form
            className="stack"
            noValidate
            onSubmit={(event) => {
              event.preventDefault();
              join.mutate(invited.data.user_id);
            }}
          >
            <p className="muted">{t("invited_text", { email: invited.data.user_email ?? invited.data.user_id })}</p>
            <TextField label={t("new_password")} type="password" autoComplete="new-password" autoFocus value={password} onChange={setPassword} fault={fault} />
            {fault ? null : <Fault error={join.error} />}
            <Button type="submit" look="primary" disabled={join.isPending || password.length < 12}>
              {t("join")}
            </Button>
          </form>
        ) : null}
      </div>
    </main>
  );
}
