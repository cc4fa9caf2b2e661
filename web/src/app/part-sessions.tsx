// Who sends and who watches a stream.
import { list, ofStream, type Peer, seg, send } from "./api";
import { bitrate, bytes, since } from "./format";
import { Act, Failure, Table, useAsked, useEvery } from "./parts";
import { may } from "./session";
import { t } from "./words";

export function PartSessions({ path }: { path: string }) {
  const { value, error, again } = useAsked(() => list<Peer>(ofStream(path, "/sessions")), [path]);
  useEvery(2000, () => void again(), [path]);
  if (error && !value) return <Failure error={error} retry={() => void again()} />;
  const kick = async (id: string) => {
    await send("DELETE", ofStream(path, `/sessions/${seg(id)}`));
    await again();
  };
  return (
    <Table caption={t("session.list")} empty={value ? t("session.none") : undefined}
      columns={[t("session.role"), t("session.protocol"), t("session.remote"), t("session.agent"), t("session.subject"), t("session.since"), t("session.bytes"), t("stream.bitrate"), t("app.actions")]}
      rows={(value ?? []).map((p) => ({
        key: p.id,
        cells: [
          p.publisher ? `▲ ${t("session.publisher")}` : t("session.viewer"), p.protocol, p.remote, p.agent || t("app.none"), p.subject || t("app.none"),
          since(p.since), bytes(p.bytes), bitrate(p.bitrate),
          <Act disabled={!may("operate")} label={t("session.kick.of", { remote: p.remote })} done={t("session.kicked")} act={() => kick(p.id)}>{t("session.kick")}</Act>,
        ],
      }))} />
  );
}
