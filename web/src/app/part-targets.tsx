// Where a stream is pushed to.
import { useSignal } from "@preact/signals";
import { create, type Judgement, list, ofStream, type Output, type Platform, seg, send, type Stream, words } from "./api";
import { bitrate } from "./format";
import { listen, say } from "./live";
import { Act, Failure, Field, Findings, State, useAsked, useEvery } from "./parts";
import { may } from "./session";
import { t } from "./words";
import { useEffect } from "preact/hooks";

const pushes = "outputs/rtmp";
const every = 5000; // ms

export function PartTargets({ path, stream }: { path: string; stream: Stream | null }) {
  const { value, error, again } = useAsked(() => list<Output>(ofStream(path, "/outputs")), [path]);
  useEvery(every, () => void again(), [path]);
  const states = stream?.outputs.map((o) => o.state).join() ?? "";
  useEffect(() => void again(), [states]);
  useEffect(() => listen("output.state", (e) => e.stream === path && void again()), [path]);
  if (error && !value) return <Failure error={error} retry={() => void again()} />;
  const targets = (value ?? []).filter((o) => o.use === pushes);
  return (
    <div class="columns">
      <section aria-labelledby="targets">
        <h2 id="targets">{t("target.list")}</h2>
        {value && targets.length === 0 && <p class="empty">{t("target.none")}</p>}
        <ul class="cards">{targets.map((o) => <Target key={o.name} path={path} of={o} again={again} />)}</ul>
      </section>
      <Add path={path} stream={stream} again={again} />
    </div>
  );
}

const text = (value: unknown) => (typeof value === "string" && value !== "***" ? value : "");

interface Detail { targets?: { role: string; host: string; state: string; bitrate: number }[] }

// ways are where an output goes, as it says itself: an address may hold a key, and is not
// shown.
const ways = (of: Output) => ((of.detail ?? {}) as Detail).targets ?? [];

function Target({ path, of, again }: { path: string; of: Output; again: () => Promise<void> }) {
  const changing = useSignal(false);
  const at = ofStream(path, `/outputs/${seg(of.name)}`);
  const then = (act: () => Promise<unknown>) => async () => {
    await act();
    await again();
  };
  const where = [text(of.with.preset), ...ways(of).map((way) => (way.bitrate > 0 ? `${way.host} ${bitrate(way.bitrate)}` : way.host))].filter(Boolean).join(" · ");
  return (
    <li class="card target">
      <div class="row"><h3>{of.name}</h3><State of={of.stopped ? "stopped" : of.state} /></div>
      <p class="faint">{where}{of.origin === "file" && ` (${t("target.fromFile")})`}</p>
      {(of.message || of.reason) && <p>{of.message || of.reason}</p>}
      {of.findings.length > 0 && <Findings of={of.findings} />}
      <div class="row">
        {of.stopped
          ? <Act disabled={!may("operate")} label={`${t("target.start")}: ${of.name}`} act={then(() => send("POST", `${at}/start`))}>{t("target.start")}</Act>
          : <Act disabled={!may("operate")} label={`${t("target.stop")}: ${of.name}`} act={then(() => send("POST", `${at}/stop`))}>{t("target.stop")}</Act>}
        {of.origin === "added" && <button type="button" aria-expanded={changing.value} onClick={() => (changing.value = !changing.value)}>{t("target.retarget")}</button>}
        {of.origin === "added" && <Act class="danger" disabled={!may("operate")} label={`${t("target.remove")}: ${of.name}`} sure={t("target.remove.sure", { name: of.name })} act={then(() => send("DELETE", at))}>{t("target.remove")}</Act>}
      </div>
      {changing.value && <Retarget at={at} done={async () => ((changing.value = false), await again())} />}
    </li>
  );
}

function Retarget({ at, done }: { at: string; done: () => Promise<void> }) {
  const url = useSignal("");
  const key = useSignal("");
  const save = async () => {
    const change: Record<string, string> = {};
    if (url.value) change.url = url.value;
    if (key.value) change.key = key.value;
    await send("PATCH", at, { with: change });
    await done();
  };
  return (
    <form onSubmit={(e) => e.preventDefault()}>
      <Field label={t("target.url")} help={t("target.url.keep")}>{(c) => <input {...c} value={url.value} onInput={(e) => (url.value = e.currentTarget.value)} />}</Field>
      <Field label={t("target.key")} help={t("target.key.keep")}>{(c) => <input {...c} type="password" autocomplete="off" value={key.value} onInput={(e) => (key.value = e.currentTarget.value)} />}</Field>
      <Act class="primary" act={save}>{t("target.save")}</Act>
    </form>
  );
}

// Foreseen is what a platform would say of what arrives now.
function Foreseen({ path, platform, of }: { path: string; platform: Platform; of: string }) {
  const settings = { use: pushes, with: { preset: platform.name, key: "***" } }; // no key is needed to look
  const { value, error, again } = useAsked(() => send<Judgement>("POST", ofStream(path, "/outputs/check"), settings), [path, platform.name, of]);
  useEvery(every, () => void again(), [path, platform.name]);
  return (
    <>
      <h3>{t("target.lint", { title: platform.title })}</h3>
      {error ? <p class="faint">{words(error)}</p> : value && (
        <>
          {!value.judged ? <p class="faint">{t("target.lint.nothing")}</p> : value.findings.length > 0 ? <Findings of={value.findings} /> : <p class="ok">{t("target.lint.ok")}</p>}
          {value.via.length > 0 && <p class="help">{t("target.lint.via", { why: value.via.map((v) => v.why).join("; ") })}</p>}
        </>
      )}
    </>
  );
}

const scheme = /^rtmps?:\/\/[^/\s]+/;

function Add({ path, stream, again }: { path: string; stream: Stream | null; again: () => Promise<void> }) {
  const { value: platforms, error } = useAsked(() => list<Platform>("/platforms"), []);
  const chosen = useSignal("youtube");
  const key = useSignal("");
  const url = useSignal("");
  const name = useSignal("");
  const keep = useSignal(true);
  const test = useSignal(false);
  const busy = useSignal(false);
  const wrong = useSignal({ key: "", url: "", all: "" });
  if (error) return <Failure error={error} />;
  const platform = platforms?.find((p) => p.name === chosen.value);
  if (!platform) return null;
  const custom = !platform.url;
  const add = async (event: SubmitEvent) => {
    event.preventDefault();
    wrong.value = {
      key: platform.needs_key && !key.value ? t("target.key.missing", { title: platform.title }) : "",
      url: (custom || url.value) && !scheme.test(url.value) ? t("target.url.wrong") : "",
      all: "",
    };
    if (wrong.value.key || wrong.value.url) return;
    busy.value = true;
    try {
      const settings: Record<string, string> = { preset: platform.name };
      if (url.value) settings.url = url.value;
      if (key.value) settings.key = key.value + (test.value && platform.name === "twitch" ? "?bandwidthtest=true" : "");
      const made = await create<Output>(ofStream(path, "/outputs"), { ...(name.value && { name: name.value }), use: pushes, with: settings, persistent: keep.value });
      say(t("target.added", { name: made.name }));
      key.value = url.value = name.value = "";
      await again();
    } catch (error) {
      wrong.value = { ...wrong.value, all: words(error) };
    }
    busy.value = false;
  };
  return (
    <form class="card" onSubmit={(e) => void add(e)} noValidate aria-labelledby="add-target">
      <h2 id="add-target">{t("target.add")}</h2>
      <fieldset class="choices">
        <legend>{t("target.where")}</legend>
        {platforms?.map((p) => (
          <label key={p.name} class="choice">
            <input type="radio" name="platform" value={p.name} checked={p.name === chosen.value} onChange={() => (chosen.value = p.name)} /> {p.url ? p.title : t("target.custom")}
          </label>
        ))}
      </fieldset>
      {!custom && platform.checked_on && <p class="help">{t("target.checked", { date: platform.checked_on, source: platform.source })}</p>}
      {custom && <Field label={t("target.url")} help={t("target.url.help")} wrong={wrong.value.url}>{(c) => <input {...c} value={url.value} inputMode="url" onInput={(e) => (url.value = e.currentTarget.value)} />}</Field>}
      <Field label={t("target.key")} help={t("target.key.help")} wrong={wrong.value.key}>{(c) => <input {...c} type="password" autocomplete="off" value={key.value} onInput={(e) => (key.value = e.currentTarget.value)} />}</Field>
      <Field label={t("target.name")} help={t("target.name.help")}>{(c) => <input {...c} value={name.value} onInput={(e) => (name.value = e.currentTarget.value)} />}</Field>
      {platform.name === "twitch" && <label class="choice"><input type="checkbox" checked={test.value} onChange={(e) => (test.value = e.currentTarget.checked)} /> {t("target.test")}</label>}
      <label class="choice"><input type="checkbox" checked={keep.value} onChange={(e) => (keep.value = e.currentTarget.checked)} /> {t("target.persistent")}</label>
      {!custom && may("configure") && <Foreseen path={path} platform={platform} of={stream?.summary ?? ""} />}
      {wrong.value.all && <p class="wrong" role="alert">✗ {wrong.value.all}</p>}
      <button class="primary" disabled={busy.value || !may("operate")}>{t("target.go")}</button>
    </form>
  );
}
