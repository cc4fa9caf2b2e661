import { deepEqual, equal, ok } from "node:assert/strict";
import test from "node:test";
import { box, crossings, layout, order, thickness } from "../src/app/layout";

const keyed = (pairs: string[][]) => pairs.map(([from = "", to = ""]) => ({ key: `${from}>${to}`, from, to, lane: 0 }));

test("the order has no crossing where there need be none", () => {
  const nodes = ["a", "b", "c"].map((name) => ({ name, column: 0 })).concat(["x", "y", "z"].map((name) => ({ name, column: 1 })), ["p", "q", "r"].map((name) => ({ name, column: 2 })));
  const edges = keyed([["a", "z"], ["b", "y"], ["c", "x"], ["z", "r"], ["y", "q"], ["x", "p"]]);
  equal(crossings(order(nodes, edges), edges), 0);
});

test("empty columns take no room, and what is alone stays", () => {
  deepEqual(order([{ name: "a", column: 0 }, { name: "b", column: 5 }], []), [["a"], ["b"]]);
  deepEqual(order([], []), []);
});

test("boxes do not overlap, and an edge passes beside those between", () => {
  const nodes = [{ name: "a", column: 0 }, { name: "m", column: 1 }, { name: "n", column: 1 }, { name: "b", column: 2 }];
  const edges = keyed([["a", "m"], ["a", "n"], ["a", "b"], ["m", "b"]]);
  const { places, lineOf, width, height } = layout(nodes, edges);
  const passing = edges.find((e) => e.key === "a>b");
  const d = (passing && lineOf(passing)?.d) ?? "";
  const all = [...places.values()];
  all.forEach((p, i) => all.slice(i + 1).forEach((q) => ok(Math.abs(p.x - q.x) >= box.width || Math.abs(p.y - q.y) >= box.height, "two boxes overlap")));
  ok(all.every((p) => p.x >= 0 && p.y >= 0 && p.x + box.width <= width && p.y + box.height <= height));
  const at = Number(/H\d+/.exec(d) && /([\d.]+)H/.exec(d)?.[1]);
  for (const name of ["m", "n"]) {
    const y = places.get(name)?.y ?? 0;
    ok(at < y || at > y + box.height, `the edge goes through ${name}`);
  }
});

test("a hundred stages with two thousand edges are laid out in no time worth naming", () => {
  const nodes = Array.from({ length: 100 }, (_, i) => ({ name: `n${i}`, column: Math.floor(i / 10) }));
  const edges = Array.from({ length: 2000 }, (_, i) => ({ key: String(i), from: `n${i % 90}`, to: `n${(Math.floor((i % 90) / 10) + 1) * 10 + (i % 10)}`, lane: 0 }));
  const { lineOf } = layout(nodes, edges);
  equal(edges.filter(lineOf).length, 2000);
});

test("thickness grows with the bitrate and has an end", () => {
  deepEqual([0, NaN, 1e5, 1e6, 1e8, 1e12].map(thickness), [1.5, 1.5, 3, 5, 9, 10]);
});
