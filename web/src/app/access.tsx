// Who may do what: users, tokens, publish keys.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { create, list, type PublishKey, type Scope, seg, send, type Token, type User, words } from "./api";
import { moment } from "./format";
import { Act, Copy, Failure, Field, Table, useAsked } from "./parts";
import { may } from "./session";
import { type Key, known, t } from "./words";
import { commas } from "./webhooks";

const scopes: Scope[] = ["read", "operate", "configure", "admin"];

export function Access() {
  return (
    <>
      <div class="heading"><h1>{t("access.title")}</h1></div>
      {!may("admin") && <p class="notice">{t("app.scope", { scope: "admin" })}</p>}
      <Users />
      <Tokens />
      <Keys />
    </>
  );
}

// Turn is what else can be done with an entry: show tells a secret that came of it.
interface Turn { again: () => Promise<void>; show: (secret: string) => void }

// Part is a table of entries that can be deleted, and a form that makes one.
function Part<T extends { id: string; name?: string; declared?: boolean }>({ at, title, add, columns, cells, more, fields, body }: {
  at: string; title: Key; add: Key; columns: string[]; cells: (each: T) => ComponentChildren[];
  more?: (each: T, turn: Turn) => ComponentChildren; fields: ComponentChildren; body: (form: FormData) => unknown;
}) {
  const { value, error, again } = useAsked(() => list<T>(at), [at]);
  const wrong = useSignal("");
  const secret = useSignal("");
  const make = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    wrong.value = secret.value = "";
    try {
      const made = await create<T & { secret?: string }>(at, body(new FormData(form)));
      secret.value = made?.secret ?? "";
      form.reset();
      await again();
    } catch (error) {
      wrong.value = words(error);
    }
  };
  return (
    <section class="columns">
      <div>
        <h2>{t(title)}</h2>
        {error != null && <Failure error={error} retry={() => void again()} />}
        {value && (
          <Table caption={t(title)} empty={t("access.none")} columns={[...columns, t("app.actions")]}
            rows={value.map((each) => ({
              key: each.id,
              cells: [...cells(each), each.declared ? t("target.fromFile") : (
                <span class="row">
                  {more?.(each, { again, show: (text) => (secret.value = text) })}
                  <Act class="danger" disabled={!may("admin")} label={`${t("app.delete")}: ${each.name ?? each.id}`} sure={t("access.remove.sure", { name: each.name ?? each.id })}
                    act={async () => (await send("DELETE", `${at}/${seg(each.id)}`), await again())}>{t("app.delete")}</Act>
                </span>
              )],
            }))} />
        )}
      </div>
      <form class="card" aria-label={t(add)} onSubmit={(e) => void make(e)}>
        <h3>{t(add)}</h3>
        {fields}
        {wrong.value && <p class="wrong" role="alert">✗ {wrong.value}</p>}
        {secret.value && <Copy label={t("access.secret")} text={secret.value} />}
        <button class="primary" disabled={!may("admin")}>{t(add)}</button>
      </form>
    </section>
  );
}

const Name = () => <Field label={t("access.name")}>{(c) => <input {...c} name="name" autocomplete="off" required />}</Field>;
const ScopeField = ({ of = scopes, now }: { of?: string[]; now?: string }) => <Field label={t("access.scope")}>{(c) => <select {...c} name="scope" value={now}>{of.map((s) => <option key={s} value={s}>{known("access.scope", s)}</option>)}</select>}</Field>;
const StreamsField = ({ now = "" }: { now?: string }) => <Field label={t("access.streams")} help={t("access.streams.help")}>{(c) => <input {...c} name="streams" autocomplete="off" defaultValue={now} />}</Field>;
const When = ({ name, label }: { name: string; label: string }) => <Field label={label}>{(c) => <input {...c} name={name} type="datetime-local" />}</Field>;

const text = (form: FormData, name: string) => String(form.get(name) ?? "").trim();
const bounds = (form: FormData) => {
  const streams = commas(text(form, "streams"));
  return streams.length > 0 ? { streams } : {};
};
const time = (form: FormData, name: string) => (text(form, name) ? { [name]: new Date(text(form, name)).toISOString() } : {});
const those = (streams?: string[] | null) => streams?.join(", ") || "*";
const until = (at?: string) => (at ? moment(at) : t("access.never"));

// ChangeUser has what can be changed of a user behind a button. His sessions end with it.
function ChangeUser({ of, again }: { of: User; again: () => Promise<void> }) {
  const open = useSignal(false);
  const form = useRef<HTMLFormElement>(null);
  const save = async () => {
    if (!form.current?.reportValidity()) return;
    const said = new FormData(form.current);
    const password = String(said.get("password"));
    await send("PATCH", `/users/${seg(of.id)}`, { scope: text(said, "scope"), streams: commas(text(said, "streams")), ...(password && { password }) });
    open.value = false;
    await again();
  };
  return (
    <>
      <button type="button" aria-expanded={open.value} disabled={!may("admin")} aria-label={`${t("access.change")}: ${of.id}`} onClick={() => (open.value = !open.value)}>{t("access.change")}</button>
      {open.value && (
        <form ref={form} aria-label={`${t("access.change")}: ${of.id}`} onSubmit={(e) => e.preventDefault()}>
          <ScopeField now={of.scope} />
          <StreamsField now={of.streams?.join(", ")} />
          <Field label={t("access.password")} help={t("access.password.keep")}>{(c) => <input {...c} name="password" type="password" autocomplete="new-password" minLength={8} />}</Field>
          <Act class="primary" act={save}>{t("target.save")}</Act>
        </form>
      )}
    </>
  );
}

const overlap = 86400; // s for which a key stays good that another one follows

function Users() {
  return (
    <Part<User> at="/users" title="access.users" add="access.addUser" columns={[t("access.name"), t("access.scope"), t("access.streams")]}
      cells={(u) => [u.id, known("access.scope", u.scope), those(u.streams)]}
      more={(u, { again }) => <ChangeUser of={u} again={again} />}
      fields={<><Name /><Field label={t("access.password")}>{(c) => <input {...c} name="password" type="password" autocomplete="new-password" minLength={8} required />}</Field><ScopeField /><StreamsField /></>}
      body={(f) => ({ name: text(f, "name"), password: String(f.get("password")), scope: text(f, "scope"), ...bounds(f) })} />
  );
}

function Tokens() {
  return (
    <Part<Token> at="/tokens" title="access.tokens" add="access.addToken" columns={[t("access.name"), t("access.scope"), t("access.streams"), t("access.expires")]}
      cells={(k) => [k.name, k.scopes.map((s) => known("access.scope", s)).join(", "), those(k.streams), until(k.expires_at)]}
      fields={<><Name /><ScopeField of={[...scopes, "publish", "play"]} /><StreamsField /><When name="expires" label={t("access.expires")} /></>}
      body={(f) => ({ name: text(f, "name"), scopes: [text(f, "scope")], ...bounds(f), ...time(f, "expires") })} />
  );
}

function Keys() {
  return (
    <Part<PublishKey> at="/keys" title="access.keys" add="access.addKey" columns={[t("access.stream"), t("access.name"), t("access.from"), t("access.expires")]}
      cells={(k) => [k.stream, k.name, k.valid_from ? moment(k.valid_from) : t("app.none"), until(k.expires)]}
      more={(k, { again, show }) => (
        <Act disabled={!may("admin")} label={`${t("access.rotate")}: ${k.name}`} sure={t("access.rotate.sure", { name: k.name })}
          act={async () => (show((await create<PublishKey>(`/keys/${seg(k.id)}/rotate`, { overlap_seconds: overlap })).secret ?? ""), await again())}>{t("access.rotate")}</Act>
      )}
      fields={<><Field label={t("access.stream")}>{(c) => <input {...c} name="stream" autocomplete="off" required />}</Field><Name /><When name="valid_from" label={t("access.from")} /><When name="expires" label={t("access.expires")} /></>}
      body={(f) => ({ stream: text(f, "stream"), name: text(f, "name"), ...time(f, "valid_from"), ...time(f, "expires") })} />
  );
}
