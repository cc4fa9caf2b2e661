// Work in pieces, between which the browser may paint and take keys.

const budget = 8; // ms of one piece

const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

// inSlices does something with each item, and lets others go first when it has taken long.
export async function inSlices<T>(items: readonly T[], act: (item: T) => void, stop?: AbortSignal): Promise<void> {
  let begun = performance.now();
  for (const item of items) {
    if (stop?.aborted) return;
    act(item);
    if (performance.now() - begun > budget) {
      await pause();
      begun = performance.now();
    }
  }
}
