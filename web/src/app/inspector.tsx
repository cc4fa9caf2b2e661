// What is known of the stage or edge that is chosen in the graph.
import { type Signal, useComputed } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { GraphEdge, GraphNode } from "./api";
import { bitrate, bytes, moment, perSecond, since } from "./format";
import { flowOf, type Followed } from "./graph";
import { events } from "./live";
import { Badge, State } from "./parts";
import { Spark } from "./spark";
import { t } from "./words";

export function Inspector({ graph, chosen }: { graph: Followed; chosen: Signal<string> }) {
  const title = useRef<HTMLHeadingElement>(null);
  const id = chosen.value;
  useEffect(() => title.current?.focus(), [id]);
  const node = graph.nodes.get(id);
  const edge = graph.edges.get(id);
  const close = () => {
    chosen.value = "";
    queueMicrotask(() => document.querySelector<SVGGElement>(`[data-id="${CSS.escape(id)}"]`)?.focus());
  };
  return (
    <section class="card inspector" aria-label={t("graph.inspector")} onKeyDown={(e) => e.key === "Escape" && close()}>
      <div class="row">
        <h2 ref={title} tabIndex={-1}>{edge ? `${edge.value.from} → ${edge.value.to}` : id}</h2>
        <button type="button" class="quiet" onClick={close} aria-label={t("app.close")}>✗</button>
      </div>
      {node && <OfNode of={node} />}
      {edge && <OfEdge id={id} of={edge} graph={graph} />}
      {node && <Incoming name={id} graph={graph} />}
      <Last stage={edge ? edge.value.to : id} path={graph.path} />
    </section>
  );
}

function OfNode({ of }: { of: Signal<GraphNode> }) {
  const n = of.value;
  return (
    <>
      <dl>
        <div><dt>{t("graph.use")}</dt><dd>{n.use}{n.inserted && ` (${t("graph.inserted")})`}</dd></div>
        <div><dt>{t("graph.state")}</dt><dd><State of={n.state} /></dd></div>
        <div><dt>{t("graph.since")}</dt><dd>{since(n.since)}</dd></div>
        <div><dt>{t("graph.restarts")}</dt><dd>{n.restarts}</dd></div>
        {n.viewers > 0 && <div><dt>{t("stream.viewers")}</dt><dd>{n.viewers}</dd></div>}
      </dl>
      {n.why && <p>{t("graph.why")}: {n.why}</p>}
      {n.problem && <p class="wrong">✗ {n.problem.message}</p>}
      {n.tracks && n.tracks.length > 0 && <ul>{n.tracks.map((track) => <li key={track.id}>{track.summary}</li>)}</ul>}
      {n.detail != null && <details><summary>{t("graph.control")}</summary><pre tabIndex={0}>{JSON.stringify(n.detail, null, 2)}</pre></details>}
    </>
  );
}

function Sparks({ id, graph }: { id: string; graph: Followed }) {
  void graph.beats.value;
  const h = graph.history(id);
  return h ? (
    <div class="sparks" aria-label={t("graph.lastMinutes")} role="group">
      <Spark what={t("graph.rate")} values={h.fps} as={perSecond} />
      <Spark what={t("graph.bitrate")} values={h.bitrate} as={bitrate} />
      <Spark what={t("graph.queue")} values={h.queue} as={(s) => `${Math.round(s * 1000)} ms`} />
    </div>
  ) : null;
}

function OfEdge({ id, of, graph }: { id: string; of: Signal<GraphEdge>; graph: Followed }) {
  const e = of.value;
  const flow = flowOf(e);
  return (
    <>
      <p><Badge kind={flow}>{t(`graph.${flow}`)}</Badge> {e.why}</p>
      <p>{t("graph.total", { units: e.units, bytes: bytes(e.bytes) })}. {t("graph.dropped")}: {e.dropped.overrun + e.dropped.keyless}</p>
      <Sparks id={id} graph={graph} />
    </>
  );
}

// Incoming shows what a stage gets, and of one that gets nothing what it gives.
function Incoming({ name, graph }: { name: string; graph: Followed }) {
  const { edges } = graph.topology.value;
  const about = edges.find((e) => e.to === name) ?? edges.find((e) => e.from === name);
  return about ? <><h3>{about.from} → {about.to}</h3><Sparks id={about.key} graph={graph} /></> : null;
}

const few = 8;

function Last({ stage, path }: { stage: string; path: string }) {
  const last = useComputed(() => events.value.filter((e) => e.stream === path && (!e.stage || e.stage === stage)).slice(0, few));
  return (
    <>
      <h3>{t("graph.events")}</h3>
      {last.value.length === 0 ? <p>{t("graph.events.none")}</p> : (
        <ul class="plain">{last.value.map((e) => <li key={e.id}><time dateTime={e.timestamp}>{moment(e.timestamp)}</time> {e.type}</li>)}</ul>
      )}
    </>
  );
}
