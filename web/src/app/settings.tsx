// The configuration: its text, what is wrong with it, what a change would do.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ask, type Change, type ConfigProblem, type ConfigText, get, list, Problem, send } from "./api";
import type { Schema } from "./completion";
import { brief, diff } from "./diff";
import type { Editor } from "./editor";
import { moment } from "./format";
import { say } from "./live";
import { Act, Failure, Table, useAsked } from "./parts";
import { may } from "./session";
import { count, t } from "./words";

interface Plan { changes: Change[]; problems?: ConfigProblem[] }
interface Version { version: string; at: string; by?: string; in_force?: boolean }

const rest = 700; // ms without a key, after which the text is checked

export function Settings() {
  const { value, error, turn, again } = useAsked(() => ask<ConfigText>("GET", "/config"), []);
  if (error && !value) return <><Heading /><Failure error={error} retry={() => void again()} /></>;
  return value ? <><Heading name={value.body.name} /><Workbench key={turn} config={value.body} etag={value.etag} again={again} /></> : <Heading />;
}

const Heading = ({ name }: { name?: string }) => <div class="heading"><h1>{t("settings.title")}</h1>{name && <p class="faint">{name}</p>}</div>;

function Workbench({ config, etag, again }: { config: ConfigText; etag: string; again: () => Promise<void> }) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor | null>(null);
  const text = useSignal(config.yaml);
  const problems = useSignal<ConfigProblem[] | null>([]);
  const plan = useSignal<Plan | null>(null);
  const broken = useSignal<unknown>(null);
  const writable = config.writable && may("configure");
  const lines = useComputed(() => brief(diff(config.yaml, text.value)));
  useEffect(() => {
    let gone = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let schema: Schema | null = null;
    get<Schema>("/config/schema").then((s) => (schema = s), () => undefined);
    const check = async () => {
      const now = editor.current?.text() ?? "";
      text.value = now;
      try {
        const answer = await send<{ problems: ConfigProblem[] | null }>("POST", "/config/validate", { yaml: now });
        if (gone || now !== editor.current?.text()) return;
        problems.value = answer.problems ?? [];
        editor.current?.mark(problems.value);
      } catch (error) {
        broken.value = error;
      }
    };
    const changed = () => {
      plan.value = null;
      problems.value = null;
      clearTimeout(timer);
      timer = setTimeout(() => void check(), rest);
    };
    import("./editor").then(({ open }) => {
      if (gone || !host.current) return;
      editor.current = open(host.current, config.yaml, { label: t("settings.editor"), readOnly: !writable, schema: () => schema, changed });
    }, (error) => (broken.value = error));
    return () => {
      gone = true;
      clearTimeout(timer);
      editor.current?.end();
      editor.current = null;
    };
  }, []);
  const same = useComputed(() => text.value === config.yaml);
  const look = async () => {
    text.value = editor.current?.text() ?? "";
    plan.value = await send<Plan>("POST", "/config/plan", { yaml: text.value });
    if (plan.value.problems?.length) editor.current?.mark((problems.value = plan.value.problems));
  };
  const apply = async () => {
    try {
      const { body } = await ask<{ version: string | number }>("PUT", "/config", { yaml: editor.current?.text() ?? "" }, etag ? { "If-Match": etag } : {});
      say(t("settings.applied", { version: body.version }));
      await again();
    } catch (error) {
      if (error instanceof Problem && error.status === 412) throw new Error(t("settings.stale"));
      throw error;
    }
  };
  return (
    <>
      {!config.writable && <p class="notice">{t("settings.readonly")}</p>}
      <div ref={host} class="editor" />
      <p class="help">{t("settings.hint")}</p>
      {broken.value != null && <Failure error={broken.value} />}
      <Problems of={problems.value} reveal={(line) => editor.current?.reveal(line)} />
      <details class="card" open={!same.value}>
        <summary>{t("settings.diff")}</summary>
        {same.value ? <p>{t("settings.diff.none")}</p> : (
          <pre class="diff" tabIndex={0}>{lines.value.map((l, i) => <span key={i} class={l.kind}>{{ added: "+ ", removed: "- ", same: "  ", skipped: "" }[l.kind]}{l.text}</span>)}</pre>
        )}
      </details>
      <div class="row">
        <Act act={look}>{t("settings.plan")}</Act>
        <Act class="primary" disabled={!writable || !plan.value || (plan.value.problems?.length ?? 0) > 0} act={apply}>{t("settings.apply")}</Act>
        <Act act={again}>{t("settings.reload")}</Act>
      </div>
      {plan.value && <Planned of={plan.value} />}
      <History etag={etag} again={again} />
    </>
  );
}

function Problems({ of, reveal }: { of: ConfigProblem[] | null; reveal: (line: number) => void }) {
  return (
    <div role="status">
      {of === null ? <p>{t("settings.checking")}</p> : of.length === 0 ? <p class="ok">{t("settings.valid")}</p> : (
        <>
          <p class="wrong">✗ {count("settings.problems", of.length)}</p>
          <ul class="plain">{of.map((p, i) => (
            <li key={i}>
              <button type="button" class="quiet" onClick={() => reveal(p.line)}>{t("settings.at", { line: p.line, message: p.message })}</button>
              {p.hint && <span class="help">{p.hint}</span>}
            </li>
          ))}</ul>
        </>
      )}
    </div>
  );
}

function Planned({ of }: { of: Plan }) {
  return (
    <section class="card" role="status">
      <h2>{t("settings.plan.title")}</h2>
      {(of.changes ?? []).length === 0 ? <p>{t("settings.plan.none")}</p> : (
        <ul>{of.changes.map((c) => (
          <li key={c.pipeline}><strong>{c.pipeline}</strong>: {c.change}</li>
        ))}</ul>
      )}
    </section>
  );
}

function History({ etag, again }: { etag: string; again: () => Promise<void> }) {
  const { value } = useAsked(() => list<Version>("/config/history"), []);
  return (
    <>
      <h2>{t("settings.history")}</h2>
      <Table caption={t("settings.history")} empty={value ? t("settings.history.none") : undefined} columns={["#", t("events.time"), t("session.subject"), t("app.actions")]}
        rows={(value ?? []).map((v) => ({
          key: String(v.version),
          cells: [v.version, moment(v.at), v.by || t("app.none"), v.in_force ? t("settings.inforce") :
            <Act disabled={!may("configure")} sure={t("settings.revert.sure", { version: v.version })} act={async () => (await ask("POST", "/config/revert", { version: v.version }, etag ? { "If-Match": etag } : {}), await again())}>{t("settings.revert")}</Act>],
        }))} />
    </>
  );
}
