import { deepEqual, equal, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { offers, placeAt, type Schema } from "../src/app/completion";
import { brief, diff } from "../src/app/diff";
import { doors } from "../src/app/publishing";
import { dragged, pressed } from "../src/app/scene";
import { Parser } from "../src/app/sse";

test("events come whole, however they are cut", () => {
  const text = ": hello\nid: 7\nevent: stats\ndata: {\"a\":\ndata: 1}\n\ndata:x\r\n\r\nevent: none\n\n";
  for (let cut = 0; cut < text.length; cut++) {
    const parser = new Parser();
    deepEqual([...parser.feed(text.slice(0, cut)), ...parser.feed(text.slice(cut))], [
      { id: "7", event: "stats", data: "{\"a\":\n1}" }, { id: "7", event: "message", data: "x" },
    ]);
  }
});

test("a difference is what was taken out and what was put in", () => {
  const words = (before: string, now: string) => diff(before, now).map((l) => ({ same: " ", added: "+", removed: "-", skipped: "…" })[l.kind] + l.text).join("");
  equal(words("a\nb\nc", "a\nB\nc"), " a-b+B c");
  equal(words("", ""), " ");
  equal(words("a\nb", "b\na"), "-a b+a");
  equal(words("a\na", "a"), " a-a");
  const long = Array.from({ length: 40 }, (_, i) => String(i));
  equal(brief(diff(long.join("\n"), long.map((l, i) => (i === 20 ? "x" : l)).join("\n"))).length, 9);
});

test("doors are where the pipelines take publishers", () => {
  const here = { origin: "https://tv.example", hostname: "tv.example" };
  const pipelines = [
    { id: "live/{name}", when: "published", streams: [], stages: [{ name: "a", use: "ingest/rtmp" }, { name: "b", use: "ingest/whip" }] },
    { id: "file/clip", when: "always", streams: [], stages: [{ name: "a", use: "ingest/file" }] },
  ];
  const at = (address: string) => [{ name: "rtmp", protocol: "rtmp", address }];
  deepEqual(doors(pipelines, at("[::]:1935"), here, "my show"), [
    { pipeline: "live/{name}", rtmp: "rtmp://tv.example/live/my%20show", whip: "https://tv.example/live/my%20show/whip", browser: "/live/my%20show/publish" },
  ]);
  equal(doors(pipelines, at(":1936"), here, "x")[0]?.rtmp, "rtmp://tv.example:1936/live/x");
});

test("boxes stay on the canvas", () => {
  const box = { x: 60, y: 60, width: 30, height: 30 };
  deepEqual(dragged(box, 50, -90, false), { x: 70, y: 0, width: 30, height: 30 });
  deepEqual(dragged(box, 50, -90, true), { x: 60, y: 60, width: 40, height: 2 });
  deepEqual(pressed(box, "ArrowLeft", false), { ...box, x: 59 });
  deepEqual(pressed(box, "ArrowDown", true), { ...box, height: 31 });
  equal(pressed(box, "a", false), null);
});

test("completion knows where it is", () => {
  const schema = JSON.parse(readFileSync("../configs/weir.schema.json", "utf8")) as Schema;
  const at = (text: string) => offers(schema, placeAt(text)).map((o) => o.label);
  const head = "pipelines:\n  live/{name}:\n    stages:\n";
  for (const [text, want] of [
    ["ser", "server"],
    ["server:\n  ht", "http"],
    ["server:\n  http:\n    lis", "listen"],
    ["pipelines:\n  live/{name}:\n    wh", "when"],
    ["pipelines:\n  live/{name}:\n    when: ", "demanded"],
    [`${head}      cam: {us`, "use"],
    [`${head}      cam: {use: ing`, "ingest/rtmp"],
    [`${head}      cam: {use: ingest/rtmp, with: {gr`, "grace"],
    [`${head}      cam:\n        use: ingest/rtmp\n        with:\n          gr`, "grace"],
    [`${head}      cam: {use: ingest/rtmp}\n      hls: {use: outputs/hls, with: {low_latency: `, "true"],
  ] as const) ok(at(text).includes(want), `${JSON.stringify(text.slice(-40))} offers ${at(text)}`);
  ok(!at(`${head}      cam: {use: ingest/whip, with: {`).includes("max_spool"));
});
