// What has happened: what was there before the page was opened, and what came since.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, type Happening, type Page } from "./api";
import { moment } from "./format";
import { events } from "./live";
import { Failure, Field, Table } from "./parts";
import { link } from "./route";
import { t } from "./words";

const most = 200;

const detail = (data: unknown) => (data == null ? "" : typeof data === "string" ? data : JSON.stringify(data));

export function Events() {
  const before = useSignal<Happening[]>([]);
  const error = useSignal<unknown>(null);
  const filter = useSignal("");
  const read = () => get<Page<Happening>>(`/events/log?limit=${most}`).then((page) => ((before.value = page.items), (error.value = null)), (e) => (error.value = e));
  useEffect(() => void read(), []);
  const all = useComputed(() => {
    const fresh = new Set(events.value.map((e) => e.id));
    const wanted = filter.value.trim().toLowerCase();
    return [...events.value, ...before.value.filter((e) => !fresh.has(e.id))]
      .filter((e) => !wanted || `${e.type} ${e.stream ?? ""} ${detail(e.data)}`.toLowerCase().includes(wanted)).slice(0, most);
  });
  return (
    <>
      <div class="heading"><h1>{t("events.title")}</h1></div>
      {error.value != null && <Failure error={error.value} retry={() => void read()} />}
      <Field label={t("events.filter")}>{(c) => <input {...c} type="search" value={filter.value} onInput={(e) => (filter.value = e.currentTarget.value)} />}</Field>
      <Table caption={t("events.list")} empty={t("events.none")} columns={[t("events.time"), t("events.type"), t("events.stream"), t("events.detail")]}
        rows={all.value.map((e) => ({
          key: e.id,
          cells: [<time dateTime={e.timestamp}>{moment(e.timestamp)}</time>, e.type, e.stream ? <a href={link("streams", e.stream)}>{e.stream}</a> : t("app.none"), detail(e.data) || t("app.none")],
        }))} />
    </>
  );
}
