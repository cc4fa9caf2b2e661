// Plays a stream by (low-latency) HLS until it cannot go on. It is a chunk of its
// own, which is not loaded where WebRTC works.
import Hls, { ErrorTypes, Events } from "hls.js";

// Why a playback could not go on.
export type End = "ended" | "broken" | "stopped";

const stuckAfter = 8000; // ms without a new picture or sound
const endedAfter = 1000; // the same, once there is nothing more to come
const lost = 1; // s that a playback may fall behind by standing still

export class HlsPlayback {
  videoCodec = "";
  audioCodec = "";
  private hls: Hls | null = null;
  private complete = false; // the playlist has come to its end

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly url: string,
    private readonly start: () => Promise<void>,
    private readonly token = "",
  ) {}

  // run leaves nothing behind.
  async run(stop: AbortSignal): Promise<End> {
    const over = new AbortController();
    try {
      return await new Promise<End>((resolve) => {
        stop.addEventListener("abort", () => resolve("stopped"), { signal: over.signal });
        if (stop.aborted) return resolve("stopped");
        this.video.addEventListener("ended", () => resolve("ended"), { signal: over.signal });
        this.watchProgress(resolve, over.signal);
        this.makeUp(over.signal);
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

  // behind is the distance to the live edge in seconds.
  behind(): number {
    if (this.hls) return this.hls.latency;
    const edge = end(this.video.seekable);
    return edge == null ? 0 : edge - this.video.currentTime;
  }

  private playByHls(resolve: (end: End) => void): void {
    const hls = new Hls({
      lowLatencyMode: true,
      maxLiveSyncPlaybackRate: 1.1,
      liveDurationInfinity: true,
      backBufferLength: 30,
      enableWorker: false,
      xhrSetup: (request) => {
        if (this.token) request.setRequestHeader("Authorization", `Bearer ${this.token}`);
      },
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
    this.video.src = this.token ? `${this.url}?token=${encodeURIComponent(this.token)}` : this.url; // which has no headers
    void this.start();
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

  // makeUp goes back to the live edge when a playback that stood still goes on: it would
  // stay behind by as long as that took.
  private makeUp(signal: AbortSignal): void {
    let before: number | null = null; // how far behind it was when it came to stand still
    this.video.addEventListener("waiting", () => {
      if (this.video.played.length > 0 && !this.video.seeking) before ??= this.behind();
    }, { signal });
    this.video.addEventListener("playing", () => {
      if (before !== null && this.behind() > before + lost) this.toLive();
      before = null;
    }, { signal });
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
