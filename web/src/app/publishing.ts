// Where publishers may send a stream: what the pipelines take, at the addresses at which
// the server listens.
import type { Address, Pipeline } from "./api";

export interface Door { pipeline: string; rtmp?: string; whip?: string; browser?: string }

const port = (address: string) => /:(\d+)$/.exec(address)?.[1] ?? "";

// doors are those of pipelines that have a publisher. name stands for the variable part.
export function doors(pipelines: readonly Pipeline[], addresses: readonly Address[], here: { origin: string; hostname: string }, name: string): Door[] {
  const rtmp = addresses.find((a) => /^rtmps?$/i.test(a.protocol)) ?? addresses.find((a) => a.name.startsWith("rtmp"));
  const out: Door[] = [];
  for (const { id, stages } of pipelines) {
    const path = id.replace(/\{[^}]*\}/g, name);
    const url = path.split("/").map(encodeURIComponent).join("/");
    const takes = (use: string) => stages.some((s) => s.use === use);
    const door: Door = { pipeline: id };
    if (takes("ingest/rtmp") && rtmp) {
      const at = port(rtmp.address);
      const scheme = rtmp.protocol.toLowerCase() === "rtmps" ? "rtmps" : "rtmp";
      door.rtmp = `${scheme}://${here.hostname}${at && !(scheme === "rtmp" && at === "1935") ? `:${at}` : ""}/${url}`;
    }
    if (takes("ingest/whip")) {
      door.whip = `${here.origin}/${url}/whip`;
      door.browser = `/${url}/publish`;
    }
    if (door.rtmp || door.whip) out.push(door);
  }
  return out;
}
