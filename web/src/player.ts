// Plays one stream for as long as the page is open, whatever happens to it.
import Hls, { ErrorTypes, Events } from "hls.js";
import { probe, type Finding } from "./probe";

export type State = "connecting" | "live" | "buffering" | Exclude<Finding, "live" | "soon">;

// Why a playback could not go on.
type End = "ended" | "broken";

const stuckAfter = 8000; // ms without a new picture or sound
const endedAfter = 1000; // the same, once there is nothing more to come
const farBehind = 8; // s behind the live edge, from which playing on jumps to it
const firstPause = 500; // ms
const soonPause = 300; // ms
const lastPause = 4000; // ms

export class Player {
  state: State = "connecting";
  stalls = 0;
  attempts = 0;
  videoCodec = "";
  audioCodec = "";
  private hls: Hls | null = null;
  private played = false;
  private complete = false; // the playlist has come to its end

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly url: string,
    private readonly changed: (state: State) => void,
    private readonly silenced: () => void,
  ) {
    video.addEventListener("playing", () => this.become("live"));
    video.addEventListener("waiting", () => {
      if (this.state !== "live") return;
      this.stalls++;
      this.become("buffering");
    });
    video.addEventListener("play", () => {
      if (this.behind() > farBehind) this.toLive();
    });
  }

  // run never returns.
  async run(): Promise<void> {
    let pause = firstPause;
    for (;;) {
      const found = await probe(this.url);
      if (found === "live") {
        this.played = this.complete = false;
        this.attempts++;
        const end = await this.play();
        this.become(end === "ended" ? "ended" : "connecting");
        if (this.played) pause = firstPause;
      } else if (found === "soon") {
        this.become("connecting");
        pause = soonPause;
      } else {
        this.become(found);
      }
      await delay(pause);
      pause = Math.min(pause * 1.5, found === "waiting" ? 1500 : lastPause);
    }
  }

  // latency is the time from the server's clock, as the playlist gives it, to now;
  // without such times, or if the clocks disagree, the distance to the live edge.
  latency(): number | null {
    const shown = this.hls ? this.hls.playingDate : nativeDate(this.video);
    if (shown) {
      const seconds = (Date.now() - shown.getTime()) / 1000;
      if (seconds >= 0 && seconds < 3600) return seconds;
    }
    return this.hls && this.hls.latency > 0 ? this.hls.latency : null;
  }

  // edgeLatency is what hls.js makes of it.
  edgeLatency(): number | null {
    return this.hls ? this.hls.latency : null;
  }

  toLive(): void {
    const edge = this.hls?.liveSyncPosition ?? end(this.video.seekable);
    if (edge != null) this.video.currentTime = edge;
  }

  private behind(): number {
    if (this.hls) return this.hls.latency;
    const edge = end(this.video.seekable);
    return edge == null ? 0 : edge - this.video.currentTime;
  }

  private become(state: State): void {
    if (state === "live") this.played = true;
    if (state === this.state) return;
    this.state = state;
    this.changed(state);
  }

  // play plays until it cannot go on, and leaves nothing behind.
  private async play(): Promise<End> {
    const over = new AbortController();
    try {
      return await new Promise<End>((resolve) => {
        this.video.addEventListener("ended", () => resolve("ended"), { signal: over.signal });
        this.watchProgress(resolve, over.signal);
        if (Hls.isSupported()) this.playByHls(resolve);
        else this.playNatively(resolve, over.signal);
      });
    } finally {
      over.abort();
      this.hls?.destroy();
      this.hls = null;
      this.video.removeAttribute("src");
    }
  }

  private playByHls(resolve: (end: End) => void): void {
    const hls = new Hls({
      lowLatencyMode: true,
      maxLiveSyncPlaybackRate: 1.1,
      liveDurationInfinity: true,
      backBufferLength: 30,
      enableWorker: false,
    });
    this.hls = hls;
    let repaired = 0;
    hls.on(Events.MANIFEST_PARSED, () => void this.start());
    hls.on(Events.BUFFER_CODECS, (_, tracks) => {
      const both = tracks.audiovideo?.codec?.split(",") ?? [];
      this.videoCodec = tracks.video?.codec ?? both[0] ?? this.videoCodec;
      this.audioCodec = tracks.audio?.codec ?? both[1] ?? this.audioCodec;
    });
    hls.on(Events.LEVEL_UPDATED, (_, level) => (this.complete = !level.details.live));
    hls.on(Events.ERROR, (_, error) => {
      if (!error.fatal) return;
      if (error.type === ErrorTypes.MEDIA_ERROR && Date.now() - repaired > 5000) {
        repaired = Date.now();
        hls.recoverMediaError();
      } else {
        resolve("broken");
      }
    });
    hls.loadSource(this.url);
    hls.attachMedia(this.video);
  }

  private playNatively(resolve: (end: End) => void, signal: AbortSignal): void {
    this.video.addEventListener("error", () => resolve("broken"), { signal });
    this.video.src = this.url;
    void this.start();
  }

  // start plays with sound if the browser allows it, else without.
  private async start(): Promise<void> {
    try {
      await this.video.play();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError") return;
      this.video.muted = true;
      this.silenced();
      await this.video.play().catch(() => undefined);
    }
  }

  // watchProgress notices a playback that stands still: at the end of the stream,
  // which a browser may miss by a frame, or for too long.
  private watchProgress(resolve: (end: End) => void, signal: AbortSignal): void {
    let at = -1;
    let since = Date.now();
    const timer = setInterval(() => {
      const waitsForUser = this.video.paused && this.video.readyState > 2;
      if (this.video.currentTime !== at || waitsForUser) {
        at = this.video.currentTime;
        since = Date.now();
      } else if (this.complete && Date.now() - since > endedAfter) {
        resolve("ended");
      } else if (Date.now() - since > stuckAfter) {
        resolve("broken");
      }
    }, 500);
    signal.addEventListener("abort", () => clearInterval(timer));
  }
}

// nativeDate is Safari's answer to what hls.js calls playingDate.
function nativeDate(video: HTMLVideoElement): Date | null {
  const start = (video as { getStartDate?: () => Date }).getStartDate?.();
  if (!start || Number.isNaN(start.getTime())) return null;
  return new Date(start.getTime() + video.currentTime * 1000);
}

function end(ranges: TimeRanges): number | null {
  return ranges.length > 0 ? ranges.end(ranges.length - 1) : null;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
