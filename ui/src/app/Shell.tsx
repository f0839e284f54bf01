import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { Appearance, SignInAgain, SignInPage } from "@/features/session/SignIn";
import { messages } from "@/features/session/messages";
import { ApiError, get, onAnswer } from "@/shared/api/client";
import type { Who } from "@/shared/api/views";
import { useCommon, useText } from "@/shared/i18n/language";
import { SessionContext } from "@/shared/lib/session";
import { Button } from "@/shared/ui/button";
import { Icon } from "@/shared/ui/icons";
import { Failed, Skeleton } from "@/shared/ui/states";
import { Toasts } from "@/shared/ui/toast";
import { groupsFor } from "./nav";
import { Palette } from "./Palette";

/** Around every page: who is signed in, where one can go, and what the gateway is doing. */
export function Shell() {
  const queries = useQueryClient();
  const [ended, setEnded] = useState(false);
  const [down, setDown] = useState(false);
  const me = useQuery({ queryKey: ["whoami"], queryFn: () => get<Who>()("GET /whoami"), staleTime: 60_000 });
  const signedIn = useRef(false);
  useEffect(() => {
    signedIn.current = me.data !== undefined;
  }, [me.data]);
  useEffect(
    () =>
      onAnswer((error) => {
        if (error === null) setDown(false);
        else if (error.trouble === "session" && signedIn.current) setEnded(true);
        else if (error.trouble === "offline" || error.trouble === "busy") setDown(true);
      }),
    [],
  );
  if (me.data === undefined) {
    if (me.error instanceof ApiError && me.error.trouble === "session") return <SignInPage />;
    return (
      <main className="gate">
        {me.isError ? <Failed error={me.error} onRetry={() => void me.refetch()} /> : <div className="card"><Skeleton /></div>}
      </main>
    );
  }
  return (
    <SessionContext value={me.data}>
      <Frame who={me.data} down={down} />
      {ended ? (
        <SignInAgain
          user={me.data.user_id}
          onDone={() => {
            setEnded(false);
            void queries.invalidateQueries();
          }}
        />
      ) : null}
      <Toasts />
    </SessionContext>
  );
}

function Frame({ who, down }: { who: Who; down: boolean }) {
  const t = useCommon();
  const [palette, setPalette] = useState(false);
  const [menu, setMenu] = useState(false);
  const queries = useQueryClient();
  const path = useRouterState({ select: (state) => state.location.pathname });
  useFirstRun(who, path);
  const main = useRef<HTMLElement>(null);
  const before = useRef(path);
  useEffect(() => {
    // A new page is announced and read from its top.
    if (before.current !== path) {
      before.current = path;
      main.current?.focus();
    }
    document.querySelector(".side nav [aria-current='page']")?.scrollIntoView({ block: "nearest" });
  }, [path]);
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setPalette(true);
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  useEffect(() => {
    if (!down) return;
    const timer = window.setInterval(() => void queries.invalidateQueries({ queryKey: ["whoami"] }), 3000);
    return () => window.clearInterval(timer);
  }, [down, queries]);
  return (
    <>
      <a className="button skip" href="#content" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>
        {t("app.skip")}
      </a>
      <div className="shell">
        <Side who={who} onPalette={() => setPalette(true)} />
        <div className="main">
          <header className="topbar">
            <Button look="quiet" icon="menu" aria-label={t("nav.menu")} onClick={() => setMenu(true)} />
            <span className="mark grow">
              <Icon name="ghost" />
              {t("app.name")}
            </span>
            <Button look="quiet" icon="search" aria-label={t("nav.search")} onClick={() => setPalette(true)} />
          </header>
          {down ? (
            <div className="banner" role="status">
              {t("banner.down")}
            </div>
          ) : null}
          <main id="content" ref={main} className="page" tabIndex={-1}>
            <Outlet />
          </main>
        </div>
      </div>
      {palette ? <Palette onClose={() => setPalette(false)} /> : null}
      {menu ? <SideMenu who={who} onClose={() => setMenu(false)} onPalette={() => setPalette(true)} /> : null}
    </>
  );
}

const STARTED = "phantom.started";

/** Who can set up a gateway that nobody has used yet is led to where that is done, once in a browser. */
function useFirstRun(who: Who, path: string) {
  const navigate = useNavigate();
  const wanted = path === "/" && who.actions["model.write"] === "all" && who.actions["key.create"] === "all" && localStorage.getItem(STARTED) === null;
  const keys = useQuery({ queryKey: ["keys", "count"], enabled: wanted, queryFn: ({ signal }) => get<{ total_count: number }>()("GET /key/list", { signal, query: { size: 1 } }) });
  const total = keys.data?.total_count;
  useEffect(() => {
    if (!wanted || total === undefined) return;
    localStorage.setItem(STARTED, "1");
    if (total === 0) void navigate({ to: "/start", replace: true });
  }, [wanted, total, navigate]);
}

function SideMenu({ who, onClose, onPalette }: { who: Who; onClose: () => void; onPalette: () => void }) {
  const t = useCommon();
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => element.current?.showModal(), []);
  return (
    <dialog ref={element} className="side-menu" aria-label={t("nav.menu")} onClose={onClose}>
      <Side who={who} onPalette={onPalette} onGone={onClose} />
    </dialog>
  );
}

function Side({ who, onPalette, onGone }: { who: Who; onPalette: () => void; onGone?: () => void }) {
  const t = useText(messages);
  const queries = useQueryClient();
  const decides = who.actions["approval.decide"] !== undefined;
  const inbox = useQuery({
    queryKey: ["approvals", "waiting"],
    enabled: decides,
    refetchInterval: 60_000,
    queryFn: ({ signal }) => get<{ total_count: number }>()("GET /approval/list", { signal, query: { state: "open" as never, size: 1 } }),
  });
  const waiting = inbox.data?.total_count ?? 0;
  const leave = async () => {
    await get("POST /logout");
    queries.clear();
    window.location.reload();
  };
  return (
    <aside className="side" aria-label={t("nav.menu")}>
      <div className="row between">
        <Link to="/" className="mark" onClick={onGone}>
          <Icon name="ghost" />
          {t("app.name")}
        </Link>
        {onGone ? <Button look="quiet" tiny icon="close" aria-label={t("do.close")} onClick={onGone} /> : null}
      </div>
      <Button icon="search" className="side-search" onClick={() => { onGone?.(); onPalette(); }}>
        <span className="grow cut">{t("field.search")}</span>
        <kbd className="muted small">Ctrl K</kbd>
      </Button>
      <nav aria-label={t("nav.label")}>
        {groupsFor(who.actions).map((group) => (
          <div key={group.name} className="group">
            <span>{t(group.name)}</span>
            {group.places.map((place) => (
              <Link key={place.to} to={place.to} activeOptions={{ exact: place.to === "/", includeSearch: false }} onClick={onGone} title={place.to === "/approvals" && waiting > 0 ? t("approvals.waiting", { count: waiting }) : undefined}>
                <Icon name={place.icon} />
                <span className="grow">{t(place.name)}</span>
                {place.to === "/approvals" && waiting > 0 ? <span className="count" aria-hidden="true">{waiting}</span> : null}
              </Link>
            ))}
          </div>
        ))}
      </nav>
      <div className="account">
        <div className="row between tight">
          <span className="cut small" title={who.user_role ?? undefined}>
            {who.user_id === "default_user_id" ? "admin" : who.user_id}
          </span>
          <Button look="quiet" tiny icon="out" aria-label={t("out")} title={t("out")} onClick={() => void leave()} />
        </div>
        <Appearance />
      </div>
    </aside>
  );
}
