import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, get } from "@/shared/api/client";
import { useLanguage, useText } from "@/shared/i18n/language";
import { Button } from "@/shared/ui/button";
import { Dialog } from "@/shared/ui/dialog";
import { TextField } from "@/shared/ui/field";
import { Icon } from "@/shared/ui/icons";
import { Fault } from "@/shared/ui/states";
import { setTheme, useTheme } from "@/shared/ui/theme";
import { messages } from "./messages";

function useSignIn(done: () => void) {
  return useMutation({
    mutationFn: (body: { username: string; password: string }) => get("POST /v2/login", { body: body as never }),
    onSuccess: done,
  });
}

function Fields({ attempt, onChange, values }: { attempt: unknown; values: [string, string]; onChange: (values: [string, string]) => void }) {
  const t = useText(messages);
  const wrong = attempt instanceof ApiError && attempt.status === 401;
  return (
    <>
      <TextField label={t("username")} hint={t("username_hint")} autoComplete="username" autoFocus required value={values[0]} onChange={(text) => onChange([text, values[1]])} />
      <TextField label={t("password")} type="password" autoComplete="current-password" required value={values[1]} onChange={(text) => onChange([values[0], text])} fault={wrong ? t("wrong") : null} />
      {wrong ? null : <Fault error={attempt} />}
    </>
  );
}

export function Appearance() {
  const t = useText(messages);
  const { language, change } = useLanguage();
  const theme = useTheme();
  return (
    <div className="row">
      <Button tiny look="quiet" lang={language === "en" ? "de" : "en"} onClick={() => change(language === "en" ? "de" : "en")}>
        {t("language.switch")}
      </Button>
      <Button tiny look="quiet" icon={theme === "dark" ? "sun" : "moon"} aria-label={t("theme.switch")} title={t("theme.switch")} onClick={() => setTheme(theme === "dark" ? "light" : "dark")} />
    </div>
  );
}

/** The page for who is not signed in. */
export function SignInPage() {
  const t = useText(messages);
  const queries = useQueryClient();
  const [values, setValues] = useState<[string, string]>(["", ""]);
  const attempt = useSignIn(() => void queries.resetQueries());
  return (
    <main className="gate">
      <div className="card stack">
        <div className="row between">
          <span className="mark">
            <Icon name="ghost" />
            {t("app.name")}
          </span>
          <Appearance />
        </div>
        <div>
          <h1>{t("title")}</h1>
          <p className="muted">{t("intro")}</p>
        </div>
        <form
          className="stack"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            attempt.mutate({ username: values[0].trim(), password: values[1] });
          }}
        >
          <Fields attempt={attempt.error} values={values} onChange={setValues} />
          <Button type="submit" look="primary" disabled={attempt.isPending || !values[0] || !values[1]}>
            {t("submit")}
          </Button>
        </form>
        <details className="small">
          <summary>{t("hint")}</summary>
          <p className="muted">{t("hint_text")}</p>
        </details>
      </div>
    </main>
  );
}

/** Over the page one was at when the session ended: it stays as it is below. */
export function SignInAgain({ user, onDone }: { user: string | null; onDone: () => void }) {
  const t = useText(messages);
  const [values, setValues] = useState<[string, string]>([user === "default_user_id" ? "admin" : (user ?? ""), ""]);
  const attempt = useSignIn(onDone);
  return (
    <Dialog
      kind="modal narrow"
      title={t("again")}
      onClose={() => undefined}
      onSubmit={() => attempt.mutate({ username: values[0].trim(), password: values[1] })}
      foot={
        <Button type="submit" look="primary" disabled={attempt.isPending || !values[0] || !values[1]}>
          {t("submit")}
        </Button>
      }
    >
      <p>{t("again_text")}</p>
      <Fields attempt={attempt.error} values={values} onChange={setValues} />
    </Dialog>
  );
}
