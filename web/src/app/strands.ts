// The edges of a large graph: a line each, without a component and without words. A host of
// components would keep the browser busy for longer than it takes to draw them all.
import { effect, type ReadonlySignal } from "@preact/signals";
import type { GraphEdge } from "./api";
import { flowOf, type Followed, type Topology } from "./graph";
import { type Layout, thickness } from "./layout";
import { inSlices } from "./slices";
import { t } from "./words";

const svg = "http://www.w3.org/2000/svg";

// strands draws edges into a place, until the function that it gives is called. Which one
// has the focus of the arrow keys and which one is chosen is marked.
export function strands(place: Element, edges: Topology["edges"], lineOf: Layout["lineOf"], graph: Followed, here: ReadonlySignal<string>, chosen: ReadonlySignal<string>): () => void {
  const over = new AbortController();
  const drawn: (() => void)[] = [];
  void inSlices(edges, (e) => {
    const [line, of] = [lineOf(e), graph.edges.get(e.key)];
    if (line && of) drawn.push(strand(place, e.key, line.d, of, here, chosen));
  }, over.signal);
  return () => {
    over.abort();
    drawn.forEach((end) => end());
    place.replaceChildren();
  };
}

function strand(place: Element, id: string, d: string, of: ReadonlySignal<GraphEdge>, here: ReadonlySignal<string>, chosen: ReadonlySignal<string>): () => void {
  const group = document.createElementNS(svg, "g");
  const path = document.createElementNS(svg, "path");
  path.setAttribute("class", "line");
  path.setAttribute("d", d);
  group.setAttribute("role", "button");
  group.setAttribute("data-id", id);
  group.append(path);
  let before = ["", "", ""];
  const end = effect(() => { // once in a second for each edge: what is as it was is not touched
    const now = of.value;
    const flow = flowOf(now);
    const looks = [`edge ${flow}${chosen.value === id ? " chosen" : ""}`, here.value === id ? "0" : "-1", String(thickness(now.bitrate))];
    const [shape = "", stop = "", wide = ""] = looks;
    if (shape !== before[0]) {
      group.setAttribute("class", shape);
      group.setAttribute("aria-label", t("graph.edge", { from: now.from, to: now.to, label: t(`graph.${flow}`) }));
    }
    if (stop !== before[1]) group.setAttribute("tabindex", stop);
    if (wide !== before[2]) path.setAttribute("stroke-width", wide);
    before = looks;
  });
  place.append(group);
  return end;
}
