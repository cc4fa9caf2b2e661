// A WHEP viewer: one stream by WebRTC, and what there is to say about it.
import { discover, end, hungUp, links, negotiate, type Session } from "./negotiation";

// Figures are measured between two calls of measure: ms, bit/s, and null where the
// browser does not tell.
export interface Figures {
  frames: number; // decoded so far
  audioPackets: number; // received so far
  audioBytes: number;
  bytes: number;
  rtt: number | null;
  loss: number | null; // part of the packets
  lost: number;
  jitterBuffer: number | null;
  latency: number | null;
  latencyBy: string;
  freezes: number;
  dropped: number;
  bitrate: number | null;
  videoCodec: string;
  audioCodec: string;
  transport: string; // "UDP" or "TCP"
}

// Statistics as the browser gives them; what of them there is differs.
type Entry = Record<string, any>;

const layerResource = "urn:ietf:params:whep:ext:core:layer";
const ntp = 2208988800000; // ms from 1900 to 1970
const captureTime = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

export class Whep {
  readonly stream = new MediaStream();
  session: Session | null = null;
  private readonly pc: RTCPeerConnection;
  private last: { at: number; video: Entry; audio: Entry } | null = null;

  // offered asks whether there is WHEP at an address: null if not.
  static offered = discover;

  constructor(
    private readonly url: string,
    iceServers: RTCIceServer[] = [],
    private readonly layer = "", // the viewer's own choice
    private readonly token = "",
  ) {
    this.pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.pc.addEventListener("track", ({ track }) => this.stream.addTrack(track));
    for (const kind of ["video", "audio"]) {
      withCaptureTime(this.pc.addTransceiver(kind, { direction: "recvonly" }));
    }
  }

  // open throws a Refusal if the server does not want to, and what fetch throws.
  async open(signal: AbortSignal): Promise<void> {
    const url = new URL(this.url);
    if (this.layer) url.searchParams.set("layer", this.layer);
    try {
      this.session = await negotiate(this.pc, url.href, signal, this.token);
    } catch (error) {
      this.pc.close();
      throw error;
    }
  }

  close(): void {
    if (this.session && !hungUp(this.pc)) end(this.pc, this.session.url, this.token);
    else this.pc.close();
    this.session = null;
  }

  // layers are the names of those that the viewer may choose from.
  async layers(): Promise<string[]> {
    const url = this.layerURL();
    const answer = url ? await fetch(url, { cache: "no-store" }) : null;
    if (!answer?.ok) return [];
    const { layers = [] } = (await answer.json()) as { layers?: { encodingId?: unknown }[] };
    return layers.map(({ encodingId }) => String(encodingId ?? "")).filter((name) => name !== "");
  }

  // choose asks for a layer; "" leaves the choice to the server.
  async choose(layer: string): Promise<void> {
    const url = this.layerURL();
    if (!url) return;
    const headers = { "Content-Type": "application/json" };
    await fetch(url, { method: "POST", headers, body: JSON.stringify({ encodingId: layer || "auto" }) });
  }

  private layerURL(): string | null {
    if (!this.session) return null;
    const link = links(this.session.link).find(({ rel }) => rel === layerResource);
    return link ? new URL(link.url, this.session.url).href : null;
  }

  // connected says what the transports believe, of which media may yet know better.
  get connected(): boolean {
    return this.pc.connectionState === "connected" && !this.ended;
  }

  // reached says that some way to the server has been found, by UDP or TCP.
  get reached(): boolean {
    return ["connected", "completed"].includes(this.pc.iceConnectionState);
  }

  // ended says that the other side has closed the connection, or it is lost for good.
  get ended(): boolean {
    return this.pc.connectionState === "failed" || hungUp(this.pc);
  }

  // wants says whether the answer has that kind of media.
  wants(kind: "video" | "audio"): boolean {
    return this.pc.getTransceivers().some((t) => t.receiver.track.kind === kind && /recv/.test(t.currentDirection ?? ""));
  }

  async measure(): Promise<Figures> {
    const all = new Map<string, Entry>();
    (await this.pc.getStats()).forEach((entry: Entry) => all.set(entry.id, entry));
    const entries = [...all.values()];
    const inbound = (kind: string) => entries.find((e) => e.type === "inbound-rtp" && e.kind === kind) ?? {};
    const [video, audio] = [inbound("video"), inbound("audio")];
    const media = video.bytesReceived ? video : audio;
    const transport = entries.find((e) => e.type === "transport") ?? {};
    const pair = all.get(transport.selectedCandidatePairId) ?? {};
    const rtt = pair.currentRoundTripTime === undefined ? null : pair.currentRoundTripTime * 1000;

    const before = this.last;
    const seconds = before ? (performance.now() - before.at) / 1000 : 0;
    this.last = { at: performance.now(), video, audio };
    const rise = (kind: "video" | "audio", name: string) => ((kind === "video" ? video : audio)[name] ?? 0) - (before?.[kind][name] ?? 0);
    const both = (name: string) => rise("video", name) + rise("audio", name);
    const kind = media === video ? "video" : "audio";
    const emitted = rise(kind, "jitterBufferEmittedCount");
    const jitterBuffer = emitted > 0 ? (rise(kind, "jitterBufferDelay") * 1000) / emitted : null;
    const packets = both("packetsReceived") + both("packetsLost");
    const sender = entries.find((e) => e.type === "remote-outbound-rtp" && e.kind === kind);
    return {
      frames: video.framesDecoded ?? 0,
      audioPackets: audio.packetsReceived ?? 0,
      audioBytes: audio.bytesReceived ?? 0,
      bytes: (video.bytesReceived ?? 0) + (audio.bytesReceived ?? 0),
      rtt,
      loss: packets > 0 ? Math.max(0, both("packetsLost")) / packets : null,
      lost: (video.packetsLost ?? 0) + (audio.packetsLost ?? 0),
      jitterBuffer,
      ...this.latency(media, sender, rtt, jitterBuffer),
      freezes: video.freezeCount ?? 0,
      dropped: video.framesDropped ?? 0,
      bitrate: seconds > 0 ? (both("bytesReceived") * 8) / seconds : null,
      videoCodec: codec(all.get(video.codecId)),
      audioCodec: codec(all.get(audio.codecId)),
      transport: String(all.get(pair.localCandidateId)?.protocol ?? "").toUpperCase(),
    };
  }

  // latency compares the sender's clock, known from its last report, with when what
  // is shown now was captured; without either it adds up what can be measured here.
  private latency(media: Entry, sender: Entry | undefined, rtt: number | null, jitterBuffer: number | null) {
    const there = sender?.remoteTimestamp
      ? performance.timeOrigin + performance.now() + (sender.remoteTimestamp - sender.timestamp) + (rtt ?? 0) / 2
      : null;
    const receiver = this.pc.getReceivers().find((r) => r.track.kind === media.kind);
    const source: Entry = receiver?.getSynchronizationSources()[0] ?? {};
    const captured = source.captureTimestamp === undefined ? null : source.captureTimestamp + (source.senderCaptureTimeOffset ?? 0);
    for (const [time, latencyBy] of [[captured, "capture time"], [media.estimatedPlayoutTimestamp, "sender reports"]] as const) {
      if (there === null || typeof time !== "number") continue;
      const latency = there - (time > ntp ? time - ntp : time);
      if (latency > 0 && latency < 60000) return { latency, latencyBy };
    }
    if (jitterBuffer === null) return { latency: null, latencyBy: "" };
    return { latency: jitterBuffer + (rtt ?? 0) / 2, latencyBy: "jitter buffer and half the round trip" };
  }
}

// withCaptureTime offers the header extension by which latency is known, where the
// browser has it but does not offer it by itself.
function withCaptureTime(transceiver: RTCRtpTransceiver): void {
  const t = transceiver as {
    getHeaderExtensionsToNegotiate?: () => { uri: string; direction: string }[];
    setHeaderExtensionsToNegotiate?: (extensions: { uri: string; direction: string }[]) => void;
  };
  const extensions = t.getHeaderExtensionsToNegotiate?.().map((e) => (e.uri === captureTime ? { ...e, direction: "sendrecv" } : e));
  if (extensions) t.setHeaderExtensionsToNegotiate?.(extensions);
}

function codec(entry: Entry | undefined): string {
  const name = String(entry?.mimeType ?? "").replace(/^\w+\//, "");
  const profile = /profile-level-id=(\w+)/.exec(entry?.sdpFmtpLine ?? "")?.[1];
  return profile ? `${name} ${profile}` : name;
}
