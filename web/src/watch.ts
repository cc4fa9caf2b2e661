// The watch page of one stream, whose path is the page's own.
import { codecName } from "./codec";
import { Player, type State } from "./player";
import { Meter, type Stats } from "./stats";

declare global {
  interface Window {
    weir?: { stats: () => Stats };
  }
}

const words: Record<State, [badge: string, curtain: string]> = {
  connecting: ["Connecting", "Connecting…"],
  live: ["Live", ""],
  buffering: ["Buffering", ""],
  waiting: ["Waiting", "Waiting for the stream. It will start here by itself."],
  ended: ["Ended", "The stream has ended. If it comes back, it will start here by itself."],
  offline: ["Offline", "The server cannot be reached. Trying again."],
};

function element<E extends HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element ${id}`);
  return found as E;
}

const path = decodeURIComponent(location.pathname).replace(/^\/|\/$/g, "");
const video = element<HTMLVideoElement>("video");
const unmute = element<HTMLButtonElement>("unmute");
const badge = element("state");
const curtain = element("curtain");
const stats = element("stats");
const toggle = element<HTMLButtonElement>("toggle");

if (new URLSearchParams(location.search).has("embed")) document.body.classList.add("embed");
document.title = `${path} · weir`;
element("path").textContent = path;

const player = new Player(
  video,
  new URL(`${location.pathname.replace(/\/$/, "")}/index.m3u8`, location.href).href,
  showState,
  () => (unmute.hidden = false),
);
const meter = new Meter(video, player);
window.weir = { stats: () => meter.read() };

function showState(state: State): void {
  document.body.dataset.state = state;
  [badge.textContent, curtain.textContent] = words[state];
  curtain.hidden = curtain.textContent === "";
}

function seconds(value: number | null): string {
  return value === null ? "–" : `${value.toFixed(value < 10 ? 2 : 0)} s`;
}

function show(): void {
  meter.tick();
  const s = meter.read();
  const lines: Record<string, string> = {
    latency: seconds(s.latency),
    buffer: seconds(s.buffer),
    size: s.width > 0 ? `${s.width} × ${s.height}` : "–",
    frames: s.fps === null ? "–" : `${s.fps.toFixed(0)} per s`,
    decoded: `${s.decoded}, ${s.dropped} dropped`,
    "video-codec": codecName(s.videoCodec) || "–",
    "audio-codec": codecName(s.audioCodec) || "–",
  };
  for (const [id, text] of Object.entries(lines)) element(id).textContent = text;
}

function withSound(): void {
  video.muted = false;
  unmute.hidden = true;
}

function showStats(open: boolean): void {
  stats.hidden = !open;
  toggle.setAttribute("aria-expanded", String(open));
}

const keys: Record<string, () => void> = {
  k: () => void (video.paused ? video.play() : video.pause()),
  m: () => (video.muted ? withSound() : (video.muted = true)),
  f: () => void (document.fullscreenElement ? document.exitFullscreen() : video.requestFullscreen()),
  i: () => showStats(stats.hidden === true),
  l: () => player.toLive(),
};

unmute.addEventListener("click", withSound);
video.addEventListener("volumechange", () => {
  if (!video.muted) unmute.hidden = true;
});
toggle.addEventListener("click", () => showStats(stats.hidden === true));
element("live").addEventListener("click", () => {
  player.toLive();
  void video.play();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  keys[event.key.toLowerCase()]?.();
});

showState("connecting");
showStats(!document.body.classList.contains("embed"));
setInterval(show, 1000);
void player.run();
