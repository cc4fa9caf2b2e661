// Mixers of a stream while they run: layout, sound, and where pictures are.
import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { get, type Graph, type GraphNode, ofStream, seg, send } from "./api";
import { Act, Badge, Failure, Field, useAsked, useEvery } from "./parts";
import { type Box, change, dragged, pressed } from "./scene";
import { may } from "./session";
import { known, t } from "./words";

const use = "transcode/mixer";
const layouts = ["auto", "grid", "speaker", "side_by_side", "picture_in_picture"];

interface Participant { name: string; state: string; gain?: number; mute?: boolean; label?: string }
interface Scene { boxes: Box[]; background?: string; picture?: string }
interface Status { layout: string; speaker?: string; participants: Participant[]; layouts?: string[]; scenes?: Record<string, Scene>; size?: string }

export function PartMixer({ path }: { path: string }) {
  const { value, error, again } = useAsked(() => get<Graph>(ofStream(path, "/graph")), [path]);
  useEvery(2000, () => void again(), [path]);
  if (error && !value) return <Failure error={error} retry={() => void again()} />;
  if (!value) return <p role="status">{t("app.loading")}</p>;
  const mixers = value.nodes.filter((n) => n.use === use);
  if (mixers.length === 0) return <p class="empty">{t("mixer.none")}</p>;
  return <>{mixers.map((node) => <Mixer key={node.name} path={path} node={node} again={again} />)}</>;
}

function Mixer({ path, node, again }: { path: string; node: GraphNode; again: () => Promise<void> }) {
  const status = (node.detail ?? { layout: "", participants: [] }) as Status;
  const fade = useSignal(0.3);
  const tell = async (body: unknown) => {
    await send("POST", ofStream(path, `/stages/${seg(node.name)}/control`), body);
    await again();
  };
  const all = [...new Set([...(status.layouts ?? layouts), ...Object.keys(status.scenes ?? {}), status.layout].filter(Boolean))];
  return (
    <section aria-label={node.name}>
      <h2>{node.name}</h2>
      <div class="columns">
        <div>
          <fieldset class="choices">
            <legend>{t("mixer.layout")}</legend>
            {all.map((name) => <Act key={name} disabled={!may("operate")} class={name === status.layout ? "primary" : ""} act={() => tell({ layout: name, fade_seconds: fade.value })}>{name === status.layout ? `✓ ${name}` : name}</Act>)}
          </fieldset>
          <Field label={t("mixer.fade")}>{(c) => <input {...c} type="number" min="0" max="5" step="0.1" value={fade.value} onInput={(e) => (fade.value = e.currentTarget.valueAsNumber || 0)} />}</Field>
          <Canvas status={status} tell={tell} />
        </div>
        <div class="card">
          <h3>{t("mixer.participants")}</h3>
          {status.speaker && <p role="status">{t("mixer.speaker", { name: status.speaker })}</p>}
          <ul class="plain">{status.participants.map((p) => <Strip key={p.name} of={p} tell={tell} />)}</ul>
        </div>
      </div>
    </section>
  );
}

// Strip is what can be done with one input. A participant "call/anna" is of the input "call".
function Strip({ of, tell }: { of: Participant; tell: (body: unknown) => Promise<void> }) {
  const input = of.name.split("/")[0] ?? of.name;
  const wrong = useSignal("");
  const gain = useSignal(of.gain ?? 0);
  const turning = useRef(false);
  if (!turning.current && gain.peek() !== (of.gain ?? 0)) gain.value = of.gain ?? 0;
  const set = (what: object) => tell({ inputs: { [input]: what } }).then(() => (wrong.value = ""), (error) => (wrong.value = String(error.message ?? error)));
  return (
    <li class="participant">
      <span><strong>{of.name}</strong> <Badge kind={of.state === "shown" ? "running" : of.state}>{known("mixer", of.state)}</Badge></span>
      <button type="button" aria-pressed={!!of.mute} aria-label={`${t("mixer.mute")}: ${of.name}`} disabled={!may("operate")} onClick={() => void set({ mute: !of.mute })}>{t("mixer.mute")}</button>
      <Field label={`${t("mixer.gain")}: ${gain.value}`}>
        {(c) => <input {...c} type="range" min="-60" max="18" step="1" value={gain.value} disabled={!may("operate")}
          onInput={(e) => ((turning.current = true), (gain.value = e.currentTarget.valueAsNumber))}
          onChange={(e) => void set({ gain: e.currentTarget.valueAsNumber }).then(() => (turning.current = false))} />}
      </Field>
      {wrong.value && <p class="wrong" role="alert">✗ {wrong.value}</p>}
    </li>
  );
}

// Canvas has the boxes of a scene, to be moved.
function Canvas({ status, tell }: { status: Status; tell: (body: unknown) => Promise<void> }) {
  const names = Object.keys(status.scenes ?? {});
  const name = useSignal(names.includes(status.layout) ? status.layout : (names[0] ?? ""));
  const boxes = useSignal<Box[]>([]);
  useEffect(() => {
    boxes.value = structuredClone(status.scenes?.[name.value]?.boxes ?? []);
  }, [name.value]);
  const scene = status.scenes?.[name.value];
  if (!scene) return <p class="help">{t("mixer.noscenes")}</p>;
  return (
    <>
      <h3>{t("mixer.canvas")}</h3>
      <Field label={t("mixer.scene")}>{(c) => <select {...c} value={name.value} onChange={(e) => (name.value = e.currentTarget.value)}>{names.map((each) => <option key={each} value={each}>{each}</option>)}</select>}</Field>
      <p class="help" id="mixer-help">{t("mixer.canvas.help")}</p>
      <div class="mixer">
        {boxes.value.map((_, i) => <Handle key={i} at={i} boxes={boxes} />)}
      </div>
      <p><Act class="primary" disabled={!may("operate")} act={() => tell({ layout: name.value, scenes: { [name.value]: { boxes: boxes.value } } })}>{t("mixer.apply")}</Act></p>
    </>
  );
}

function Handle({ at, boxes }: { at: number; boxes: Signal<Box[]> }) {
  const from = useRef<{ x: number; y: number; box: Box; size: boolean } | null>(null);
  const box = boxes.value[at] as Box;
  const put = (now: Box) => (boxes.value = change(boxes.value, at, now));
  const down = (event: JSX.TargetedPointerEvent<HTMLButtonElement>) => {
    const rect = event.currentTarget.getBoundingClientRect();
    event.currentTarget.setPointerCapture(event.pointerId);
    from.current = { x: event.clientX, y: event.clientY, box, size: rect.right - event.clientX < 20 && rect.bottom - event.clientY < 20 };
  };
  const move = (event: JSX.TargetedPointerEvent<HTMLButtonElement>) => {
    const canvas = event.currentTarget.parentElement?.getBoundingClientRect();
    if (!from.current || !canvas) return;
    const { x, y, box: begun, size } = from.current;
    put(dragged(begun, ((event.clientX - x) * 100) / canvas.width, ((event.clientY - y) * 100) / canvas.height, size));
  };
  const press = (event: JSX.TargetedKeyboardEvent<HTMLButtonElement>) => {
    const now = pressed(box, event.key, event.shiftKey);
    if (!now) return;
    event.preventDefault();
    put(now);
  };
  const who = box.speaker ? t("mixer.who") : box.input || t("mixer.next");
  const round = (n: number) => Math.round(n * 10) / 10;
  return (
    <button type="button" style={{ left: `${box.x}%`, top: `${box.y}%`, width: `${box.width}%`, height: `${box.height}%`, zIndex: String((box.z ?? 0) + 1001) }}
      aria-describedby="mixer-help" aria-label={t("mixer.box", { input: who, x: round(box.x), y: round(box.y), width: round(box.width), height: round(box.height) })}
      onPointerDown={down} onPointerMove={move} onPointerUp={() => (from.current = null)} onPointerCancel={() => (from.current = null)} onKeyDown={press}>
      {who}
    </button>
  );
}
