// What WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) have in common: an offer
// goes out by POST, an answer comes back with the session's address, and a DELETE
// to that ends it.
import { delay } from "./delay";

const hearWithin = 1000; // ms
const gatherFor = 1000; // ms at most; an ICE-lite server needs no candidates of ours

// Refusal is an answer other than 201.
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string, // a stable word, as "stream_offline", or ""
    detail: string,
    readonly retryAfter: number | null, // ms
  ) {
    super(detail);
  }
}

export interface Session {
  url: string; // to DELETE
  iceServers: RTCIceServer[]; // for the next time
  link: string | null; // the header
}

// discover asks an endpoint what it is: null if there is none, else the ICE servers
// that it names.
export async function discover(url: string, signal?: AbortSignal): Promise<RTCIceServer[] | null> {
  const answer = await fetch(url, { method: "OPTIONS", cache: "no-store", signal });
  return answer.ok ? iceServers(answer.headers.get("Link")) : null;
}

// negotiate makes the session for which pc has its transceivers. What the server answers
// is read as edit makes it.
export async function negotiate(
  pc: RTCPeerConnection,
  url: string,
  signal: AbortSignal,
  token = "",
  edit = (sdp: string) => sdp,
): Promise<Session> {
  await pc.setLocalDescription();
  await gathered(pc, signal);
  const headers: Record<string, string> = { "Content-Type": "application/sdp" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(url, { method: "POST", headers, body: pc.localDescription?.sdp ?? "", signal });
  if (answer.status !== 201) throw await refusal(answer);
  const session = {
    url: new URL(answer.headers.get("Location") ?? "", answer.url).href,
    iceServers: iceServers(answer.headers.get("Link")),
    link: answer.headers.get("Link"),
  };
  try {
    await pc.setRemoteDescription({ type: "answer", sdp: edit(await answer.text()) });
  } catch (error) {
    end(pc, session.url, token);
    throw error;
  }
  return session;
}

// end gives a session back and closes its connection: not before the server has
// heard of it, if it hears soon. It works while the page goes away, too.
export function end(pc: RTCPeerConnection, url: string, token = ""): void {
  const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
  const heard = fetch(url, { method: "DELETE", headers, keepalive: true }).catch(() => undefined);
  void Promise.race([heard, delay(hearWithin)]).then(() => pc.close());
}

// hungUp says that the other side has closed the connection.
export function hungUp(pc: RTCPeerConnection): boolean {
  return pc.getTransceivers().some(({ sender, receiver }) => (sender.transport ?? receiver.transport)?.state === "closed");
}

function gathered(pc: RTCPeerConnection, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, gatherFor);
    const done = () => {
      if (pc.iceGatheringState !== "complete" && !signal.aborted) return;
      clearTimeout(timer);
      resolve();
    };
    pc.addEventListener("icegatheringstatechange", done);
    signal.addEventListener("abort", done);
    done();
  });
}

async function refusal(answer: Response): Promise<Refusal> {
  const problem = (await answer.json().catch(() => ({}))) as { code?: unknown; detail?: unknown };
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  return new Refusal(
    answer.status,
    text(problem.code),
    text(problem.detail) || `The server answered with status ${answer.status}.`,
    wait(answer.headers.get("Retry-After")),
  );
}

// wait reads a Retry-After, which is in seconds or a date.
function wait(text: string | null): number | null {
  if (text === null) return null;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return ms >= 0 ? ms : null;
}

// links reads a Link header (RFC 8288).
export function links(header: string | null): { url: string; rel: string; values: Record<string, string> }[] {
  const found = [];
  for (const [, url = "", rest = ""] of (header ?? "").matchAll(/<([^>]*)>((?:\s*;\s*[\w-]+=(?:"[^"]*"|[^",;]*))*)/g)) {
    const values = Object.fromEntries([...rest.matchAll(/([\w-]+)=(?:"([^"]*)"|([^",;]*))/g)].map((m) => [m[1], m[2] ?? m[3] ?? ""]));
    found.push({ url, rel: values.rel ?? "", values });
  }
  return found;
}

// iceServers are those that an endpoint names (RFC 9725 section 4.6).
function iceServers(header: string | null): RTCIceServer[] {
  return links(header)
    .filter(({ url, rel }) => rel === "ice-server" && /^(stun|turn)s?:/.test(url))
    .map(({ url: urls, values: { username, credential } }) => (username ? { urls, username, credential } : { urls }));
}
