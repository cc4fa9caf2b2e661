// A graph that is followed: what is drawn of it changes with its own signal, so that one
// second's news touch what is new and nothing else.
import { type Signal, signal } from "@preact/signals";
import { get, type Graph, type GraphEdge, type GraphNode, type Happening, ofStream } from "./api";
import { listen } from "./live";
import { inSlices } from "./slices";
import { t } from "./words";

export interface Delta { whole?: boolean; nodes?: GraphNode[]; edges?: GraphEdge[] }
export interface Topology { nodes: { name: string; column: number }[]; edges: { key: string; from: string; to: string; lane: number }[] }

export const keyOf = (e: { from: string; from_port?: string; to: string; port?: string }) => `${e.from}.${e.from_port ?? ""}>${e.to}.${e.port ?? ""}`;

// kept is how many seconds of figures are kept.
export const kept = 300;

export type Figure = "fps" | "bitrate" | "queue";
export type History = Record<Figure, number[]>;

export class Followed {
  readonly topology = signal<Topology>({ nodes: [], edges: [] });
  readonly nodes = new Map<string, Signal<GraphNode>>();
  readonly edges = new Map<string, Signal<GraphEdge>>();
  readonly beats = signal(0); // counts the seconds
  readonly error = signal<unknown>(null);
  live = false;
  private readonly past = new Map<string, History>();
  private readonly over = new AbortController();
  private hush = () => {};

  constructor(readonly path: string) {}

  follow(): () => void {
    this.hush = listen(`graph:${this.path}`, (event) => void this.hear(event));
    void this.read();
    const timer = setInterval(() => this.beat(), 1000);
    return () => {
      this.over.abort();
      this.hush();
      clearInterval(timer);
    };
  }

  async read(): Promise<void> {
    try {
      await this.take(await get<Graph>(ofStream(this.path, "/graph")));
      this.error.value = null;
    } catch (error) {
      this.error.value = error;
    }
  }

  // take puts a whole graph in the place of what there was.
  async take(graph: Pick<Graph, "live" | "nodes" | "edges">): Promise<void> {
    this.live = graph.live;
    const names = new Set(graph.nodes.map((n) => n.name));
    const keys = new Set(graph.edges.map(keyOf));
    for (const name of this.nodes.keys()) if (!names.has(name)) this.nodes.delete(name);
    for (const key of this.edges.keys()) if (!keys.has(key)) this.edges.delete(key), this.past.delete(key);
    await this.change(graph);
  }

  // change brings in what is new. Figures go to signals that are there, one by one.
  async change(delta: Delta): Promise<void> {
    let structure = false;
    await inSlices(delta.nodes ?? [], (now) => {
      const there = this.nodes.get(now.name);
      if (there && there.peek().column !== now.column) structure = true;
      if (there) there.value = now;
      else this.nodes.set(now.name, signal(now)), (structure = true);
    }, this.over.signal);
    await inSlices(delta.edges ?? [], (now) => {
      const key = keyOf(now);
      const there = this.edges.get(key);
      if (there) there.value = now;
      else this.edges.set(key, signal(now)), (structure = true);
    }, this.over.signal);
    if (structure || this.topology.peek().nodes.length !== this.nodes.size || this.topology.peek().edges.length !== this.edges.size) this.rebuild();
  }

  history(key: string): History | undefined {
    return this.past.get(key);
  }

  private async hear(event: Happening): Promise<void> {
    const data = event.data as (Delta & { live?: boolean }) | null;
    if (!data) return;
    if (!data.whole) return this.change(data);
    this.error.value = data.nodes?.length ? null : new Error(t("stream.gone"));
    await this.take({ live: !!data.live, nodes: data.nodes ?? [], edges: data.edges ?? [] });
  }

  private rebuild(): void {
    const pairs = new Map<string, number>();
    const nodes = [...this.nodes.values()].map((n) => ({ name: n.peek().name, column: n.peek().column }));
    const edges = [...this.edges.entries()].map(([key, e]) => {
      const { from, to } = e.peek();
      const lane = pairs.get(`${from}>${to}`) ?? 0;
      pairs.set(`${from}>${to}`, lane + 1);
      return { key, from, to, lane };
    }).filter((e) => this.nodes.has(e.from) && this.nodes.has(e.to));
    this.topology.value = { nodes, edges };
  }

  private beat(): void {
    void inSlices([...this.edges], ([key, e]) => {
      const now = e.peek();
      const h = this.past.get(key) ?? { fps: [], bitrate: [], queue: [] };
      this.past.set(key, h);
      const push = (list: number[], value: number) => list.push(value) > kept && list.shift();
      push(h.fps, now.fps);
      push(h.bitrate, now.bitrate);
      push(h.queue, now.queue_seconds);
    }, this.over.signal).then(() => {
      this.beats.value++;
    });
  }
}

export type Flow = "flows" | "stalled" | "dropping" | "idle";

export function flowOf(e: GraphEdge): Flow {
  if (e.dropping) return "dropping";
  if (e.stalled) return "stalled";
  return e.units_per_second > 0 || e.bitrate > 0 ? "flows" : "idle";
}
