// The page of one stream.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, ofStream, Problem, send, type Stream } from "./api";
import { bitrate, since } from "./format";
import { loaded, streams } from "./live";
import { Act, Findings, State, Tabs, useEvery, Verdict } from "./parts";
import { PartGraph } from "./part-graph";
import { PartRecording } from "./part-recording";
import { PartSessions } from "./part-sessions";
import { PartShare } from "./part-share";
import { PartTargets } from "./part-targets";
import { lazy } from "./lazy";
import { go } from "./route";
import { may } from "./session";
import { t } from "./words";

const Player = lazy(async () => (await import("./part-player")).Player);
const PartMixer = lazy(async () => (await import("./part-mixer")).PartMixer);

const parts = ["watch", "graph", "targets", "recording", "sessions", "share", "mixer"] as const;
type Part = (typeof parts)[number];

export function StreamPage({ path, part }: { path: string; part: string }) {
  const now = parts.find((each) => each === part) ?? "watch";
  const entry = streams.value.get(path);
  const alone = useSignal<Stream | null>(null); // before the list is there
  useEffect(() => {
    if (!entry) get<Stream>(ofStream(path)).then((s) => (alone.value = s), () => (alone.value = null));
  }, [path, entry]);
  const stream = entry?.value ?? alone.value;
  const tabs = parts.map((id) => ({ id, title: t(`stream.${id}`) }));
  return (
    <>
      <div class="heading">
        <h1>{path}</h1>
        {stream && <Verdict of={stream.verdict} />}
        {stream && <State of={stream.state} />}
        {stream?.recording && <State of="recording" />}
      </div>
      {!stream && loaded.value && <p class="notice" role="status">{t("stream.gone")}</p>}
      <Tabs label={t("stream.tabs")} all={tabs} now={now} choose={(id) => go("streams", path, id)} />
      <div id="panel" role="tabpanel" aria-labelledby={`tab-${now}`} tabIndex={0}>
        <Shown path={path} part={now} stream={stream} />
      </div>
    </>
  );
}

function Shown({ path, part, stream }: { path: string; part: Part; stream: Stream | null }) {
  switch (part) {
    case "watch": return <Watch path={path} stream={stream} />;
    case "graph": return <PartGraph path={path} />;
    case "targets": return <PartTargets path={path} stream={stream} />;
    case "recording": return <PartRecording path={path} recording={stream?.recording ?? false} />;
    case "sessions": return <PartSessions path={path} />;
    case "share": return <PartShare path={path} />;
    case "mixer": return <PartMixer path={path} />;
  }
}

function Watch({ path, stream }: { path: string; stream: Stream | null }) {
  const second = useSignal(0);
  useEvery(1000, () => second.value++);
  const running = useComputed(() => (void second.value, since(stream?.since)));
  return (
    <div class="columns">
      <Player path={path} />
      {stream && (
        <section class="card" aria-labelledby="statistics">
          <h2 id="statistics">{t("stream.statistics")}</h2>
          <dl>
            <div><dt>{t("stream.viewers")}</dt><dd>{stream.viewers}</dd></div>
            <div><dt>{t("stream.bitrate")}</dt><dd>{bitrate(stream.bitrate)}</dd></div>
            <div><dt>{t("stream.media")}</dt><dd>{stream.summary || t("app.none")}</dd></div>
            <div><dt>{t("stream.since")}</dt><dd>{running}</dd></div>
            <div><dt>{t("stream.pipeline")}</dt><dd>{stream.pipeline}</dd></div>
          </dl>
          <h2>{t("stream.findings")}</h2>
          {stream.findings.length > 0 ? <Findings of={stream.findings} /> : <p>✓ {t("stream.findings.none")}</p>}
          <p class="row">
            <Export />
            <Act class="danger" disabled={!may("operate")} sure={t("stream.end.sure", { path })} act={async () => (await send("DELETE", ofStream(path)), go("overview"))}>{t("stream.end")}</Act>
          </p>
        </section>
      )}
    </div>
  );
}

// Export saves the configuration together with what was added at run time.
function Export() {
  const save = async () => {
    const { yaml } = await get<{ yaml: string }>("/config/export");
    if (typeof yaml !== "string") throw new Problem(0, "unreadable", t("error.title"));
    const url = URL.createObjectURL(new Blob([yaml], { type: "application/yaml" }));
    Object.assign(document.createElement("a"), { href: url, download: "weir.yaml" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  };
  return <Act act={save}>{t("stream.export")}</Act>;
}
