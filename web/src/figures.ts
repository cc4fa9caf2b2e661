// The figures of a playback as rows of text.
import { codecName } from "./codec";
import type { Stats } from "./stats";

const none = "–";

function seconds(value: number | null): string {
  if (value === null) return none;
  return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(value < 10 ? 2 : 0)} s`;
}

export function rate(bits: number | null): string {
  if (bits === null) return none;
  return bits < 1e6 ? `${Math.round(bits / 1e3)} kbit/s` : `${(bits / 1e6).toFixed(2)} Mbit/s`;
}

export function percent(part: number | null): string {
  return part === null ? none : `${(part * 100).toFixed(part > 0 && part < 0.1 ? 1 : 0)} %`;
}

export function rows(s: Stats): [name: string, value: string][] {
  const common: [string, string][] = [
    ["Latency", seconds(s.latency)],
    ["Picture", s.width > 0 ? `${s.width} × ${s.height}` : none],
    ["Frames", s.fps === null ? none : `${s.fps.toFixed(0)} per s`],
    ["Decoded", `${s.decoded}, ${s.dropped} dropped`],
    ["Video", codecName(s.videoCodec) || none],
    ["Audio", codecName(s.audioCodec) || none],
  ];
  if (s.way !== "webrtc") return [["Way", s.way === "hls" ? "LL-HLS" : none], ["Buffer", seconds(s.buffer)], ...common];
  return [
    ["Way", `WebRTC${s.transport && `, ${s.transport}`}`],
    ...common,
    ["Measured", s.latencyBy || none],
    ["Layer", s.layer || "automatic"],
    ["Rate", rate(s.bitrate)],
    ["Round trip", seconds(s.rtt)],
    ["Loss", percent(s.loss)],
    ["Jitter buffer", seconds(s.jitterBuffer)],
    ["Freezes", s.freezes === null ? none : String(s.freezes)],
  ];
}
