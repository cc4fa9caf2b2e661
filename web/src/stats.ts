// What there is to say about a playback at one moment. Seconds and frames; null
// where the browser does not tell.
import type { Player, State } from "./player";

export interface Stats {
  state: State;
  latency: number | null; // from the server's clock to the screen
  edgeLatency: number | null; // behind the live edge
  buffer: number; // ahead of the playing position
  width: number;
  height: number;
  decoded: number;
  dropped: number;
  fps: number | null;
  videoCodec: string;
  audioCodec: string;
  audioBytes: number | null; // decoded so far
  muted: boolean;
  stalls: number;
  attempts: number;
}

export class Meter {
  private frames = 0;
  private at = 0;
  private rate: number | null = null;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly player: Player,
  ) {}

  read(): Stats {
    const quality = this.video.getVideoPlaybackQuality();
    const { webkitAudioDecodedByteCount: audioBytes = null } = this.video as { webkitAudioDecodedByteCount?: number };
    return {
      state: this.player.state,
      latency: this.player.latency(),
      edgeLatency: this.player.edgeLatency(),
      buffer: ahead(this.video),
      width: this.video.videoWidth,
      height: this.video.videoHeight,
      decoded: quality.totalVideoFrames,
      dropped: quality.droppedVideoFrames,
      fps: this.rate,
      videoCodec: this.player.videoCodec,
      audioCodec: this.player.audioCodec,
      audioBytes,
      muted: this.video.muted,
      stalls: this.player.stalls,
      attempts: this.player.attempts,
    };
  }

  // tick measures the frame rate since the last tick.
  tick(): void {
    const frames = this.video.getVideoPlaybackQuality().totalVideoFrames;
    const now = performance.now();
    if (this.at > 0 && frames >= this.frames) this.rate = ((frames - this.frames) * 1000) / (now - this.at);
    this.frames = frames;
    this.at = now;
  }
}

function ahead(video: HTMLVideoElement): number {
  for (let i = 0; i < video.buffered.length; i++) {
    if (video.buffered.start(i) <= video.currentTime + 0.1 && video.currentTime <= video.buffered.end(i)) {
      return video.buffered.end(i) - video.currentTime;
    }
  }
  return 0;
}
