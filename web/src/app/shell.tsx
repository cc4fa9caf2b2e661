// What is around every page: navigation, who is signed in, the connection, colours.
import { effect, signal } from "@preact/signals";
import { lazy } from "./lazy";
import { Failure } from "./parts";
import { connection, say, said } from "./live";
import { Overview } from "./overview";
import { link, route } from "./route";
import { access, enter, server, session, signOut } from "./session";
import { Setup, SignIn } from "./entrance";
import { StreamPage } from "./stream";
import { type Key, t } from "./words";
import { useEffect, useRef } from "preact/hooks";

const Recordings = lazy(async () => (await import("./recordings")).Recordings);
const Settings = lazy(async () => (await import("./settings")).Settings);
const Access = lazy(async () => (await import("./access")).Access);
const Webhooks = lazy(async () => (await import("./webhooks")).Webhooks);
const Events = lazy(async () => (await import("./events")).Events);

const menu: [page: string, title: Key][] = [
  ["overview", "nav.overview"], ["recordings", "nav.recordings"], ["events", "nav.events"],
  ["webhooks", "nav.webhooks"], ["access", "nav.access"], ["settings", "nav.settings"],
];

type Theme = "auto" | "light" | "dark";
const themes: Theme[] = ["auto", "light", "dark"];

function remembered(): Theme {
  try {
    const was = localStorage.getItem("weir-theme") as Theme;
    return themes.includes(was) ? was : "auto";
  } catch {
    return "auto";
  }
}

const theme = signal<Theme>(remembered());

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  try {
    localStorage.setItem("weir-theme", theme.value);
  } catch {
    // it is not remembered then
  }
});

const connectionSigns = { open: "●", connecting: "…", lost: "✗" };

function Header() {
  const next = themes[(themes.indexOf(theme.value) + 1) % themes.length] as Theme;
  const page = route.value.page === "streams" ? "overview" : route.value.page;
  return (
    <header class="top">
      <a class="brand" href={link("overview")}>{t("app.name")}</a>
      {access.value === "in" && (
        <nav aria-label={t("nav.label")}>
          {menu.map(([name, title]) => <a key={name} href={link(name)} aria-current={name === page ? "page" : undefined}>{t(title)}</a>)}
        </nav>
      )}
      <span class="aside">
        {access.value === "in" && <span class={`connection ${connection.value}`}><span aria-hidden="true">{connectionSigns[connection.value]}</span> {t(`live.${connection.value}`)}</span>}
        <button type="button" class="quiet" onClick={() => (theme.value = next)} title={t(`theme.${theme.value}`)} aria-label={t(`theme.${theme.value}`)}>
          <span aria-hidden="true">{theme.value === "auto" ? "◐" : theme.value === "light" ? "☀" : "☾"}</span>
        </button>
        {access.value === "in" && session.value && (
          <>
            <span class="who" title={t("signin.as", { name: session.value.name })}>{session.value.name.replace(/^user:/, "")}</span>
            <button type="button" class="quiet" onClick={() => void signOut().catch(() => say(t("error.title")))}>{t("signin.out")}</button>
          </>
        )}
      </span>
    </header>
  );
}

function Page() {
  const { page, args } = route.value;
  switch (page) {
    case "overview": return <Overview />;
    case "streams": return args[0] ? <StreamPage key={args[0]} path={args[0]} part={args[1] ?? "watch"} /> : <Overview />;
    case "recordings": return <Recordings stream={args[0] ?? ""} />;
    case "settings": return <Settings />;
    case "access": return <Access />;
    case "webhooks": return <Webhooks />;
    case "events": return <Events />;
    default: return <p>{t("error.notfound")}</p>;
  }
}

function Body() {
  if (route.value.page === "setup" || (access.value === "in" && server.value?.setup_needed && route.value.page === "welcome")) return <Setup token={route.value.args[0] ?? ""} />;
  switch (access.value) {
    case "asking": return <p role="status">{t("app.loading")}</p>;
    case "unreachable": return <Failure error={new Error(t("error.network"))} retry={() => void enter()} />;
    case "out": return <SignIn />;
    case "in": return <Page />;
  }
}

export function Shell() {
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const { page, args } = route.value;
  useEffect(() => { // the reader's place is the new page's begin, but not at the start
    if (first.current) first.current = false;
    else main.current?.focus();
  }, [page, args[0]]);
  useEffect(() => {
    document.title = `${[args[0] && page === "streams" ? args[0] : "", page].filter(Boolean)[0]} · weir`;
  }, [page, args[0]]);
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => (e.preventDefault(), main.current?.focus())}>{t("app.skip")}</a>
      <Header />
      <main id="main" ref={main} tabIndex={-1}><Body /></main>
      <Announcer />
    </>
  );
}

// Announcer tells screen readers what has changed, at most every few seconds.
const quiet = 2000; // ms
function Announcer() {
  const place = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    let last = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = effect(() => {
      const text = said.value;
      clearTimeout(timer);
      timer = setTimeout(() => {
        last = Date.now();
        if (place.current) place.current.textContent = text;
      }, Math.max(0, last + quiet - Date.now()));
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, []);
  return <p class="unseen" role="status" aria-live="polite" ref={place} />;
}
