// Plays one stream for as long as it is wanted, whatever happens to it: by WebRTC
// where the server offers it and media get through, else by HLS.
import { delay } from "./delay";
import type { HlsPlayback } from "./hls";
import { Refusal } from "./negotiation";
import { probe, type Finding } from "./probe";
import { WebRTCPlayback } from "./webrtc";
import { Whep } from "./whep";

export type State = "connecting" | "live" | "buffering" | "full" | Exclude<Finding, "live" | "soon">;
export type Way = "" | "webrtc" | "hls";

const farBehind = 8; // s behind the live edge, from which playing on jumps to it
const firstPause = 500; // ms
const soonPause = 300; // ms
const lastPause = 4000; // ms
const offlinePause = 1000; // ms between offers to an offline stream, if the server does not say
const prepareAfter = 1000; // ms without media by WebRTC, after which HLS may be needed soon
const againAfter = 20000; // ms after which WebRTC gets another try, doubled each time
const againAtMost = 300000;

export interface Listener {
  changed(): void; // the state, the way or the layers
  silenced(): void; // the browser wants a click before there is sound
}

export class Player {
  state: State = "connecting";
  way: Way = "";
  why = ""; // a sentence: why it is not WebRTC
  stalls = 0;
  attempts = 0;
  layer = "";
  layers: string[] = [];
  webrtc: WebRTCPlayback | null = null;
  hls: HlsPlayback | null = null;
  private readonly whepURL: string;
  private readonly hlsURL: string;
  private servers: RTCIceServer[] | null = null; // null: there is no WHEP, or that is not known
  private asked = false;
  private notBefore = 0; // when WebRTC may be tried, by performance.now
  private refused = false;
  private offline = false; // said the WHEP endpoint
  private bound = false; // to notBefore, by a Retry-After
  private doubts = 0; // about that, as there was HLS
  private failures = 0;
  private played = false;
  private ahead: Promise<Finding> | null = null; // what there is by HLS, asked early

  constructor(
    private readonly video: HTMLVideoElement,
    stream: URL,
    private readonly listener: Listener,
    private readonly token = "",
  ) {
    const base = stream.origin + stream.pathname.replace(/\/$/, "");
    this.whepURL = `${base}/whep`;
    this.hlsURL = `${base}/index.m3u8`;
  }

  // run returns when it is stopped.
  async run(stop: AbortSignal): Promise<void> {
    this.listen(stop);
    let pause = firstPause;
    while (!stop.aborted) {
      this.played = false;
      const found = (await this.byWebRTC(stop)) ? "live" : await this.byHls(stop);
      if (this.played) pause = firstPause;
      if (found === "soon") pause = soonPause;
      await delay(pause, stop);
      pause = Math.min(pause * 1.5, found === "waiting" ? 1500 : lastPause);
    }
  }

  // choose plays the layer of that name, or with "" the one that the server chooses.
  choose(layer: string): void {
    if (layer === this.layer) return;
    this.layer = layer;
    this.webrtc?.whep.choose(layer).catch(() => undefined);
  }

  toLive(): void {
    this.hls?.toLive();
  }

  private listen(stop: AbortSignal): void {
    const on = (name: string, heard: () => void) => this.video.addEventListener(name, heard, { signal: stop });
    on("playing", () => this.become("live"));
    on("waiting", () => this.stalled());
    on("play", () => {
      if (this.hls && this.hls.behind() > farBehind) this.hls.toLive();
    });
  }

  private stalled(): void {
    if (this.state !== "live") return;
    this.stalls++;
    this.become("buffering");
  }

  // byWebRTC plays by WebRTC, if it may be tried now; false says that it did not work.
  private async byWebRTC(stop: AbortSignal): Promise<boolean> {
    if (!(await this.offers(stop)) || performance.now() < this.notBefore) return false;
    const found = await this.connect(stop, true);
    if (!found) return false;
    await this.playByWebRTC(found, stop);
    return true;
  }

  // offers says whether the server offers WHEP here. It is asked once, and again
  // when a playback by HLS is over.
  private async offers(stop: AbortSignal): Promise<boolean> {
    if (!this.asked && typeof RTCPeerConnection === "function") {
      try {
        this.servers = await Whep.offered(this.whepURL, AbortSignal.any([stop, AbortSignal.timeout(2000)]));
        this.asked = true;
      } catch {
        this.servers = null;
      }
    }
    return this.servers !== null;
  }

  // connect makes a session in which media flow, or notes why there is none.
  private async connect(stop: AbortSignal, show: boolean): Promise<WebRTCPlayback | null> {
    const whep = new Whep(this.whepURL, this.servers ?? [], this.layer, this.token);
    const early = setTimeout(() => this.prepare(show), prepareAfter);
    this.refused = this.offline = this.bound = false;
    try {
      const playback = await WebRTCPlayback.connect(whep, stop, (stream) => {
        if (show) this.show(stream);
      });
      this.failures = this.notBefore = 0;
      this.ahead = null;
      this.why = "";
      return playback;
    } catch (error) {
      if (show) this.video.srcObject = null;
      if (!stop.aborted) this.postpone(error);
      return null;
    } finally {
      clearTimeout(early);
      if (whep.session?.iceServers.length) this.servers = whep.session.iceServers;
    }
  }

  // postpone decides when WebRTC gets its next chance.
  private postpone(error: unknown): void {
    this.failures++;
    let after = Math.min(againAfter * 2 ** (this.failures - 1), againAtMost);
    this.why = "Media by WebRTC do not get through.";
    if (error instanceof Refusal) {
      this.offline = error.status === 404 || error.status === 409;
      this.refused = error.status === 429 || error.status === 503;
      this.why = error.message;
      if (this.offline) [after, this.failures, this.why] = [offlinePause, 0, ""];
      if (error.code === "unknown_layer") [after, this.layer] = [0, ""];
      this.bound = error.retryAfter !== null;
      after = error.retryAfter ?? after;
    }
    this.notBefore = performance.now() + after;
  }

  private async playByWebRTC(playback: WebRTCPlayback, stop: AbortSignal): Promise<void> {
    const { whep } = (this.webrtc = playback);
    this.attempts++;
    this.enter("webrtc");
    if (this.video.srcObject !== whep.stream) this.show(whep.stream);
    void this.readLayers(playback);
    await playback.follow(stop, (still) => {
      if (still) this.stalled();
      else if (!this.video.paused) this.become("live");
    });
    this.webrtc = null;
    this.video.srcObject = null;
    if (!stop.aborted) this.leave("connecting");
  }

  // readLayers does so twice: a publisher's layers do not all begin at once.
  private async readLayers(playback: WebRTCPlayback): Promise<void> {
    for (const pause of [0, 3000]) {
      await delay(pause);
      const names = await playback.whep.layers().catch(() => []);
      if (this.webrtc !== playback) return;
      this.layers = names;
      this.listener.changed();
    }
  }

  // prepare gets ready to play by HLS.
  private prepare(look: boolean): void {
    void import("./hls");
    if (look) this.ahead = probe(this.hlsURL, this.token);
  }

  // byHls looks what there is by HLS and plays it if it can be played.
  private async byHls(stop: AbortSignal): Promise<Finding> {
    const found = await (this.ahead ?? probe(this.hlsURL, this.token));
    this.ahead = null;
    if (stop.aborted) return found;
    if (found === "live") {
      if (this.offline && this.doubts++ === 0) { // it has come up in between
        this.notBefore = 0;
        return "soon";
      }
      this.doubts = 0;
      await this.playByHls(stop);
    } else if (found === "soon") {
      this.become("connecting");
    } else {
      if (!this.bound) this.notBefore = Math.min(this.notBefore, performance.now() + offlinePause);
      if (found === "offline") this.asked = false; // who comes back may be another
      this.become(found === "waiting" && this.refused ? "full" : found);
    }
    return found;
  }

  private async playByHls(stop: AbortSignal): Promise<void> {
    const { HlsPlayback } = await import("./hls");
    const turn = new AbortController();
    this.hls = new HlsPlayback(this.video, this.hlsURL, () => this.start(), this.token);
    this.attempts++;
    this.enter("hls");
    const over = AbortSignal.any([stop, turn.signal]);
    const better = this.upgrade(over, turn);
    const end = await this.hls.run(over);
    this.hls = null;
    turn.abort();
    const next = await better;
    if (stop.aborted) return next?.whep.close();
    if (next) return this.playByWebRTC(next, stop);
    this.asked = false;
    this.leave(end === "ended" ? "ended" : "connecting");
  }

  // upgrade tries WebRTC again from time to time behind a playback by HLS, which it
  // ends when media flow.
  private async upgrade(over: AbortSignal, turn: AbortController): Promise<WebRTCPlayback | null> {
    while (this.servers) {
      await delay(Math.max(this.notBefore - performance.now(), 0), over);
      if (over.aborted) return null;
      const found = await this.connect(over, false);
      if (found) {
        turn.abort();
        return found;
      }
      this.listener.changed();
    }
    return null;
  }

  private show(stream: MediaStream): void {
    this.video.srcObject = stream;
    void this.start();
  }

  // start plays with sound if the browser allows it, else without.
  private async start(): Promise<void> {
    try {
      await this.video.play();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError") return;
      this.video.muted = true;
      this.listener.silenced();
      await this.video.play().catch(() => undefined);
    }
  }

  private enter(way: Way): void {
    this.way = way;
    if (way === "hls") this.layers = [];
    this.listener.changed();
  }

  private leave(state: State): void {
    this.way = "";
    this.layers = [];
    this.become(state);
  }

  private become(state: State): void {
    if (state === "live") this.played = true;
    if (state === this.state) return;
    this.state = state;
    this.listener.changed();
  }
}
