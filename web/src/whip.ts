// A WHIP publisher (RFC 9725): one stream goes out by WebRTC.
import { delay } from "./delay";
import { discover, end, hungUp, negotiate, type Session } from "./negotiation";

export interface Sending {
  url: string;
  key: string;
  codec: string; // "H264"; "" leaves it to the browser
  bitrate: number; // bit/s of the video, at most
  simulcast: boolean; // three layers
}

// Layer is what goes out of one layer of the video, or of the sound.
export interface Layer {
  name: string;
  kind: string;
  width: number;
  height: number;
  fps: number;
  bytes: number;
  keyFrames: number;
  codec: string;
  limit: string; // what keeps the quality down: "cpu", "bandwidth", "none"
}

export interface Sent {
  layers: Layer[];
  rtt: number | null; // ms
  loss: number | null; // part of the packets, as the server sees it
  transport: string;
}

const connectWithin = 10000; // ms
const reviveWithin = 4000; // ms
// leastRate is what goes out at least, in bit/s. Chromium takes an uneven path for a
// narrow one and would go down to some 30 kbit/s, where pictures come twice a second and
// there is no room to send the lost ones again.
const leastRate = 250_000;

type Entry = Record<string, any>;

export class Whip {
  session: Session | null = null;
  private constructor(
    private readonly pc: RTCPeerConnection,
    private readonly sending: Sending,
  ) {}

  // open returns once the connection stands. It throws a Refusal, and what fetch
  // throws.
  static async open(stream: MediaStream, sending: Sending, stop: AbortSignal): Promise<Whip> {
    const iceServers = (await discover(sending.url, stop)) ?? [];
    const pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    const whip = new Whip(pc, sending);
    try {
      whip.add(stream);
      const least = Math.min(leastRate, sending.bitrate / 8);
      whip.session = await negotiate(pc, sending.url, stop, sending.key, (sdp) => floored(sdp, least));
      await whip.reached(stop);
      return whip;
    } catch (error) {
      whip.close();
      throw error;
    }
  }

  close(): void {
    if (this.session && !hungUp(this.pc)) end(this.pc, this.session.url, this.sending.key);
    else this.pc.close();
    this.session = null;
  }

  // over returns when the connection has gone: whether the server closed it.
  async over(stop: AbortSignal): Promise<boolean> {
    let well = performance.now();
    while (!stop.aborted && this.session) {
      await delay(250, stop);
      if (hungUp(this.pc)) return true;
      const state = this.pc.connectionState;
      if (state === "connected") well = performance.now();
      if (state === "failed" || performance.now() - well > reviveWithin) return false;
    }
    return false;
  }

  // replace goes on with another source's track, unless the kind was not sent so far.
  async replace(track: MediaStreamTrack): Promise<void> {
    const of = this.pc.getTransceivers().find((t) => t.receiver.track.kind === track.kind);
    await of?.sender.replaceTrack(track);
  }

  async measure(): Promise<Sent> {
    const all = new Map<string, Entry>();
    (await this.pc.getStats()).forEach((entry: Entry) => all.set(entry.id, entry));
    const entries = [...all.values()];
    const pair = all.get(entries.find((e) => e.type === "transport")?.selectedCandidatePairId) ?? {};
    const heard = entries.filter((e) => e.type === "remote-inbound-rtp").map((e) => e.fractionLost ?? 0);
    return {
      layers: entries.filter((e) => e.type === "outbound-rtp" && e.bytesSent > 0).map((e) => ({
        name: e.rid ?? "",
        kind: e.kind,
        width: e.frameWidth ?? 0,
        height: e.frameHeight ?? 0,
        fps: e.framesPerSecond ?? 0,
        bytes: e.bytesSent,
        keyFrames: e.keyFramesEncoded ?? 0,
        codec: String(all.get(e.codecId)?.mimeType ?? "").replace(/^\w+\//, ""),
        limit: e.qualityLimitationReason ?? "none",
      })),
      rtt: pair.currentRoundTripTime === undefined ? null : pair.currentRoundTripTime * 1000,
      loss: heard.length > 0 ? Math.max(...heard) : null,
      transport: String(all.get(pair.localCandidateId)?.protocol ?? "").toUpperCase(),
    };
  }

  private add(stream: MediaStream): void {
    const { bitrate, simulcast, codec } = this.sending;
    for (const track of stream.getTracks()) {
      const sendEncodings = track.kind === "video" ? (simulcast ? layers(bitrate) : [{ maxBitrate: bitrate }]) : undefined;
      const transceiver = this.pc.addTransceiver(track, { direction: "sendonly", streams: [stream], sendEncodings });
      if (track.kind !== "video" || !codec) continue;
      const can = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
      transceiver.setCodecPreferences(can.filter((c) => named(c) === codec || named(c) === "rtx"));
    }
  }

  private reached(stop: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("No connection came about.")), connectWithin);
      stop.addEventListener("abort", () => reject(stop.reason));
      const look = () => {
        if (this.pc.connectionState === "connected") resolve();
        else if (this.pc.connectionState === "failed") reject(new Error("No connection came about."));
        else return;
        clearTimeout(timer);
      };
      this.pc.addEventListener("connectionstatechange", look);
      look();
    });
  }
}

// floored is an answer that tells Chromium the least rate, in bit/s, in its own words.
// Other browsers do not heed it.
function floored(sdp: string, rate: number): string {
  const word = `x-google-min-bitrate=${Math.round(rate / 1000)}`;
  for (const [line, type] of sdp.matchAll(/^a=rtpmap:(\d+) (?:H26[45]|VP[89]|AV1)\/90000\r?\n/gim)) {
    const format = new RegExp(`^a=fmtp:${type} .*?(?=\\r?$)`, "m");
    sdp = format.test(sdp) ? sdp.replace(format, `$&;${word}`) : sdp.replace(line, `${line}a=fmtp:${type} ${word}\r\n`);
  }
  return sdp;
}

// layers are the encodings of a simulcast, the smallest first.
function layers(bitrate: number): RTCRtpEncodingParameters[] {
  return [
    { rid: "low", scaleResolutionDownBy: 4, maxBitrate: Math.round(bitrate / 10) },
    { rid: "medium", scaleResolutionDownBy: 2, maxBitrate: Math.round(bitrate / 3) },
    { rid: "high", scaleResolutionDownBy: 1, maxBitrate: bitrate },
  ];
}

function named(codec: { mimeType: string }): string {
  return codec.mimeType.replace(/^video\//i, "");
}

// videoCodecs are what this browser can send, those first that most can play.
export function videoCodecs(): string[] {
  const names = (RTCRtpSender.getCapabilities("video")?.codecs ?? []).map(named);
  return ["H264", "VP8", "VP9", "AV1", "H265"].filter((name) => names.includes(name));
}
