// Recording of one stream.
import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { create, list, ofStream, type Probed, type Recording, seg, send } from "./api";
import { refresh } from "./live";
import { Act, Badge, Failure, Field, State, useAsked, useEvery } from "./parts";
import { lazy } from "./lazy";
import { may } from "./session";
import { type Key, t } from "./words";

const Shelf = lazy(async () => (await import("./recordings")).Shelf);

export function PartRecording({ path, recording }: { path: string; recording: boolean }) {
  const { value, error, again } = useAsked(() => list<Recording>(`/recordings?stream=${seg(path)}`), [path]);
  useEvery(3000, () => void again(), [path]);
  useEffect(() => void again(), [recording]);
  const then = (act: () => Promise<unknown>) => async () => {
    await act();
    await Promise.all([refresh(), again()]);
  };
  return (
    <>
      <section class="card">
        <p>{recording ? <State of="recording" /> : <State of="stopped" />} {recording ? t("record.on") : t("record.off")}</p>
        {recording
          ? <p class="row"><Act disabled={!may("operate")} act={then(() => send("POST", ofStream(path, "/recordings/stop")))}>{t("record.stop")}</Act></p>
          : <Start path={path} then={then} />}
      </section>
      <h2>{t("record.of")}</h2>
      {error ? <Failure error={error} retry={() => void again()} /> : value && <Shelf all={value} again={again} />}
    </>
  );
}

const fields: [name: string, label: Key][] = [
  ["endpoint", "record.endpoint"], ["bucket", "record.bucket"], ["prefix", "record.prefix"], ["region", "record.region"],
  ["access_key", "record.accessKey"], ["secret_key", "record.secretKey"],
];
const mayLack = ["prefix", "region", "access_key", "secret_key"];

// Start asks where to record. Who may not configure records where the server is told to.
function Start({ path, then }: { path: string; then: (act: () => Promise<unknown>) => () => Promise<void> }) {
  const where = useSignal<"as configured" | "dir" | "s3">("as configured");
  const dir = useSignal("recordings");
  const s3 = useSignal<Record<string, string>>({});
  const keep = useSignal(false);
  const probed = useSignal<Probed | null>(null);
  const store = () => (where.value === "dir" ? { dir: dir.value } : { s3: Object.fromEntries(Object.entries(s3.value).filter(([, text]) => text)) });
  const set = (s: Signal<string>, text: string) => ((s.value = text), (probed.value = null));
  const start = () => create(ofStream(path, "/recordings"), where.value === "as configured" ? {} : { with: { store: store() }, persistent: keep.value });
  const probe = async () => (probed.value = await send<Probed>("POST", "/stores/probe", { store: store() }));
  const choices: [typeof where.value, Key][] = [["as configured", "record.store.default"], ["dir", "record.store.dir"], ["s3", "record.store.s3"]];
  return (
    <form onSubmit={(e) => e.preventDefault()} autocomplete="off">
      {may("configure") && (
        <fieldset class="choices">
          <legend>{t("record.store")}</legend>
          {choices.map(([value, title]) => (
            <label key={value} class="choice">
              <input type="radio" name="store" value={value} checked={where.value === value} onChange={() => ((where.value = value), (probed.value = null))} /> {t(title)}
            </label>
          ))}
        </fieldset>
      )}
      {where.value === "dir" && <Field label={t("record.dir")} help={t("record.dir.help")}>{(c) => <input {...c} value={dir.value} onInput={(e) => set(dir, e.currentTarget.value)} />}</Field>}
      {where.value === "s3" && (
        <div class="two">
          {fields.map(([name, label]) => (
            <Field key={name} label={mayLack.includes(name) ? `${t(label)} (${t("record.mayLack")})` : t(label)}>
              {(c) => <input {...c} type={name === "secret_key" ? "password" : "text"} autocomplete="off" spellcheck={false} value={s3.value[name] ?? ""}
                onInput={(e) => ((s3.value = { ...s3.value, [name]: e.currentTarget.value.trim() }), (probed.value = null))} />}
            </Field>
          ))}
        </div>
      )}
      {where.value !== "as configured" && (
        <label class="choice"><input type="checkbox" checked={keep.value} onChange={(e) => (keep.value = e.currentTarget.checked)} /> {t("record.persistent")}</label>
      )}
      <p class="row">
        <Act class="primary" disabled={!may("operate")} act={then(start)}>{t("record.start")}</Act>
        {where.value !== "as configured" && <Act act={probe}>{t("record.probe")}</Act>}
      </p>
      {probed.value && (
        <ul class="findings" role="status" aria-label={t("record.probe")}>
          {probed.value.steps.map((step) => (
            <li key={step.what} class={step.ok ? "ok" : "error"}>
              <Badge kind={step.ok ? "ok" : "error"}>{step.what}</Badge> {step.message && <span>{step.message}</span>}
            </li>
          ))}
        </ul>
      )}
    </form>
  );
}
