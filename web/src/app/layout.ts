// Where the stages of a graph are drawn: columns from left to right, as the server
// numbers them, and in each an order in which few edges cross. An edge that passes a
// column has a place in it.

export interface Place { x: number; y: number }
export interface Line { d: string; label: Place }
export interface Layout { places: Map<string, Place>; lineOf: (edge: Keyed) => Line | undefined; width: number; height: number }
interface Node { name: string; column: number }
interface Edge { from: string; to: string }
export interface Keyed extends Edge { key: string; lane: number }

export const box = { width: 176, height: 64 };
const passing = 26; // pixels that an edge needs in a column
const gap = { x: 200, y: 30 };
const margin = 16;
const sweeps = 6;
const mostPassing = 300; // edges, with more of which none has a place of its own

// order gives the names of each column from top to bottom: barycenters of the neighbours,
// from the left and from the right in turn.
export function order(nodes: readonly Node[], edges: readonly Edge[]): string[][] {
  const columns: string[][] = [];
  for (const { name, column } of nodes) (columns[Math.max(0, Math.floor(column))] ??= []).push(name);
  const filled = Array.from(columns, (names) => names ?? []).filter((names) => names.length > 0);
  const before = new Map<string, string[]>();
  const behind = new Map<string, string[]>();
  const add = (map: Map<string, string[]>, name: string, other: string) => {
    const all = map.get(name);
    if (all) all.push(other);
    else map.set(name, [other]);
  };
  for (const { from, to } of edges) {
    add(before, to, from);
    add(behind, from, to);
  }
  const at = new Map<string, number>();
  const place = (names: string[]) => names.forEach((name, row) => at.set(name, (row + 0.5) / names.length));
  filled.forEach(place);
  for (let i = 0; i < sweeps; i++) {
    const [ways, towards] = i % 2 === 0 ? [filled, before] : [[...filled].reverse(), behind];
    for (const names of ways) {
      const weight = new Map(names.map((name) => {
        const all = towards.get(name) ?? [];
        const sum = all.reduce((total, other) => total + (at.get(other) ?? 0), 0);
        return [name, all.length > 0 ? sum / all.length : (at.get(name) ?? 0)];
      }));
      names.sort((a, b) => (weight.get(a) ?? 0) - (weight.get(b) ?? 0)); // stable
      place(names);
    }
  }
  return filled;
}

// crossings counts the pairs of edges between two neighbouring columns that cross.
export function crossings(columns: readonly string[][], edges: readonly Edge[]): number {
  const at = new Map(columns.flatMap((names, column) => names.map((name, row) => [name, { column, row }] as const)));
  const lines = edges.flatMap(({ from, to }) => {
    const [a, b] = [at.get(from), at.get(to)];
    return a && b && b.column === a.column + 1 ? [{ column: a.column, a: a.row, b: b.row }] : [];
  });
  let n = 0;
  lines.forEach((p, i) => lines.slice(i + 1).forEach((q) => {
    if (p.column === q.column && (p.a - q.a) * (p.b - q.b) < 0) n++;
  }));
  return n;
}

// layout says where all is. A line is made when it is asked for, as there may be thousands.
export function layout(nodes: readonly Node[], edges: readonly Keyed[]): Layout {
  const { all, steps, through } = passages(nodes, edges);
  const columns = order(all, steps);
  const tall = (name: string) => (through.has(name) ? passing : box.height);
  const heightOf = (names: string[]) => names.reduce((sum, name) => sum + tall(name) + gap.y, -gap.y);
  const height = 2 * margin + Math.max(box.height, ...columns.map(heightOf));
  const places = new Map<string, Place>();
  const points = new Map<string, Place[]>(); // of an edge, from left to right
  columns.forEach((names, column) => {
    let y = (height - heightOf(names)) / 2;
    for (const name of names) {
      const at = { x: margin + column * (box.width + gap.x), y };
      const key = through.get(name);
      if (key === undefined) places.set(name, at);
      else points.set(key, [...(points.get(key) ?? []), { x: at.x, y: y + passing / 2 }]);
      y += tall(name) + gap.y;
    }
  });
  const lineOf = (e: Keyed) => {
    const [from, to] = [places.get(e.from), places.get(e.to)];
    return from && to && line(from, to, points.get(e.key) ?? [], e.lane);
  };
  return { places, lineOf, width: 2 * margin + columns.length * box.width + Math.max(0, columns.length - 1) * gap.x, height };
}

// passages adds a node for each column that an edge passes.
function passages(nodes: readonly Node[], edges: readonly Keyed[]) {
  const column = new Map(nodes.map((n) => [n.name, n.column]));
  const filled = [...new Set(nodes.map((n) => n.column))].sort((a, b) => a - b);
  const all: Node[] = [...nodes];
  const steps: Edge[] = [];
  const through = new Map<string, string>(); // the edge of a passage
  for (const { key, from, to } of edges) {
    const between = edges.length > mostPassing ? [] : filled.filter((c) => c > (column.get(from) ?? 0) && c < (column.get(to) ?? 0));
    let last = from;
    for (const c of between) {
      const name = `${key} ${c}`; // no stage's name has a space
      all.push({ name, column: c });
      through.set(name, key);
      steps.push({ from: last, to: name });
      last = name;
    }
    steps.push({ from: last, to });
  }
  return { all, steps, through };
}

// line leads from the right side of one box, straight through what lies between, to the
// left side of another one. Its label is on its first part.
function line(from: Place, to: Place, between: readonly Place[], lane: number): Line {
  const shift = box.height / 2 + lane * 10;
  const stops = [
    { enter: 0, leave: from.x + box.width, y: from.y + shift },
    ...between.map((p) => ({ enter: p.x, leave: p.x + box.width, y: p.y })),
    { enter: to.x, leave: 0, y: to.y + shift },
  ];
  let d = `M${stops[0]?.leave} ${stops[0]?.y}`;
  for (let i = 1; i < stops.length; i++) {
    const [a, b] = [stops[i - 1], stops[i]];
    if (!a || !b) continue;
    const bend = Math.max(40, Math.abs(b.enter - a.leave) / 2);
    d += `C${a.leave + bend} ${a.y} ${b.enter - bend} ${b.y} ${b.enter} ${b.y}`;
    if (i < stops.length - 1) d += `H${b.leave}`;
  }
  const [a, b] = [stops[0], stops[1]];
  return { d, label: { x: ((a?.leave ?? 0) + (b?.enter ?? 0)) / 2, y: ((a?.y ?? 0) + (b?.y ?? 0)) / 2 + lane * 18 } };
}

// thickness of an edge in pixels: 1.5 without anything, 3 at 100 kb/s, 9 at 100 Mb/s.
export function thickness(bitrate: number): number {
  if (!(bitrate > 0)) return 1.5;
  return Math.round(Math.min(10, Math.max(1.5, 2 * Math.log10(bitrate / 1e5) + 3)) * 2) / 2;
}
