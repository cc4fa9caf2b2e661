// A sparkline: the last minutes of one figure.
import { kept } from "./graph";
import { t } from "./words";

const size = { width: 240, height: 40 };

export function points(values: readonly number[], most: number): string {
  const { width, height } = size;
  const from = kept - values.length;
  return values.map((v, i) => `${(((from + i) * width) / (kept - 1)).toFixed(1)},${(height - 2 - (most > 0 ? v / most : 0) * (height - 4)).toFixed(1)}`).join(" ");
}

export function Spark({ what, values, as }: { what: string; values: readonly number[]; as: (n: number) => string }) {
  if (values.length === 0) return null;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const now = values[values.length - 1] ?? 0;
  return (
    <figure class="spark">
      <figcaption>{what}: <strong>{as(now)}</strong></figcaption>
      <svg role="img" aria-label={t("graph.spark", { what, now: as(now), low: as(low), high: as(high) })} viewBox={`0 0 ${size.width} ${size.height}`} preserveAspectRatio="none">
        <polyline points={points(values, high)} />
      </svg>
    </figure>
  );
}
