// <weir-player src="/live/studio"> plays a live stream of a weir server: by WebRTC
// where that works, else by HLS. The module needs nothing else:
//
//   <script type="module" src="https://example.net/assets/weir-player.js"></script>
//   <weir-player src="https://example.net/live/studio"></weir-player>
//
// Attributes: src; muted, to start without sound; bare, for the picture alone;
// figures, to show them from the start; hotkeys, to take keys from the whole page;
// layer, the name of the one to play. Keys: k pause, m mute, f full screen,
// i figures, l jump to live. "weir-change" tells of another state.
import { rows } from "./figures";
import { Player, type State, type Way } from "./player";
import css from "./player.css" with { type: "text" };
import { Meter, type Stats } from "./stats";

export { Player } from "./player";
export { Whep } from "./whep";
export type { State, Stats, Way };

const markup = `<div class="player"><div class="stage">
<video controls playsinline autoplay aria-label="Live stream"></video>
<p class="curtain"></p>
<button class="unmute" type="button" hidden>Turn the sound on</button>
</div>
<div class="tools">
<p class="status" role="status"></p>
<label class="layers" hidden>Layer <select title="The quality to play"></select></label>
<button class="mute" type="button" title="Key M" aria-pressed="false">Mute</button>
<button class="jump" type="button" title="Key L">Jump to live</button>
<button class="toggle" type="button" title="Key I" aria-expanded="false" aria-controls="figures">Figures</button>
</div>
<dl id="figures" hidden></dl></div>`;

const ways: Record<Way, string> = { "": "Live", webrtc: "Live by WebRTC", hls: "Live by LL-HLS" };
const curtains: Record<State, string> = {
  connecting: "Connecting…",
  live: "",
  buffering: "",
  waiting: "Waiting for the stream. It will start here by itself.",
  ended: "The stream has ended. If it comes back, it will start here by itself.",
  offline: "The server cannot be reached. Trying again.",
  full: "The server takes no more viewers now. Trying again.",
};

export class WeirPlayer extends HTMLElement {
  static observedAttributes = ["src", "layer"];
  player: Player | null = null;
  readonly video: HTMLVideoElement;
  private meter: Meter | null = null;
  private gone = new AbortController(); // aborted while the element is in no document
  private readonly root = this.attachShadow({ mode: "open" });

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.root.adoptedStyleSheets = [sheet];
    this.root.innerHTML = markup;
    this.video = this.find("video");
    this.gone.abort();
    this.listen();
  }

  // token is what the player shows to the server; it is no attribute, so that it is not
  // in the document.
  token = "";

  get state(): State {
    return this.player?.state ?? "connecting";
  }

  // words says what is going on, for people.
  get words(): string {
    const { state, way, why } = this.player ?? { state: "connecting", way: "", why: "" };
    if (state === "live") return ways[way] + (way === "hls" && why ? `. ${why}` : "");
    if (state === "buffering") return "Buffering";
    return curtains[state] + (state === "waiting" && why ? ` ${why}` : "");
  }

  stats(): Stats | null {
    return this.meter?.read() ?? null;
  }

  connectedCallback(): void {
    this.gone = new AbortController();
    const { signal } = this.gone;
    const keys = this.hasAttribute("hotkeys") ? document : this;
    keys.addEventListener("keydown", (event) => this.press(event as KeyboardEvent), { signal });
    const end = () => this.player?.webrtc?.whep.close(); // a page that goes waits for nothing
    window.addEventListener("pagehide", end, { signal });
    const timer = setInterval(() => this.tick(), 1000);
    signal.addEventListener("abort", () => clearInterval(timer));
    if (this.hasAttribute("muted")) this.video.muted = true;
    this.showFigures(this.hasAttribute("figures"));
    this.play();
  }

  disconnectedCallback(): void {
    this.gone.abort();
    this.player = this.meter = null;
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (this.gone.signal.aborted || before === now) return;
    if (name === "layer") return this.player?.choose(now ?? "");
    this.disconnectedCallback();
    this.connectedCallback();
  }

  private play(): void {
    const src = this.getAttribute("src");
    if (src === null) return;
    const player = new Player(this.video, new URL(src, location.href), {
      changed: () => this.show(),
      silenced: () => (this.find(".unmute").hidden = false),
    }, this.token);
    player.layer = this.getAttribute("layer") ?? "";
    this.player = player;
    this.meter = new Meter(this.video, player);
    this.show();
    void player.run(this.gone.signal);
  }

  private show(): void {
    const { player } = this;
    if (!player) return;
    this.find(".player").classList.toggle("live", player.state === "live");
    text(this.find(".status"), this.words);
    const curtain = this.find(".curtain");
    text(curtain, curtains[player.state] && this.words);
    curtain.hidden = curtain.textContent === "";
    this.find(".jump").hidden = player.way === "webrtc"; // which is always live
    this.find(".layers").hidden = player.layers.length < 2;
    const select = this.find<HTMLSelectElement>("select");
    const names = ["", ...player.layers];
    if (names.join() !== [...select.options].map((o) => o.value).join()) {
      select.replaceChildren(...names.map((name) => new Option(name || "automatic", name)));
    }
    select.value = player.layer;
    this.dispatchEvent(new CustomEvent("weir-change", { detail: this.stats() }));
  }

  private tick(): void {
    if (!this.meter) return;
    this.meter.tick();
    const figures = this.find("dl");
    if (!figures.hidden) figures.replaceChildren(...rows(this.meter.read()).map(row));
  }

  private listen(): void {
    const clicked = (selector: string, act: () => void) => this.find(selector).addEventListener("click", act);
    clicked(".unmute", () => (this.video.muted = false));
    clicked(".mute", () => (this.video.muted = !this.video.muted));
    clicked(".toggle", () => this.showFigures(this.find("dl").hidden));
    clicked(".jump", () => this.jump());
    this.find("select").addEventListener("change", (event) => this.player?.choose((event.target as HTMLSelectElement).value));
    this.video.addEventListener("volumechange", () => {
      this.find(".mute").setAttribute("aria-pressed", String(this.video.muted));
      if (!this.video.muted) this.find(".unmute").hidden = true;
    });
  }

  private press(event: KeyboardEvent): void {
    const typing = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || typing instanceof HTMLInputElement || typing instanceof HTMLSelectElement) return;
    const keys: Record<string, () => void> = {
      k: () => void (this.video.paused ? this.video.play() : this.video.pause()),
      m: () => (this.video.muted = !this.video.muted),
      f: () => void (document.fullscreenElement ? document.exitFullscreen() : this.video.requestFullscreen()),
      i: () => this.showFigures(this.find("dl").hidden),
      l: () => this.jump(),
    };
    keys[event.key.toLowerCase()]?.();
  }

  private jump(): void {
    this.player?.toLive();
    void this.video.play();
  }

  private showFigures(open: boolean): void {
    this.find("dl").hidden = !open;
    this.find(".toggle").setAttribute("aria-expanded", String(open));
    if (open) this.tick();
  }

  private find<E extends HTMLElement>(selector: string): E {
    return this.root.querySelector(selector) as E;
  }
}

function row([name, value]: [string, string]): HTMLElement {
  const div = document.createElement("div");
  const dt = document.createElement("dt");
  const dd = document.createElement("dd");
  dt.textContent = name;
  dd.textContent = value;
  div.append(dt, dd);
  return div;
}

// text leaves alone what is so already: who listens to the page hears changes only.
function text(element: HTMLElement, now: string): void {
  if (element.textContent !== now) element.textContent = now;
}

if (!customElements.get("weir-player")) customElements.define("weir-player", WeirPlayer);
