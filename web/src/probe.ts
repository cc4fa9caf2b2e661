// What stands at a stream's playlist right now.
export type Finding = "live" | "soon" | "ended" | "waiting" | "offline";

const patience = 8000; // ms

async function read(url: string, headers: HeadersInit): Promise<string | null> {
  const gone = new AbortController();
  const timer = setTimeout(() => gone.abort(), patience);
  try {
    const answer = await fetch(url, { cache: "no-store", headers, signal: gone.signal });
    const text = await answer.text(); // of a refusal as well, which stays open until it is read
    return answer.ok ? text : null;
  } finally {
    clearTimeout(timer);
  }
}

// probe looks at the playlist and, below a multivariant one, at its first variant.
export async function probe(url: string, token = ""): Promise<Finding> {
  const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
  try {
    let text = await read(url, headers);
    if (text?.includes("#EXT-X-STREAM-INF")) {
      const variant = text.split("\n").find((line) => line.trim() !== "" && !line.startsWith("#"));
      text = variant === undefined ? null : await read(new URL(variant.trim(), url).href, headers);
    }
    if (!text?.startsWith("#EXTM3U")) return "waiting";
    if (text.includes("#EXT-X-ENDLIST")) return "ended";
    return begun(text) ? "live" : "soon";
  } catch {
    return "offline";
  }
}

// begun says whether there is a whole segment behind the last discontinuity. Who
// joins before that, hls.js 1.7 keeps waiting for ever: its video begins with the
// last whole segment, its audio behind the discontinuity, and each waits for the
// other.
function begun(playlist: string): boolean {
  const last = playlist.lastIndexOf("\n#EXT-X-DISCONTINUITY\n");
  return last < 0 || playlist.includes("#EXTINF", last);
}
