// The live graph: a drawing, a table of the same, and an inspector of what is chosen.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { Drawing } from "./drawing";
import { Followed } from "./graph";
import { GraphTable } from "./graph-table";
import { Inspector } from "./inspector";
import { Failure } from "./parts";
import { t } from "./words";

const most = 100; // stages that are drawn; more are in the table

export function PartGraph({ path }: { path: string }) {
  const graph = useMemo(() => new Followed(path), [path]);
  useEffect(() => graph.follow(), [graph]);
  const table = useSignal(false);
  const chosen = useSignal("");
  const empty = useComputed(() => graph.topology.value.nodes.length === 0);
  if (graph.error.value) return <Failure error={graph.error.value} retry={() => void graph.read()} />;
  if (empty.value) return <p role="status">{t("app.loading")}</p>;
  const large = graph.topology.value.nodes.length > most;
  return (
    <div class="graph">
      <div class="row" role="group" aria-label={t("graph.as")}>
        <button type="button" aria-pressed={!table.value && !large} disabled={large} onClick={() => (table.value = false)}>{t("graph.drawing")}</button>
        <button type="button" aria-pressed={table.value || large} onClick={() => (table.value = true)}>{t("graph.table")}</button>
      </div>
      {table.value || large ? <GraphTable graph={graph} /> : <Drawing graph={graph} chosen={chosen} />}
      {chosen.value && <Inspector graph={graph} chosen={chosen} />}
    </div>
  );
}
