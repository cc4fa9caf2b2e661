// What the server tells as it happens: one connection for the whole page, whose topics
// are those that its parts want. A page that nobody sees has none: of the six that a browser
// opens to a server (over HTTP/1.1), those in the background would keep all.
import { batch, computed, effect, type Signal, signal } from "@preact/signals";
import { type Happening, list, root, seg, type Stream } from "./api";
import { inSlices } from "./slices";
import { follow, type Message } from "./sse";
import { delay } from "../delay";

export type Connection = "connecting" | "open" | "lost";

export const connection = signal<Connection>("connecting");

// streams are those that run. The map changes when one comes or goes, and each entry when
// something about it does.
export const streams = signal<ReadonlyMap<string, Signal<Stream>>>(new Map());
export const loaded = signal(false); // streams are known
export const totals = signal({ viewers: 0, bitrate: 0 });

// events are the newest ones, at most mostEvents, newest first.
export const events = signal<readonly Happening[]>([]);
const mostEvents = 500;

// said is what a screen reader tells next.
export const said = signal("");
export function say(text: string): void {
  said.value = text;
}

const always = ["stats", "streams", "stream.*", "output.*", "recording.*", "config.*", "session.*"];
const wanted = signal<readonly string[]>([]);
const topics = computed(() => [...always, ...wanted.value].join(","));

type Listener = (event: Happening) => void;
const listeners = new Map<string, Set<Listener>>();

// listen hears the events of a topic, "graph:live/studio", or of a type, until the
// function that it gives is called.
export function listen(topic: string, heard: Listener): () => void {
  const those = listeners.get(topic) ?? new Set();
  listeners.set(topic, those.add(heard));
  if (topic.includes(":")) wanted.value = [...wanted.value, topic];
  return () => {
    those.delete(heard);
    if (topic.includes(":")) {
      const at = wanted.value.indexOf(topic);
      wanted.value = wanted.value.filter((_, i) => i !== at);
    }
  };
}

function merge(now: Stream): void {
  const entry = streams.value.get(now.path);
  if (!entry) return;
  const before = entry.peek();
  const all = now as unknown as Record<string, unknown>;
  const old = before as unknown as Record<string, unknown>;
  if (Object.keys(all).some((key) => all[key] !== old[key] && JSON.stringify(all[key]) !== JSON.stringify(old[key]))) {
    entry.value = { ...before, ...now };
  }
}

function addUp(): void {
  let viewers = 0;
  let bitrate = 0;
  for (const each of streams.peek().values()) {
    viewers += each.peek().viewers;
    bitrate += each.peek().bitrate;
  }
  const before = totals.peek();
  if (before.viewers !== viewers || before.bitrate !== bitrate) totals.value = { viewers, bitrate };
}

// refresh reads the list of streams.
export async function refresh(): Promise<void> {
  const all = await list<Stream>("/streams");
  all.sort((a, b) => (a.path < b.path ? -1 : 1));
  const before = streams.peek();
  const same = all.length === before.size && all.every((each) => before.has(each.path));
  batch(() => {
    if (!same) streams.value = new Map(all.map((each) => [each.path, before.get(each.path) ?? signal(each)]));
    loaded.value = true;
  });
  await inSlices(all, merge);
  addUp();
}

let due: ReturnType<typeof setTimeout> | undefined;
const shortly = 300; // ms, in which what happens at once is read once

function refreshSoon(): void {
  due ??= setTimeout(() => {
    due = undefined;
    refresh().catch(() => undefined);
  }, shortly);
}

function hear(message: Message): void {
  let event: Happening;
  try {
    const body = JSON.parse(message.data);
    event = body && typeof body === "object" && "type" in body ? body : { id: message.id, type: message.event, timestamp: "", data: body };
  } catch {
    return;
  }
  const topic = event.type === "graph" && event.stream ? `graph:${event.stream}` : event.type;
  listeners.get(topic)?.forEach((heard) => heard(event));
  if (topic === "stats" || topic === "streams") return news(event.data, topic === "stats");
  if (topic.startsWith("graph")) return;
  if (/^(stream|output|recording)/.test(topic)) refreshSoon();
  events.value = [event, ...events.value.filter((each) => each.id !== event.id)].slice(0, mostEvents);
  if (/^(stream\.(start|end|publish)|output\.(fail|recover)|recording\.)/.test(topic)) say(`${event.type} ${event.stream ?? ""}`);
}

// news is what has changed of streams: of their figures, or of all else, where the figures
// are left out as 0.
function news(data: unknown, figures: boolean): void {
  const { streams: now, gone } = (data ?? {}) as { streams?: Stream[]; gone?: string[] };
  const known = streams.peek();
  if (gone?.length || now?.some((each) => !known.has(each.path))) refreshSoon();
  if (!now) return;
  const told = figures ? now : now.map(({ viewers: _, bitrate: __, ...rest }) => rest as Stream);
  void inSlices(told, merge).then(addUp);
}

const firstPause = 500; // ms
const lastPause = 8000; // ms

// shown waits until the page is seen.
function shown(stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const look = () => {
      if (document.visibilityState !== "visible" && !stop.aborted) return;
      over.abort();
      resolve();
    };
    document.addEventListener("visibilitychange", look, { signal: over.signal });
    stop.addEventListener("abort", look, { signal: over.signal });
    look();
  });
}

// run keeps the connection up while the page is seen, until it is stopped.
export async function run(stop: AbortSignal): Promise<void> {
  let last = "";
  let pause = firstPause;
  for (;;) {
    await shown(stop);
    if (stop.aborted) return;
    const turn = new AbortController();
    const end = () => turn.abort();
    const hide = () => document.visibilityState !== "visible" && end();
    stop.addEventListener("abort", end);
    document.addEventListener("visibilitychange", hide);
    const now = topics.peek();
    const dispose = effect(() => {
      if (topics.value !== now) turn.abort();
    });
    const opened = () => {
      connection.value = "open";
      pause = firstPause;
      refreshSoon();
    };
    try {
      last = await follow(`${root}/events?topics=${now.split(",").map(seg).join(",")}`, last, turn.signal, opened, (m) => {
        last = m.id || last;
        hear(m);
      });
    } catch {
      // the same as an end
    }
    dispose();
    stop.removeEventListener("abort", end);
    document.removeEventListener("visibilitychange", hide);
    if (turn.signal.aborted) continue; // for other topics, or hidden
    connection.value = "lost";
    refresh().catch(() => undefined);
    await delay(pause, stop);
    pause = Math.min(pause * 2, lastPause);
  }
}
