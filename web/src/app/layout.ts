// Where the stages of a graph are drawn: columns from left to right, as the server
// numbers them, and in each an order in which few edges cross.

export interface Place { x: number; y: number }
export interface Layout { places: Map<string, Place>; width: number; height: number }
interface Node { name: string; column: number }
interface Edge { from: string; to: string }

export const box = { width: 176, height: 64 };
const gap = { x: 150, y: 30 };
const margin = 16;
const sweeps = 4;

// order gives the names of each column from top to bottom: barycenters of the neighbours,
// once from the left and once from the right, several times.
export function order(nodes: readonly Node[], edges: readonly Edge[]): string[][] {
  const columns: string[][] = [];
  for (const { name, column } of nodes) (columns[Math.max(0, Math.floor(column))] ??= []).push(name);
  const filled = Array.from(columns, (names) => names ?? []).filter((names) => names.length > 0);
  const before = new Map<string, string[]>();
  const behind = new Map<string, string[]>();
  const add = (map: Map<string, string[]>, name: string, other: string) => map.set(name, [...(map.get(name) ?? []), other]);
  for (const { from, to } of edges) {
    add(before, to, from);
    add(behind, from, to);
  }
  for (let i = 0; i < sweeps; i++) {
    const at = new Map<string, number>();
    const place = (names: string[]) => names.forEach((name, row) => at.set(name, (row + 0.5) / names.length));
    filled.forEach(place);
    const [ways, towards] = i % 2 === 0 ? [filled, before] : [[...filled].reverse(), behind];
    for (const names of ways) {
      const weight = new Map(names.map((name) => {
        const all = (towards.get(name) ?? []).flatMap((other) => at.get(other) ?? []);
        return [name, all.length > 0 ? all.reduce((sum, x) => sum + x, 0) / all.length : (at.get(name) ?? 0)];
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

export function layout(nodes: readonly Node[], edges: readonly Edge[]): Layout {
  const columns = order(nodes, edges);
  const most = Math.max(1, ...columns.map((names) => names.length));
  const height = 2 * margin + most * box.height + (most - 1) * gap.y;
  const places = new Map<string, Place>();
  columns.forEach((names, column) => {
    const tall = names.length * box.height + (names.length - 1) * gap.y;
    names.forEach((name, row) => places.set(name, {
      x: margin + column * (box.width + gap.x),
      y: (height - tall) / 2 + row * (box.height + gap.y),
    }));
  });
  return { places, width: 2 * margin + columns.length * box.width + Math.max(0, columns.length - 1) * gap.x, height };
}

// curve is the path of an edge from the right side of one box to the left one of another.
export function curve(from: Place, to: Place, lane = 0): string {
  const [x1, y1] = [from.x + box.width, from.y + box.height / 2 + lane * 10];
  const [x2, y2] = [to.x, to.y + box.height / 2 + lane * 10];
  const bend = Math.max(40, Math.abs(x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

export function middle(from: Place, to: Place, lane = 0): Place {
  return { x: (from.x + box.width + to.x) / 2, y: (from.y + to.y + box.height) / 2 + lane * 18 };
}

// thickness of an edge in pixels: 1.5 without anything, 3 at 100 kb/s, 9 at 100 Mb/s.
export function thickness(bitrate: number): number {
  if (!(bitrate > 0)) return 1.5;
  return Math.round(Math.min(10, Math.max(1.5, 2 * Math.log10(bitrate / 1e5) + 3)) * 2) / 2;
}
