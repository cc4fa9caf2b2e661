// Boxes of a scene, in percent of the canvas, as they are moved about.

export interface Box { input?: string; group?: string; speaker?: boolean; x: number; y: number; width: number; height: number; z?: number }

const least = 2; // percent
const step = 1;

const within = (n: number, low: number, high: number) => Math.min(Math.max(n, low), high);
const tenth = (n: number) => Math.round(n * 10) / 10;

// dragged is a box moved, or with its lower right corner moved, by so much; it stays on
// the canvas.
export function dragged(box: Box, dx: number, dy: number, size: boolean): Box {
  if (size) return { ...box, width: tenth(within(box.width + dx, least, 100 - box.x)), height: tenth(within(box.height + dy, least, 100 - box.y)) };
  return { ...box, x: tenth(within(box.x + dx, 0, 100 - box.width)), y: tenth(within(box.y + dy, 0, 100 - box.height)) };
}

// pressed is what a key makes of a box, or null if it does nothing.
export function pressed(box: Box, key: string, size: boolean): Box | null {
  const [dx, dy] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[key] ?? [0, 0];
  return dx === 0 && dy === 0 ? null : dragged(box, dx ?? 0, dy ?? 0, size);
}

export function change(boxes: readonly Box[], at: number, now: Box): Box[] {
  return boxes.map((box, i) => (i === at ? now : box));
}
