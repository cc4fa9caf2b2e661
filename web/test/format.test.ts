import { equal } from "node:assert/strict";
import test from "node:test";
import { bitrate, bytes, clock, duration, moment, perSecond, queue, since } from "../src/app/format";
import { count, known, t } from "../src/app/words";

test("figures are short", () => {
  for (const [got, want] of [
    [bitrate(0), "0 b/s"], [bitrate(999), "999 b/s"], [bitrate(128_400), "128 kb/s"], [bitrate(5_840_000), "5.8 Mb/s"], [bitrate(2.5e9), "2.50 Gb/s"],
    [bytes(0), "0 B"], [bytes(999), "999 B"], [bytes(1000), "1.0 kB"], [bytes(123_456_789), "123 MB"], [bytes(999_999), "1.0 MB"],
    [duration(-3), "0 s"], [duration(59.9), "59 s"], [duration(120), "2 min"], [duration(185), "3 min 5 s"], [duration(7380), "2 h 3 min"], [duration(180000), "2 d 2 h"],
    [clock(59), "0:59"], [clock(3723), "1:02:03"],
    [perSecond(30), "30"], [perSecond(29.97), "30"], [perSecond(23.98), "24"], [perSecond(12.5), "12.5"], [perSecond(187.5), "188"],
    [queue(0.04), "q 40 ms"], [queue(2.14), "q 2.1 s"],
    [since("2026-11-28T10:00:00Z", Date.parse("2026-11-28T10:00:05Z")), "5 s"], [since("0001-01-01T00:00:00Z"), "–"], [since(undefined), "–"],
    [moment("never"), "–"], [moment(undefined), "–"],
  ]) equal(got, want);
});

test("texts take values, and know one from many", () => {
  equal(t("graph.edge", { from: "cam", to: "mix", label: "$& {from}" }), "cam to mix, $& {from}");
  equal(count("overview.viewers", 1), "1 viewer");
  equal(count("overview.viewers", 0), "0 viewers");
  equal(known("state", "running"), "Running");
  equal(known("state", "levitating"), "levitating");
});
