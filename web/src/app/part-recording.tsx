// Recording of one stream.
import { useEffect } from "preact/hooks";
import { create, list, ofStream, type Recording, seg, send } from "./api";
import { refresh } from "./live";
import { Act, Failure, State, useAsked, useEvery } from "./parts";
import { lazy } from "./lazy";
import { may } from "./session";
import { t } from "./words";

const Shelf = lazy(async () => (await import("./recordings")).Shelf);

export function PartRecording({ path, recording }: { path: string; recording: boolean }) {
  const { value, error, again } = useAsked(() => list<Recording>(`/recordings?stream=${seg(path)}`), [path]);
  useEvery(3000, () => void again(), [path]);
  useEffect(() => void again(), [recording]);
  const act = (rest: string) => async () => {
    if (rest) await send("POST", ofStream(path, `/recordings${rest}`));
    else await create(ofStream(path, "/recordings"), {});
    await Promise.all([refresh(), again()]);
  };
  return (
    <>
      <section class="card">
        <p>{recording ? <State of="recording" /> : <State of="stopped" />} {recording ? t("record.on") : t("record.off")}</p>
        <p class="row">
          {recording
            ? <Act disabled={!may("operate")} act={act("/stop")}>{t("record.stop")}</Act>
            : <Act class="primary" disabled={!may("operate")} act={act("")}>{t("record.start")}</Act>}
        </p>
      </section>
      <h2>{t("record.of")}</h2>
      {error ? <Failure error={error} retry={() => void again()} /> : value && <Shelf all={value} again={again} />}
    </>
  );
}
