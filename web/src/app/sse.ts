// Server-sent events over fetch: unlike EventSource this takes events of every name, and
// tells a refusal from a lost connection.

export interface Message { id: string; event: string; data: string }

const mostLine = 8 << 20; // characters of one event

// Parser makes messages of text that arrives in pieces.
export class Parser {
  private rest = "";
  private data: string[] = [];
  private event = "";
  id = "";

  feed(text: string): Message[] {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    if (this.rest.length > mostLine) throw new Error("an event is too long");
    const out: Message[] = [];
    for (const each of lines) {
      const line = each.endsWith("\r") ? each.slice(0, -1) : each;
      if (line === "") {
        if (this.data.length > 0) out.push({ id: this.id, event: this.event || "message", data: this.data.join("\n") });
        this.data = [];
        this.event = "";
        continue;
      }
      const colon = line.indexOf(":");
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (name === "data") this.data.push(value);
      else if (name === "event") this.event = value;
      else if (name === "id") this.id = value;
    }
    return out;
  }
}

// follow reads events until it is stopped or the connection ends; it gives the id of the
// last one. opened is called when there is an answer.
export async function follow(url: string, last: string, stop: AbortSignal, opened: () => void, heard: (m: Message) => void): Promise<string> {
  const headers: Record<string, string> = { Accept: "text/event-stream" };
  if (last) headers["Last-Event-ID"] = last;
  const response = await fetch(url, { headers, signal: stop, cache: "no-store", credentials: "same-origin" });
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw new Error(`status ${response.status}`);
  }
  opened();
  const parser = new Parser();
  parser.id = last;
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return parser.id;
      for (const message of parser.feed(decoder.decode(value, { stream: true }))) heard(message);
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}
