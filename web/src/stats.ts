// What there is to say about a playback at one moment. Seconds, bit/s and frames;
// null where the browser does not tell.
import type { Player, State, Way } from "./player";

export interface Stats {
  state: State;
  way: Way;
  why: string; // it is not WebRTC
  transport: string; // of WebRTC: "UDP" or "TCP"
  latency: number | null; // from the server's clock to the screen
  latencyBy: string; // what it was measured by
  edgeLatency: number | null; // behind the live edge
  buffer: number; // ahead of the playing position
  rtt: number | null;
  loss: number | null; // part of the packets
  jitterBuffer: number | null;
  freezes: number | null;
  bitrate: number | null;
  layer: string; // chosen by the viewer
  width: number;
  height: number;
  decoded: number;
  dropped: number;
  fps: number | null;
  videoCodec: string;
  audioCodec: string;
  audioBytes: number | null; // so far
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
    const { video, player } = this;
    const quality = video.getVideoPlaybackQuality();
    const { webkitAudioDecodedByteCount = null } = video as { webkitAudioDecodedByteCount?: number };
    const figures = player.webrtc?.figures;
    return {
      state: player.state,
      way: player.way,
      why: player.why,
      transport: figures?.transport ?? "",
      latency: figures ? seconds(figures.latency) : (player.hls?.latency() ?? null),
      latencyBy: figures ? figures.latencyBy : "the playlist",
      edgeLatency: player.hls?.edgeLatency() ?? null,
      buffer: ahead(video),
      rtt: seconds(figures?.rtt),
      loss: figures?.loss ?? null,
      jitterBuffer: seconds(figures?.jitterBuffer),
      freezes: figures?.freezes ?? null,
      bitrate: figures?.bitrate ?? null,
      layer: player.layer,
      width: video.videoWidth,
      height: video.videoHeight,
      decoded: quality.totalVideoFrames,
      dropped: figures?.dropped ?? quality.droppedVideoFrames,
      fps: this.rate,
      videoCodec: figures?.videoCodec ?? player.hls?.videoCodec ?? "",
      audioCodec: figures?.audioCodec ?? player.hls?.audioCodec ?? "",
      audioBytes: figures ? figures.audioBytes : webkitAudioDecodedByteCount,
      muted: video.muted,
      stalls: player.stalls,
      attempts: player.attempts,
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

function seconds(ms: number | null | undefined): number | null {
  return ms == null ? null : ms / 1000;
}

function ahead(video: HTMLVideoElement): number {
  for (let i = 0; i < video.buffered.length; i++) {
    if (video.buffered.start(i) <= video.currentTime + 0.1 && video.currentTime <= video.buffered.end(i)) {
      return video.buffered.end(i) - video.currentTime;
    }
  }
  return 0;
}
