// Recordings: a list, when they were, and their player.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { list, type Recording, root, seg, send } from "./api";
import { bytes, clock, moment } from "./format";
import { Act, Failure, Field, State, Table, useAsked, useEvery } from "./parts";
import { go } from "./route";
import { may } from "./session";
import { known, t } from "./words";

export function Recordings({ stream }: { stream: string }) {
  const { value, error, again } = useAsked(() => list<Recording>(`/recordings${stream ? `?stream=${seg(stream)}` : ""}`), [stream]);
  useEvery(5000, () => void again(), [stream]);
  const streams = [...new Set([...(value ?? []).map((r) => r.stream), ...(stream ? [stream] : [])])].sort();
  return (
    <>
      <div class="heading"><h1>{t("recordings.title")}</h1></div>
      <Field label={t("recordings.filter")}>
        {(c) => (
          <select {...c} value={stream} onChange={(e) => go("recordings", ...(e.currentTarget.value ? [e.currentTarget.value] : []))}>
            <option value="">{t("recordings.all")}</option>
            {streams.map((name) => <option key={name} value={name}>{name}</option>)}
          </select>
        )}
      </Field>
      {error && !value ? <Failure error={error} retry={() => void again()} /> : value && <Shelf all={value} again={again} />}
    </>
  );
}

// Shelf shows recordings and plays one of them.
export function Shelf({ all, again }: { all: Recording[]; again: () => Promise<void> }) {
  const playing = useSignal("");
  const shown = all.find((r) => r.id === playing.value);
  const remove = async (id: string) => {
    await send("DELETE", `/recordings/${seg(id)}`);
    await again();
  };
  const media = (id: string, file: string) => `${root}/recordings/${seg(id)}/${file}`;
  return (
    <>
      {shown && <Film key={shown.id} of={shown} />}
      {all.length > 0 && <Timeline all={all} play={(id) => (playing.value = id)} />}
      <Table caption={t("recordings.list")} empty={t("recordings.none")}
        columns={[t("recordings.stream"), t("recordings.started"), t("recordings.length"), t("recordings.size"), t("recordings.state"), t("recordings.store"), t("app.actions")]}
        rows={all.map((r) => ({
          key: r.id,
          cells: [
            r.stream, moment(r.started_at), clock(r.seconds), bytes(r.bytes), <State of={r.state} />, r.store,
            <span class="row">
              <button type="button" onClick={() => (playing.value = r.id)} aria-label={`${t("recordings.play")}: ${r.stream}, ${moment(r.started_at)}`}>{t("recordings.play")}</button>
              {r.export?.state === "complete" && <a href={r.export.url || media(r.id, "export.mp4")} download>{t("recordings.download")}</a>}
              {r.export && r.export.state !== "complete" && <span>{t("recordings.exporting", { state: known("state", r.export.state) })}</span>}
              {!r.export && r.state === "complete" && <Act disabled={!may("operate")} act={async () => (await send("POST", `/recordings/${seg(r.id)}/export`), await again())}>{t("recordings.export")}</Act>}
              {r.state !== "recording" && <Act class="danger" disabled={!may("operate")} sure={t("recordings.delete.sure", { stream: r.stream, time: moment(r.started_at) })} act={() => remove(r.id)}>{t("app.delete")}</Act>}
            </span>,
          ],
        }))} />
    </>
  );
}

const lane = { height: 18, left: 4, width: 1000, most: 12 };

// Timeline shows when each stream was recorded. It repeats the table, and so is a picture.
function Timeline({ all, play }: { all: Recording[]; play: (id: string) => void }) {
  const names = [...new Set(all.map((r) => r.stream))].slice(0, lane.most);
  const begin = (r: Recording) => Date.parse(r.started_at) / 1000;
  const from = Math.min(...all.map(begin));
  const to = Math.max(...all.map((r) => begin(r) + r.seconds), from + 60);
  const x = (at: number) => lane.left + ((at - from) / (to - from)) * (lane.width - 2 * lane.left);
  const height = names.length * (lane.height + 16) + 18;
  return (
    <svg class="timeline" role="img" aria-label={t("recordings.timeline")} viewBox={`0 0 ${lane.width} ${height}`}>
      {names.map((name, row) => (
        <g key={name} transform={`translate(0 ${row * (lane.height + 16)})`}>
          <text x={lane.left} y="11">{name}</text>
          <line x1="0" x2={lane.width} y1={14 + lane.height} y2={14 + lane.height} />
          {all.filter((r) => r.stream === name).map((r) => (
            <rect key={r.id} class={r.state} x={x(begin(r))} y="14" height={lane.height} width={Math.max(3, x(begin(r) + r.seconds) - x(begin(r)))} onClick={() => play(r.id)}>
              <title>{`${moment(r.started_at)}, ${clock(r.seconds)}`}</title>
            </rect>
          ))}
        </g>
      ))}
      <text x={lane.left} y={height - 4}>{moment(new Date(from * 1000).toISOString())}</text>
      <text x={lane.width - lane.left} y={height - 4} text-anchor="end">{moment(new Date(to * 1000).toISOString())}</text>
    </svg>
  );
}

// Film plays a recording: hls.js is loaded for the first one.
function Film({ of }: { of: Recording }) {
  const video = useRef<HTMLVideoElement>(null);
  const wrong = useSignal("");
  useEffect(() => {
    const element = video.current;
    if (!element) return;
    let end = () => {};
    let gone = false;
    const url = `${root}/recordings/${seg(of.id)}/media/index.m3u8`;
    import("./film").then(({ play }) => {
      if (!gone) end = play(element, url, (why) => (wrong.value = why));
    }, (error) => (wrong.value = String(error)));
    element.focus();
    return () => {
      gone = true;
      end();
    };
  }, [of.id]);
  return (
    <section class="card" aria-label={t("recordings.player")}>
      <h2>{t("recordings.playing", { stream: of.stream, time: moment(of.started_at) })}</h2>
      {wrong.value && <p class="wrong" role="alert">✗ {t("recordings.broken", { why: wrong.value })}</p>}
      <video ref={video} class="film" controls playsInline tabIndex={0} aria-label={t("recordings.playing", { stream: of.stream, time: moment(of.started_at) })} />
    </section>
  );
}
