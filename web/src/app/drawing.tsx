// The drawing of a graph in SVG. Stages and edges can be chosen; arrow keys go from one
// to the next along the edges.
import { type ReadonlySignal, type Signal, useComputed, useSignal } from "@preact/signals";
import type { JSX, VNode } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { GraphEdge, GraphNode } from "./api";
import { bitrate, perSecond, queue } from "./format";
import { flowOf, type Followed, type Topology } from "./graph";
import { box, layout, type Line, type Place, thickness } from "./layout";
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

const perFrame = 25; // edges that are drawn at once

export function Drawing({ graph, chosen }: { graph: Followed; chosen: Signal<string> }) {
  const topology = graph.topology.value;
  const { places, lines, width, height } = useMemo(() => layout(topology.nodes, topology.edges), [topology]);
  const focused = useSignal("");
  const drawn = useSignal(perFrame);
  const svg = useRef<SVGSVGElement>(null);
  useEffect(() => {
    if (drawn.value >= topology.edges.length) return;
    const frame = requestAnimationFrame(() => (drawn.value += perFrame));
    return () => cancelAnimationFrame(frame);
  }, [drawn.value, topology]);
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
  const pick = (id: string) => {
    focused.value = id;
    chosen.value = id;
  };
  const words = topology.edges.length <= labelled;
  const chunks = useMemo<(VNode | null)[]>(() => [], [topology]); // those that are made are not looked at again
  for (let from = 0; from < Math.min(drawn.value, topology.edges.length); from += perFrame) {
    chunks[from / perFrame] ??= (
      <g key={from}>
        {topology.edges.slice(from, from + perFrame).map((e) => {
          const [line, of] = [lines.get(e.key), graph.edges.get(e.key)];
          return line && of && <Edge key={e.key} id={e.key} line={line} of={of} here={here} chosen={chosen} pick={pick} words={words} />;
        })}
      </g>
    );
  }
  return (
    <>
      <p class="help" id="graph-help">{t("graph.help")}</p>
      <div class="canvas">
        <svg ref={svg} role="group" aria-label={t("graph.label")} aria-describedby="graph-help" width={width} height={height} viewBox={`0 0 ${width} ${height}`} onKeyDown={press}>
          {chunks}
          {topology.nodes.map((n) => {
            const [place, of] = [places.get(n.name), graph.nodes.get(n.name)];
            return place && of && <Node key={n.name} id={n.name} place={place} of={of} here={here} chosen={chosen} pick={pick} />;
          })}
        </svg>
      </div>
    </>
  );
}

interface Item<T> { id: string; of: Signal<T>; here: ReadonlySignal<string>; chosen: Signal<string>; pick: (id: string) => void }

function Edge({ id, line: { d, label: at }, of, here, chosen, pick, words }: Item<GraphEdge> & { line: Line; words: boolean }) {
  const label = useComputed(() => labelOf(of.value));
  const figures = useComputed(() => label.value.replace(`${dropping} `, ""));
  const flow = useComputed(() => flowOf(of.value));
  const name = useComputed(() => t("graph.edge", { from: of.value.from, to: of.value.to, label: label.value }));
  const wide = useComputed(() => thickness(of.value.bitrate));
  const shape = useComputed(() => `edge ${flow.value}${chosen.value === id ? " chosen" : ""}`);
  const stop = useComputed(() => (here.value === id ? 0 : -1));
  return (
    <g class={shape} role="button" tabindex={stop} aria-label={name} data-id={id} onClick={() => pick(id)}>
      {words && <path class="reach" d={d} />}
      <path class="line" d={d} stroke-width={wide} />
      {words && flow.value === "dropping" && <text x={at.x} y={at.y - 22} text-anchor="middle">{dropping}</text>}{" "}
      {words && <text x={at.x} y={at.y - 8} text-anchor="middle">{figures}</text>}
    </g>
  );
}

function Node({ id, place, of, here, chosen, pick }: Item<GraphNode> & { place: Place }) {
  const state = useComputed(() => of.value.state);
  const use = useComputed(() => of.value.use);
  const words = useComputed(() => known("state", of.value.state) + (of.value.problem ? ` ✗` : "") + (of.value.viewers > 0 ? ` · ${of.value.viewers} ◉` : ""));
  const problem = useComputed(() => of.value.problem?.message);
  const shape = useComputed(() => `node ${state.value}${of.value.inserted ? " inserted" : ""}${of.value.problem ? " problem" : ""}${chosen.value === id ? " chosen" : ""}`);
  const stop = useComputed(() => (here.value === id ? 0 : -1));
  return (
    <g class={shape} role="button" tabindex={stop} aria-description={problem} data-id={id} transform={`translate(${place.x} ${place.y})`} onClick={() => pick(id)}>
      <rect width={box.width} height={box.height} rx="8" />
      <text class="name" x="12" y="22">{id}</text>{" "}
      <text class="use" x="12" y="39">{use}</text>{" "}
      <text class="state" x="12" y="55">{words}</text>
    </g>
  );
}
