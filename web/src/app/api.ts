// The API: its shapes, and how it is asked. Docs are in /v1/openapi.json.

export interface Page<T> { items: T[]; next_cursor?: string }
export interface Address { name: string; protocol: string; address: string }
export interface Server { version: string; started_at: string; setup_needed: boolean; writable: boolean; addresses: Address[]; limits?: { limit: string; current: number; max: number }[] }
export interface Session { name: string; scope: Scope; streams?: string[] | null }
export type Scope = "read" | "operate" | "configure" | "admin";

export type Severity = "ok" | "warning" | "error";
export interface Finding { rule: string; severity: Severity; message: string; fix: string; target?: string }
export interface OutputState { name: string; use: string; state: string; reason?: string; message?: string }
export interface Stream {
  path: string; pipeline: string; state: string; since: string; viewers: number; bitrate: number; summary: string;
  verdict: Severity; findings: Finding[]; outputs: OutputState[]; recording: boolean; has_still: boolean; watch: string[]; publish: boolean;
}
export interface Pipeline { id: string; when: string; stages: { name: string; use: string; from?: string[] }[]; streams: string[] }

export interface Layer { name: string; width: number; height: number; fps: number; bitrate: number }
export interface Track { id: string; kind: string; codec: string; layers?: Layer[]; summary: string }
export interface GraphNode {
  name: string; use: string; role: string; inserted: boolean; why?: string; state: string; since: string; viewers: number;
  problem?: { kind: string; message: string }; restarts: number; detail?: unknown; tracks?: Track[]; column: number;
}
export interface GraphEdge {
  from: string; from_port: string; to: string; port: string; fps: number; units_per_second: number; bitrate: number; queue_seconds: number; queued: number;
  units: number; bytes: number; dropped: { overrun: number; keyless: number }; dropping: boolean; stalled: boolean; why?: string;
}
export interface Graph { path?: string; pattern: string; live: boolean; nodes: GraphNode[]; edges: GraphEdge[] }

export interface Output extends OutputState {
  from?: unknown; origin: string; persistent: boolean; stopped: boolean;
  with: Record<string, unknown>; detail?: unknown; findings: Finding[];
}
export interface Judgement { seconds: number; judged: boolean; findings: Finding[]; via: { use: string; why: string }[] }
export interface Platform { name: string; title: string; checked_on: string; source: string; url: string; needs_key: boolean }
export interface Peer {
  id: string; stage: string; protocol: string; remote: string; agent: string; subject: string; since: string; bytes: number; bitrate: number;
  publisher: boolean; detail?: unknown;
}
export interface Recording {
  id: string; stream: string; state: string; started_at: string; seconds: number; bytes: number; store: string; prefix: string; segments: number;
  export?: { state: string; url?: string };
}
export interface Probed { ok: boolean; steps: { what: string; ok: boolean; message?: string }[] }
export interface Happening { id: string; type: string; timestamp: string; stream?: string; stage?: string; data?: unknown }
export interface ConfigText { yaml: string; name: string; writable: boolean; version: string | number }
export interface ConfigProblem { line: number; column: number; message: string; hint?: string; excerpt?: string }
export interface Change { pipeline: string; change: string }
export interface User { id: string; scope: Scope; streams?: string[] | null; declared?: boolean }
export interface Token { id: string; name: string; scopes: string[]; streams?: string[] | null; expires_at?: string; last_used_at?: string; secret?: string }
export interface PublishKey { id: string; stream: string; name: string; valid_from?: string; expires?: string; secret?: string }
export interface Webhook { id: string; url: string; events?: string[] | null; disabled?: boolean; state?: string; message?: string; origin?: string; secret?: string }
export interface Delivery { event_id: string; type: string; at: string; state: string; attempt: number; status?: number; error?: string }

export const root = "/v1";

// seg is a text as one segment of a URL: live/studio becomes live%2Fstudio.
export const seg = encodeURIComponent;
export const ofStream = (path: string, rest = "") => `/streams/${seg(path)}${rest}`;

// Problem is an error that the server explains (RFC 9457), or the lack of an answer,
// which has the status 0.
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly errors: { location: string; message: string }[] = [],
  ) {
    super(detail);
  }
}

// words is what to tell a person of an error.
export function words(error: unknown): string {
  if (!(error instanceof Problem)) return error instanceof Error ? error.message : String(error);
  const places = error.errors.map((each) => `${each.location.replace(/^body\./, "")}: ${each.message}`);
  return [error.message, ...places].join(" ");
}

export interface Answer<T> { body: T; etag: string }

// ask sends a request and gives the answer's body and ETag.
export async function ask<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> {
  let response: Response;
  try {
    response = await fetch(root + path, {
      method,
      cache: "no-store",
      credentials: "same-origin",
      headers: body === undefined ? headers : { "Content-Type": method === "PATCH" ? "application/merge-patch+json" : "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, "unreachable", "The server cannot be reached.");
  }
  const json = response.headers.get("Content-Type")?.includes("json") ? await response.json().catch(() => null) : null;
  if (!response.ok) throw new Problem(response.status, json?.code ?? "", json?.detail ?? json?.title ?? `The server answered ${response.status}.`, json?.errors ?? []);
  return { body: json as T, etag: response.headers.get("ETag") ?? "" };
}

export async function get<T>(path: string): Promise<T> {
  return (await ask<T>("GET", path)).body;
}

// create is a POST that makes one thing, however often it is sent on its way.
export async function create<T>(path: string, body: unknown): Promise<T> {
  return (await ask<T>("POST", path, body, { "Idempotency-Key": crypto.getRandomValues(new Uint32Array(4)).join("-") })).body;
}

export async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  return (await ask<T>(method, path, body)).body;
}

const mostPages = 20;

// list reads all pages of a list. Some lists have one page only, and take no cursor.
export async function list<T>(path: string): Promise<T[]> {
  const all: T[] = [];
  let cursor = "";
  for (let i = 0; i < mostPages; i++) {
    const more = cursor && `${path.includes("?") ? "&" : "?"}cursor=${seg(cursor)}`;
    const page = await get<Page<T>>(path + more);
    all.push(...page.items);
    if (!page.next_cursor) break;
    cursor = page.next_cursor;
  }
  return all;
}
