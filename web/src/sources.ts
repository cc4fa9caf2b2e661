// Where a publisher's picture and sound come from.
import { type Source, testPattern } from "./pattern";

export type { Source } from "./pattern";
export type Kind = "camera" | "screen" | "pattern";

export interface Wish {
  kind: Kind;
  camera: string; // a device's id; "" is the browser's choice
  microphone: string; // likewise; "none" is no sound
  width: number;
  height: number;
}

// open asks the browser, which asks the user. It throws what can be shown.
export async function open(wish: Wish): Promise<Source> {
  const { kind, width, height } = wish;
  if (kind === "pattern") return testPattern(width, height);
  if (!navigator.mediaDevices) {
    throw new Error("Browsers give camera, microphone and screen only to pages by HTTPS or from this machine. The test pattern works.");
  }
  try {
    const size = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30 } };
    const stream = kind === "screen"
      ? await screen(size, wish)
      : await navigator.mediaDevices.getUserMedia({ video: { ...size, deviceId: wish.camera }, audio: sound(wish) });
    stream.getVideoTracks().forEach((track) => (track.contentHint = kind === "screen" ? "detail" : "motion"));
    return { stream, close: () => stream.getTracks().forEach((track) => track.stop()) };
  } catch (error) {
    throw new Error(explain(error));
  }
}

// screen has the sound that the browser gives with it, else the microphone's.
async function screen(video: MediaTrackConstraints, wish: Wish): Promise<MediaStream> {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video, audio: true });
  const audio = sound(wish);
  if (stream.getAudioTracks().length === 0 && audio) {
    const microphone = await navigator.mediaDevices.getUserMedia({ audio }).catch(() => null);
    microphone?.getTracks().forEach((track) => stream.addTrack(track));
  }
  return stream;
}

function sound({ microphone }: Wish): MediaTrackConstraints | false {
  return microphone === "none" ? false : { deviceId: microphone };
}

function explain(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  const words: Record<string, string> = {
    NotAllowedError: "The browser was not allowed to use it. Its address bar shows where to change that.",
    NotFoundError: "There is no such device. The test pattern works without one.",
    NotReadableError: "The device cannot be read; another program may have it.",
  };
  return words[name] ?? (error instanceof Error ? error.message : String(error));
}

// devices are those of a kind. Without a permission they have no names yet.
export async function devices(kind: MediaDeviceKind): Promise<MediaDeviceInfo[]> {
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  return all.filter((device) => device.kind === kind && device.deviceId !== "");
}

// Level measures how loud a stream is.
export class Level {
  private readonly context = new AudioContext();
  private readonly analyser = this.context.createAnalyser();
  private readonly samples = new Float32Array(this.analyser.fftSize);

  constructor(stream: MediaStream) {
    if (stream.getAudioTracks().length > 0) this.context.createMediaStreamSource(stream).connect(this.analyser);
  }

  // read gives the loudness in dB of full scale, -60 at least.
  read(): number {
    this.analyser.getFloatTimeDomainData(this.samples);
    const power = this.samples.reduce((sum, x) => sum + x * x, 0) / this.samples.length;
    return Math.max(-60, 10 * Math.log10(power + 1e-12));
  }

  close(): void {
    void this.context.close();
  }
}
