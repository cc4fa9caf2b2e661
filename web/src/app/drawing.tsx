// The drawing of a graph in SVG. Stages and edges can be chosen; arrow keys go from one
// to the next along the edges.
import { type ReadonlySignal, type Signal, useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { GraphEdge, GraphNode } from "./api";
import { bitrate, perSecond, queue } from "./format";
import { flowOf, type Followed, type Topology } from "./graph";
import { box, type Layout, layout, type Line, type Place, thickness } from "./layout";
import { useGrowing } from "./parts";
import { strands } from "./strands";
import { known, t } from "./words";

// labelled is how many edges have their label written beside them; with more, they have
// it when they are chosen, and in the table.
const labelled = 60;

const dropping = `✗ ${t("graph.dropping")}`;

export function labelOf(e: GraphEdge): string {
  const flow = flowOf(e);
  if (flow === "idle") return t("graph.idle");
  if (flow === "stalled") return t("graph.stalled") + (e.why ? `: ${e.why}` : "");
  const pictures = e.fps > 0 ? `${perSecond(e.fps)} fps · ` : "";
  const figures = `${pictures}${bitrate(e.bitrate)} · ${queue(e.queue_seconds)}`;
  return flow === "dropping" ? `${dropping} ${figures}` : figures;
}

// next is what an arrow key leads to: along the edges to the sides, among its like up
// and down.
export function next(key: string, at: string, { nodes, edges }: Topology, places: ReadonlyMap<string, Place>): string {
  const edge = edges.find((e) => e.key === at);
  const y = (name: string) => places.get(name)?.y ?? 0;
  if (edge) {
    if (key === "ArrowRight") return edge.to;
    if (key === "ArrowLeft") return edge.from;
    const like = edges.filter((e) => e.from === edge.from).sort((a, b) => y(a.to) - y(b.to) || a.lane - b.lane);
    return step(key, like.map((e) => e.key), at);
  }
  if (key === "ArrowRight") return edges.filter((e) => e.from === at).sort((a, b) => y(a.to) - y(b.to))[0]?.key ?? at;
  if (key === "ArrowLeft") return edges.filter((e) => e.to === at).sort((a, b) => y(a.from) - y(b.from))[0]?.key ?? at;
  const x = places.get(at)?.x;
  const like = nodes.filter((n) => places.get(n.name)?.x === x).sort((a, b) => y(a.name) - y(b.name));
  return step(key, like.map((n) => n.name), at);
}

function step(key: string, all: string[], at: string): string {
  const to = all.indexOf(at) + (key === "ArrowDown" ? 1 : -1);
  return all[to] ?? at;
}

export function Drawing({ graph, chosen }: { graph: Followed; chosen: Signal<string> }) {
  const topology = graph.topology.value;
  const { places, lineOf, width, height } = useMemo(() => layout(topology.nodes, topology.edges), [topology]);
  const focused = useSignal("");
  const svg = useRef<SVGSVGElement>(null);
  const first = topology.nodes[0]?.name ?? "";
  const here = useComputed(() => focused.value || first);
  const press = (event: JSX.TargetedKeyboardEvent<SVGSVGElement>) => {
    if (event.key === "Enter" || event.key === " ") chosen.value = here.value;
    else if (event.key === "Escape") chosen.value = "";
    else if (event.key.startsWith("Arrow")) {
      focused.value = next(event.key, here.value, topology, places);
      svg.current?.querySelector<SVGGElement>(`[data-id="${CSS.escape(focused.value)}"]`)?.focus();
    } else return;
    event.preventDefault();
  };
  const pick = (event: JSX.TargetedMouseEvent<SVGSVGElement>) => {
    const id = (event.target as Element).closest<SVGGElement>("[data-id]")?.dataset.id;
    if (id) focused.value = chosen.value = id;
  };
  return (
    <>
      <p class="help" id="graph-help">{t("graph.help")}</p>
      <div class="canvas">
        <svg ref={svg} role="group" aria-label={t("graph.label")} aria-describedby="graph-help" width={width} height={height} viewBox={`0 0 ${width} ${height}`} onKeyDown={press} onClick={pick}>
          <Edges edges={topology.edges} lineOf={lineOf} graph={graph} here={here} chosen={chosen} />
          <Nodes nodes={topology.nodes} places={places} graph={graph} here={here} chosen={chosen} />
        </svg>
      </div>
    </>
  );
}

interface Many { graph: Followed; here: ReadonlySignal<string>; chosen: Signal<string> }

const perFrame = 20; // stages or edges that are drawn at once

function Nodes({ nodes, places, ...all }: Many & { nodes: Topology["nodes"]; places: ReadonlyMap<string, Place> }) {
  const drawn = useGrowing(nodes.length, perFrame);
  return (
    <g>
      {nodes.slice(0, drawn).map(({ name }) => {
        const [place, of] = [places.get(name), all.graph.nodes.get(name)];
        return place && of && <Node key={name} id={name} place={place} of={of} here={all.here} chosen={all.chosen} />;
      })}
    </g>
  );
}

function Edges({ edges, lineOf, ...all }: Many & { edges: Topology["edges"]; lineOf: Layout["lineOf"] }) {
  return edges.length > labelled ? <Strands edges={edges} lineOf={lineOf} {...all} /> : <Worded edges={edges} lineOf={lineOf} {...all} />;
}

function Strands({ edges, lineOf, graph, here, chosen }: Parameters<typeof Edges>[0]) {
  const place = useRef<SVGGElement>(null);
  useEffect(() => (place.current ? strands(place.current, edges, lineOf, graph, here, chosen) : undefined), [edges]);
  return <g ref={place} />;
}

function Worded({ edges, lineOf, ...all }: Parameters<typeof Edges>[0]) {
  const drawn = useGrowing(edges.length, perFrame);
  const lines = useMemo(() => edges.map(lineOf), [edges]);
  return (
    <g>
      {edges.slice(0, drawn).map(({ key }, i) => {
        const [line, of] = [lines[i], all.graph.edges.get(key)];
        return line && of && <Edge key={key} id={key} line={line} of={of} here={all.here} chosen={all.chosen} />;
      })}
    </g>
  );
}

interface Item<T> { id: string; of: Signal<T>; here: ReadonlySignal<string>; chosen: Signal<string> }

function Edge({ id, line: { d, label: at }, of, here, chosen }: Item<GraphEdge> & { line: Line }) {
  const label = useComputed(() => labelOf(of.value));
  const figures = useComputed(() => label.value.replace(`${dropping} `, ""));
  const flow = useComputed(() => flowOf(of.value));
  const name = useComputed(() => t("graph.edge", { from: of.value.from, to: of.value.to, label: label.value }));
  const wide = useComputed(() => thickness(of.value.bitrate));
  const shape = useComputed(() => `edge ${flow.value}${chosen.value === id ? " chosen" : ""}`);
  const stop = useComputed(() => (here.value === id ? 0 : -1));
  return (
    <g class={shape} role="button" tabindex={stop} aria-label={name} data-id={id}>
      <path class="reach" d={d} />
      <path class="line" d={d} stroke-width={wide} />
      {flow.value === "dropping" && <text x={at.x} y={at.y - 22} text-anchor="middle">{dropping}</text>}{" "}
      <text x={at.x} y={at.y - 8} text-anchor="middle">{figures}</text>
    </g>
  );
}

function Node({ id, place, of, here, chosen }: Item<GraphNode> & { place: Place }) {
  const state = useComputed(() => of.value.state);
  const use = useComputed(() => of.value.use);
  const words = useComputed(() => known("state", of.value.state) + (of.value.problem ? ` ✗` : "") + (of.value.viewers > 0 ? ` · ${of.value.viewers} ◉` : ""));
  const problem = useComputed(() => of.value.problem?.message);
  const shape = useComputed(() => `node ${state.value}${of.value.inserted ? " inserted" : ""}${of.value.problem ? " problem" : ""}${chosen.value === id ? " chosen" : ""}`);
  const stop = useComputed(() => (here.value === id ? 0 : -1));
  return (
    <g class={shape} role="button" tabindex={stop} aria-description={problem} data-id={id} transform={`translate(${place.x} ${place.y})`}>
      <rect width={box.width} height={box.height} rx="8" />
      <text class="name" x="12" y="22">{id}</text>{" "}
      <text class="use" x="12" y="39">{use}</text>{" "}
      <text class="state" x="12" y="55">{words}</text>
    </g>
  );
}
