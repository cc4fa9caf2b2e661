// The graph as two tables.
import { type Signal, useComputed } from "@preact/signals";
import type { GraphEdge } from "./api";
import { bitrate, perSecond } from "./format";
import { flowOf, type Followed } from "./graph";
import { Badge, State, Table } from "./parts";
import { t } from "./words";

export function GraphTable({ graph }: { graph: Followed }) {
  const { nodes, edges } = graph.topology.value;
  return (
    <>
      <h2>{t("graph.stages")}</h2>
      <Table caption={t("graph.stages")} columns={[t("graph.stage"), t("graph.use"), t("graph.state"), t("graph.tracks"), t("stream.viewers"), t("graph.problem")]}
        rows={nodes.map((n) => {
          const now = graph.nodes.get(n.name)?.value;
          return {
            key: n.name,
            cells: [n.name, now?.use, now && <State of={now.state} />, now?.tracks?.map((track) => track.summary).join(" + ") || t("app.none"), now?.viewers, now?.problem?.message ?? t("app.none")],
          };
        })} />
      <h2>{t("graph.edges")}</h2>
      <Table caption={t("graph.edges")} columns={[t("graph.from"), t("graph.to"), t("graph.flow"), t("graph.rate"), t("graph.bitrate"), t("graph.queue"), t("graph.dropped")]}
        rows={edges.flatMap((e) => {
          const of = graph.edges.get(e.key);
          return of ? [{ key: e.key, cells: [e.from, e.to, <FlowOf of={of} />, <Cell of={of} as={(x) => perSecond(x.fps)} />,
            <Cell of={of} as={(x) => bitrate(x.bitrate)} />, <Cell of={of} as={(x) => `${Math.round(x.queue_seconds * 1000)} ms`} />,
            <Cell of={of} as={(x) => String(x.dropped.overrun + x.dropped.keyless)} />] }] : [];
        })} />
    </>
  );
}

function Cell({ of, as }: { of: Signal<GraphEdge>; as: (e: GraphEdge) => string }) {
  return <>{useComputed(() => as(of.value))}</>;
}

function FlowOf({ of }: { of: Signal<GraphEdge> }) {
  const flow = flowOf(of.value);
  return <><Badge kind={flow}>{t(`graph.${flow}`)}</Badge> {of.value.why ?? ""}</>;
}
