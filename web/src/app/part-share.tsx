// Links to a stream for others.
import { useSignal } from "@preact/signals";
import { ofStream, send } from "./api";
import { moment } from "./format";
import { Act, Copy, Field } from "./parts";
import { may } from "./session";
import { t } from "./words";

interface Link { url: string; expires_at: string; embed_html?: string }

const spans = [["3600", "share.hour"], ["86400", "share.day"], ["604800", "share.week"]] as const;

export function embed(url: string): string {
  return `<iframe src="${url}?embed=1" width="640" height="360" allow="autoplay; fullscreen" allowfullscreen></iframe>`;
}

export function PartShare({ path }: { path: string }) {
  const watch = `${location.origin}/${path.split("/").map(encodeURIComponent).join("/")}`;
  const span = useSignal<string>(spans[1][0]);
  const made = useSignal<Link | null>(null);
  const make = async () => {
    made.value = await send<Link>("POST", ofStream(path, "/links"), { expires_seconds: Number(span.value), kind: "watch" });
  };
  return (
    <div class="columns">
      <section class="card">
        <Copy label={t("share.watch")} text={watch} />
        <p><a href={watch} target="_blank" rel="noopener">{watch}</a></p>
        <Copy label={t("share.embed")} text={embed(watch)} />
      </section>
      <section class="card">
        <h2>{t("share.signed")}</h2>
        <p class="help">{t("share.signed.help")}</p>
        <Field label={t("share.expires")}>
          {(c) => <select {...c} value={span.value} onChange={(e) => (span.value = e.currentTarget.value)}>{spans.map(([value, key]) => <option key={value} value={value}>{t(key)}</option>)}</select>}
        </Field>
        <Act class="primary" disabled={!may("operate")} act={make}>{t("share.make")}</Act>
        {made.value && (
          <>
            <Copy label={t("share.signed")} text={new URL(made.value.url, location.href).href} />
            {made.value.embed_html && <Copy label={t("share.embed")} text={made.value.embed_html} />}
            <p>{t("share.until", { time: moment(made.value.expires_at) })}</p>
          </>
        )}
      </section>
    </div>
  );
}
