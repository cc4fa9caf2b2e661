// Where to send a stream.
import { useSignal } from "@preact/signals";
import { list, type Pipeline } from "./api";
import { Copy, Failure, Field, useAsked } from "./parts";
import { doors } from "./publishing";
import { server } from "./session";
import { t } from "./words";

export function PublishHere({ open }: { open: boolean }) {
  const name = useSignal("studio");
  const { value: pipelines, error, again } = useAsked(() => list<Pipeline>("/pipelines"), []);
  if (error) return <Failure error={error} retry={() => void again()} />;
  const all = doors(pipelines ?? [], server.value?.addresses ?? [], location, name.value || "studio");
  return (
    <details class="card publish" open={open}>
      <summary><h2>{t("publish.title")}</h2></summary>
      {pipelines && all.length === 0 && <p>{t("publish.none")}</p>}
      {all.some((d) => d.pipeline.includes("{")) && (
        <Field label={t("publish.name")}>
          {(c) => <input {...c} value={name.value} pattern="[A-Za-z0-9_.\-]+" onInput={(e) => (name.value = e.currentTarget.value)} />}
        </Field>
      )}
      <div class="doors">
        {all.map((door) => (
          <section key={door.pipeline} aria-label={door.pipeline}>
            <h3>{door.pipeline}</h3>
            {door.rtmp && <Copy label={t("publish.rtmp")} text={door.rtmp} />}
            {door.whip && <Copy label={t("publish.whip")} text={door.whip} />}
            {door.browser && <p><a href={door.browser}>{t("publish.browser")}</a></p>}
          </section>
        ))}
      </div>
    </details>
  );
}
