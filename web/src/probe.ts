// What stands at a stream's playlist right now.
export type Finding = "live" | "ended" | "waiting" | "offline";

const patience = 8000; // ms

async function read(url: string): Promise<string | null> {
  const gone = new AbortController();
  const timer = setTimeout(() => gone.abort(), patience);
  try {
    const answer = await fetch(url, { cache: "no-store", signal: gone.signal });
    return answer.ok ? await answer.text() : null;
  } finally {
    clearTimeout(timer);
  }
}

// probe looks at the playlist and, below a multivariant one, at its first variant.
export async function probe(url: string): Promise<Finding> {
  try {
    let text = await read(url);
    if (text?.includes("#EXT-X-STREAM-INF")) {
      const variant = text.split("\n").find((line) => line.trim() !== "" && !line.startsWith("#"));
      text = variant === undefined ? null : await read(new URL(variant.trim(), url).href);
    }
    if (!text?.startsWith("#EXTM3U")) return "waiting";
    return text.includes("#EXT-X-ENDLIST") ? "ended" : "live";
  } catch {
    return "offline";
  }
}
