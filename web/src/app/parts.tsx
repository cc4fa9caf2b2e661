// Small parts that pages are made of.
import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { words } from "./api";
import { say } from "./live";
import { known, t } from "./words";

const signs: Record<string, string> = {
  ok: "✓", warning: "!", error: "✗", running: "▶", recording: "●", complete: "✓", failed: "✗", waiting: "↻", stopped: "■", paused: "❚❚",
  starting: "…", connecting: "…", live: "●", backoff: "↻", lingering: "…", draining: "…", ended: "■", uploading: "↑", flows: "→", stalled: "┄", dropping: "✗", idle: "·",
};

// Badge is a word with a sign in front, so that colour only repeats what is said.
export function Badge({ kind, children }: { kind: string; children: ComponentChildren }) {
  return (
    <span class={`badge ${kind}`}>
      <span aria-hidden="true">{signs[kind] ?? "·"}</span> {children}
    </span>
  );
}

export const Verdict = ({ of }: { of: string }) => <Badge kind={of}>{known("verdict", of)}</Badge>;
export const State = ({ of }: { of: string }) => <Badge kind={of}>{known("state", of)}</Badge>;

export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div class="failure" role="alert">
      <p><strong>{t("error.title")}</strong> {words(error)}</p>
      {retry && <button type="button" onClick={retry}>{t("app.retry")}</button>}
    </div>
  );
}

type Control = { id: string; "aria-describedby"?: string; "aria-invalid"?: boolean };

// Field ties a label, a control, what helps and what is wrong together.
export function Field({ label, help, wrong, children }: { label: string; help?: string; wrong?: string; children: (control: Control) => ComponentChildren }) {
  const id = useId();
  const about = [help && `${id}-help`, wrong && `${id}-wrong`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, ...(about && { "aria-describedby": about }), ...(wrong && { "aria-invalid": true }) })}
      {help && <p class="help" id={`${id}-help`}>{help}</p>}
      {wrong && <p class="wrong" id={`${id}-wrong`}>✗ {wrong}</p>}
    </div>
  );
}

// Act is a button that does something at the server: it waits, and says what went wrong.
export function Act({ children, sure, act, done, disabled, label, class: name }: {
  children: ComponentChildren; sure?: string; act: () => Promise<unknown>; done?: string; disabled?: boolean; label?: string; class?: string;
}) {
  const busy = useSignal(false);
  const wrong = useSignal<unknown>(null);
  const asking = useSignal(false);
  const yes = useRef<HTMLButtonElement>(null);
  const start = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (asking.value) yes.current?.focus();
  }, [asking.value]);
  const go = async () => {
    asking.value = false;
    busy.value = true;
    wrong.value = null;
    try {
      await act();
      if (done) say(done);
    } catch (error) {
      wrong.value = error;
    }
    busy.value = false;
  };
  if (asking.value) {
    const no = () => {
      asking.value = false;
      queueMicrotask(() => start.current?.focus());
    };
    return (
      <span class="asking" role="group" aria-label={t("app.sure")} onKeyDown={(e) => e.key === "Escape" && no()}>
        <span>{sure}</span>
        <button type="button" class="danger" ref={yes} onClick={() => void go()}>{children}</button>
        <button type="button" onClick={no}>{t("app.cancel")}</button>
      </span>
    );
  }
  return (
    <>
      <button type="button" class={name} ref={start} aria-label={label} disabled={disabled || busy.value} aria-busy={busy.value}
        onClick={() => (sure ? (asking.value = true) : void go())}>{children}</button>
      {wrong.value !== null && <span class="wrong" role="alert">✗ {words(wrong.value)}</span>}
    </>
  );
}

// Copy shows a text that is to be taken elsewhere.
export function Copy({ label, text }: { label: string; text: string }) {
  const [copied, setCopied] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const copy = async () => {
    field.current?.select();
    try {
      await navigator.clipboard.writeText(text); // not on http: pages of other machines
    } catch {
      document.execCommand("copy");
    }
    setCopied(true);
    say(t("app.copied"));
  };
  return (
    <Field label={label}>
      {(control) => (
        <span class="copy">
          <input {...control} ref={field} readOnly value={text} onFocus={(e) => e.currentTarget.select()} />
          <button type="button" onClick={() => void copy()} aria-label={`${t("app.copy")}: ${label}`}>{copied ? `✓ ${t("app.copied")}` : t("app.copy")}</button>
        </span>
      )}
    </Field>
  );
}

// Table is a list of things in rows. On a narrow page the cells stand below each other,
// each with its column's name.
export function Table({ caption, columns, rows, empty }: { caption: string; columns: string[]; rows: { key: string; cells: ComponentChildren[] }[]; empty?: string }) {
  if (rows.length === 0 && empty) return <p class="empty">{empty}</p>;
  return (
    <table role="table">
      <caption class="unseen">{caption}</caption>
      <thead role="rowgroup"><tr role="row">{columns.map((c) => <th key={c} role="columnheader" scope="col">{c}</th>)}</tr></thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={row.key} role="row">{row.cells.map((cell, i) => <td key={columns[i]} role="cell" data-column={columns[i]}>{cell}</td>)}</tr>
        ))}
      </tbody>
    </table>
  );
}

export function Findings({ of }: { of: readonly { rule: string; severity: string; message: string; fix: string }[] }) {
  return (
    <ul class="findings">
      {of.map((f) => (
        <li key={f.rule} class={f.severity}>
          <Badge kind={f.severity}>{known("severity", f.severity)}</Badge> <span>{f.message}</span>
          {f.fix && <span class="help">{t("finding.fix", { fix: f.fix })}</span>}
        </li>
      ))}
    </ul>
  );
}

// useAsked asks for something when what it depends on changes, and gives it with the number
// of its turn, what went wrong, and how to ask again.
export function useAsked<T>(asked: () => Promise<T>, on: readonly unknown[]): { value: T | null; error: unknown; turn: number; again: () => Promise<void> } {
  const [state, set] = useState<{ value: T | null; error: unknown; turn: number }>({ value: null, error: null, turn: 0 });
  const turn = useRef(0);
  const again = async () => {
    const mine = ++turn.current;
    try {
      const value = await asked();
      if (mine === turn.current) set({ value, error: null, turn: mine });
    } catch (error) {
      if (mine === turn.current) set((before) => ({ ...before, error }));
    }
  };
  useEffect(() => {
    set({ value: null, error: null, turn: 0 });
    void again();
    return () => void turn.current++;
  }, on);
  return { ...state, again };
}

// useGrowing is how many of so many things are drawn: more with each frame.
export function useGrowing(total: number, perFrame: number): number {
  const drawn = useSignal(perFrame);
  useEffect(() => {
    if (drawn.value >= total) return;
    const frame = requestAnimationFrame(() => (drawn.value += perFrame));
    return () => cancelAnimationFrame(frame);
  }, [drawn.value, total]);
  return Math.min(drawn.value, total);
}

// useEvery does something every so often while the page is seen.
export function useEvery(ms: number, act: () => void, on: readonly unknown[] = []): void {
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && act(), ms);
    return () => clearInterval(timer);
  }, [ms, ...on]);
}

// Tabs are parts of a page, of which one is shown: arrow keys go through them.
export function Tabs({ label, all, now, choose }: { label: string; all: { id: string; title: string }[]; now: string; choose: (id: string) => void }) {
  const row = useRef<HTMLDivElement>(null);
  const press = (event: JSX.TargetedKeyboardEvent<HTMLDivElement>) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = all.findIndex((each) => each.id === now);
    const next = all[(at + step + all.length) % all.length]?.id ?? now;
    choose(next);
    row.current?.querySelector<HTMLElement>(`[data-tab="${next}"]`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} ref={row} onKeyDown={press}>
      {all.map(({ id, title }) => (
        <button key={id} type="button" role="tab" id={`tab-${id}`} data-tab={id} aria-selected={id === now} aria-controls="panel"
          tabIndex={id === now ? 0 : -1} onClick={() => choose(id)}>{title}</button>
      ))}
    </div>
  );
}
