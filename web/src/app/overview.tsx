// The overview: a tile for each stream. A tile that is not near what is seen has its name
// only, and each changes by itself.
import { computed, type Signal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Stream } from "./api";
import { bitrate } from "./format";
import { loaded, refresh, streams, totals } from "./live";
import { Field, State, useEvery, useGrowing, Verdict } from "./parts";
import { PublishHere } from "./publish-here";
import { link } from "./route";
import { server } from "./session";
import { draw, every } from "./still";
import { count, t } from "./words";

const seen = new WeakMap<Element, (near: boolean) => void>();
const moved = new Map<Element, boolean>(); // tiles that came near or left, and are not told yet
const atOnce = 3; // tiles that are filled in one frame

const near = new IntersectionObserver((entries) => {
  if (moved.size === 0) requestAnimationFrame(tell);
  for (const each of entries) moved.set(each.target, each.isIntersecting);
}, { rootMargin: "200px" });

function tell(): void {
  for (const [element, is] of [...moved].slice(0, atOnce)) {
    moved.delete(element);
    seen.get(element)?.(is);
  }
  if (moved.size > 0) requestAnimationFrame(tell);
}

function Tile({ path, of }: { path: string; of: Signal<Stream> }) {
  const place = useRef<HTMLLIElement>(null);
  const shown = useSignal(false);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    seen.set(element, (now) => (shown.value = now));
    near.observe(element);
    return () => near.unobserve(element);
  }, []);
  return (
    <li class="tile" ref={place}>
      <a href={link("streams", path)}>{path}</a>
      {shown.value && <Inside path={path} of={of} />}
    </li>
  );
}

function Inside({ path, of }: { path: string; of: Signal<Stream> }) {
  const verdict = useComputed(() => of.value.verdict);
  const state = useComputed(() => of.value.state);
  const recording = useComputed(() => of.value.recording);
  const still = useComputed(() => of.value.has_still);
  const viewers = useComputed(() => count("overview.viewers", of.value.viewers));
  const rate = useComputed(() => bitrate(of.value.bitrate));
  const summary = useComputed(() => of.value.summary);
  return (
    <>
      <Thumbnail path={path} has={still.value} />
      <p class="badges">
        <Verdict of={verdict.value} />
        {state.value !== "running" && <State of={state.value} />}
        {recording.value && <State of="recording" />}
      </p>
      <p class="figures"><span>{viewers}</span> <span>{rate}</span></p>
      <p class="summary">{summary}</p>
    </>
  );
}

const rest = 250; // ms that a tile is there before its picture is asked for: what is scrolled past has none

export function Thumbnail({ path, has }: { path: string; has: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const there = useSignal(false);
  useEffect(() => {
    if (!has) return;
    const stop = new AbortController();
    let busy = false;
    const refresh = async () => {
      if (busy || document.visibilityState !== "visible" || !canvas.current) return;
      busy = true;
      try {
        there.value = await draw(path, canvas.current, stop.signal);
      } catch {
        // the picture before stays
      }
      busy = false;
    };
    let timer: ReturnType<typeof setInterval> | undefined;
    const soon = setTimeout(() => {
      void refresh();
      timer = setInterval(() => void refresh(), every);
    }, rest);
    return () => {
      clearTimeout(soon);
      clearInterval(timer);
      stop.abort();
    };
  }, [path, has]);
  return (
    <div class="thumbnail">
      <canvas ref={canvas} hidden={!there.value} aria-hidden="true" width={320} height={180} />
      {!there.value && <span>{t("overview.nopicture")}</span>}
    </div>
  );
}

const reread = 10000; // ms
const perFrame = 30; // tiles that are put in at once
const many = 12; // from which on there is a field to find one

export function Overview() {
  const filter = useSignal("");
  const shown = useComputed(() => [...streams.value].filter(([path]) => path.includes(filter.value.trim())));
  const sum = useComputed(() => count("overview.count", streams.value.size, { viewers: totals.value.viewers, bitrate: bitrate(totals.value.bitrate) }));
  useEvery(reread, () => void refresh().catch(() => undefined)); // not all is told by events
  const drawn = useGrowing(shown.value.length, perFrame);
  const none = computed(() => loaded.value && streams.value.size === 0);
  return (
    <>
      <div class="heading">
        <h1>{t("overview.title")}</h1>
        {!none.value && <p class="faint">{sum}</p>}
      </div>
      {server.value?.setup_needed && <p class="notice">{t("setup.needed")} <a href="/setup">{t("setup.title")}</a></p>}
      {none.value && <p class="empty">{t("overview.empty")}</p>}
      {loaded.value && <PublishHere key={String(none.value)} open={none.value} />}
      {streams.value.size >= many && (
        <Field label={t("overview.filter")}>{(c) => <input {...c} type="search" value={filter.value} onInput={(e) => (filter.value = e.currentTarget.value)} />}</Field>
      )}
      {shown.value.length === 0 && !none.value && loaded.value && <p class="empty">{t("overview.noneFound")}</p>}
      <ul class="tiles" aria-label={t("overview.streams")}>
        {shown.value.slice(0, drawn).map(([path, of]) => <Tile key={path} path={path} of={of} />)}
      </ul>
    </>
  );
}
