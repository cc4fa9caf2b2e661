// The publish page of one stream: camera, screen or a test pattern goes out by WHIP.
import { Broadcast, type Standing } from "./broadcast";
import { codecName } from "./codec";
import { percent, rate } from "./figures";
import { devices, type Kind, Level, open, type Source, type Wish } from "./sources";
import { type Sent, videoCodecs } from "./whip";

declare global {
  interface Window {
    studio?: { standing: () => Standing; sent: () => Sent | null };
  }
}

function element<E extends HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element ${id}`);
  return found as E;
}

const base = location.pathname.replace(/\/publish$/, "");
const path = decodeURIComponent(base).replace(/^\//, "");
const storage = `weir-key:${path}`;
const preview = element<HTMLVideoElement>("preview");
const form = element<HTMLFormElement>("settings");
const go = element<HTMLButtonElement>("go");
const key = element<HTMLInputElement>("key");
const status = element("status");
const mute = element<HTMLButtonElement>("mute");
const choice = (id: string) => element<HTMLSelectElement>(id).value;

let source: Source | null = null;
let level: Level | null = null;
let live: { broadcast: Broadcast; stop: AbortController; standing: Standing } | null = null;
let sent: Sent | null = null;

function wish(): Wish {
  const [width = 1280, height = 720] = choice("size").split("x").map(Number);
  const kind = new FormData(form).get("kind") as Kind;
  return { kind, camera: choice("camera"), microphone: choice("microphone"), width, height };
}

// show opens the source that is wished for and, if there is a broadcast, goes on
// with it. It says whether that worked.
async function show(): Promise<boolean> {
  try {
    const next = await open(wish());
    for (const track of next.stream.getTracks()) {
      await live?.broadcast.whip?.replace(track);
      track.addEventListener("ended", () => {
        if (source === next) say(`The ${track.kind === "video" ? "picture" : "sound"}'s source has ended.`);
      });
    }
    close();
    source = next;
    level = new Level(next.stream);
    preview.srcObject = next.stream;
    silence(mute.getAttribute("aria-pressed") === "true");
    await list();
    return true;
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return false;
  }
}

function close(): void {
  source?.close();
  level?.close();
  source = level = preview.srcObject = null;
}

async function begin(): Promise<void> {
  if (!source && !(await show())) return;
  if (!source) return;
  const stop = new AbortController();
  const url = `${location.origin}${base}/whip`;
  const simulcast = element<HTMLInputElement>("simulcast").checked;
  const sending = { url, key: key.value.trim(), codec: choice("codec"), bitrate: Number(choice("bitrate")), simulcast };
  const { stream } = source;
  const present = () => source?.stream ?? stream;
  const mine = { broadcast: new Broadcast(present, sending, stands), stop, standing: "connecting" as Standing };
  live = mine;
  go.textContent = "Stop";
  element<HTMLFieldSetElement>("encoding").disabled = true;
  await mine.broadcast.run(stop.signal);
  live = sent = null;
  go.textContent = "Go live";
  element<HTMLFieldSetElement>("encoding").disabled = false;
}

function stands(standing: Standing, words: string): void {
  document.body.dataset.state = standing;
  if (live) live.standing = standing;
  say(words);
}

function say(words: string): void {
  if (status.textContent !== words) status.textContent = words;
}

function silence(quiet: boolean): void {
  mute.setAttribute("aria-pressed", String(quiet));
  source?.stream.getAudioTracks().forEach((track) => (track.enabled = !quiet));
}

// list fills the lists of devices, whose names browsers tell once one is in use.
async function list(): Promise<void> {
  for (const [id, kind, further] of [["camera", "videoinput", []], ["microphone", "audioinput", [["No sound", "none"]]]] as const) {
    const select = element<HTMLSelectElement>(id);
    const chosen = select.value;
    const found = (await devices(kind)).map((device, i) => new Option(device.label || `Device ${i + 1}`, device.deviceId));
    select.replaceChildren(new Option("The browser's choice", ""), ...found, ...further.map(([text, value]) => new Option(text, value)));
    select.value = [...select.options].some((option) => option.value === chosen) ? chosen : "";
  }
}

let before: { at: number; bytes: Map<string, number> } | null = null;

async function measure(): Promise<void> {
  const whip = live?.broadcast.whip;
  sent = whip?.session ? await whip.measure() : null;
  const now = { at: performance.now(), bytes: new Map(sent?.layers.map((l) => [l.kind + l.name, l.bytes])) };
  const last = before;
  before = sent ? now : null;
  const list: [string, string][] = (sent?.layers ?? []).map((layer) => {
    const id = layer.kind + layer.name;
    const was = last?.bytes.get(id);
    const bits = last && was !== undefined ? ((layer.bytes - was) * 8000) / (now.at - last.at) : null;
    const parts = [codecName(layer.codec), rate(bits)];
    if (layer.kind === "video") {
      parts.push(`${layer.width} × ${layer.height}`, `${Math.round(layer.fps)} per s`, `${layer.keyFrames} key frame${layer.keyFrames === 1 ? "" : "s"}`);
      if (layer.limit !== "none") parts.push(`held down by ${layer.limit === "cpu" ? "the processor" : layer.limit}`);
    }
    return [layer.name || (layer.kind === "video" ? "Video" : "Audio"), parts.join(", ")];
  });
  if (sent) {
    list.push(["Round trip", sent.rtt === null ? "–" : `${Math.round(sent.rtt)} ms`], ["Loss", percent(sent.loss)], ["Way", sent.transport]);
  }
  element("stats").replaceChildren(...list.map(([name, value]) => {
    const [div, dt, dd] = ["div", "dt", "dd"].map((tag) => document.createElement(tag)) as [HTMLElement, HTMLElement, HTMLElement];
    [dt.textContent, dd.textContent] = [name, value];
    div.append(dt, dd);
    return div;
  }));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (live) live.stop.abort();
  else void begin();
});
// offer hides what has no meaning for the kind of source.
function offer(): void {
  const { kind } = wish();
  for (const label of form.querySelectorAll<HTMLElement>("[data-for]")) label.hidden = !label.dataset.for?.split(" ").includes(kind);
}

form.addEventListener("change", (event) => {
  offer();
  const { id, name } = event.target as HTMLInputElement;
  const ofSource = name === "kind" || ["camera", "microphone", "size"].includes(id);
  if (ofSource && source) void show();
});
key.addEventListener("input", () => sessionStorage.setItem(storage, key.value));
element("show").addEventListener("click", () => void show());
mute.addEventListener("click", () => silence(mute.getAttribute("aria-pressed") !== "true"));
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (event.key.toLowerCase() === "m" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) mute.click();
});

document.title = `Publish ${path} · weir`;
element("path").textContent = path;
element<HTMLAnchorElement>("watch").href = base;
key.value = sessionStorage.getItem(storage) ?? "";
element("codec").replaceChildren(...videoCodecs().map((name) => new Option(codecName(name), name)));
window.studio = { standing: () => live?.standing ?? "idle", sent: () => sent };
offer();
void list();
setInterval(() => (element<HTMLMeterElement>("level").value = level?.read() ?? -60), 100);
setInterval(() => void measure(), 1000);
