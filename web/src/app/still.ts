// Thumbnails. The server gives the newest key frame as a film of one picture; what draws
// it is one video element for all of them, for a page may not have hundreds.
import { ofStream, root } from "./api";

export const every = 2000; // ms between two pictures of what is seen

let turn: Promise<unknown> = Promise.resolve();
let video: HTMLVideoElement | undefined;

const patience = 4000; // ms

function decoded(url: string): Promise<HTMLVideoElement> {
  video ??= Object.assign(document.createElement("video"), { muted: true, playsInline: true, preload: "auto" });
  const element = video;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no picture")), patience);
    const end = (act: () => void) => () => {
      clearTimeout(timer);
      element.onloadeddata = element.onerror = null;
      act();
    };
    element.onloadeddata = end(() => resolve(element));
    element.onerror = end(() => reject(new Error("no picture")));
    element.src = url;
  });
}

const tags = new WeakMap<HTMLCanvasElement, string>();

// draw puts a stream's newest picture on a canvas, and says whether there is one.
export async function draw(path: string, canvas: HTMLCanvasElement, stop: AbortSignal): Promise<boolean> {
  const response = await fetch(`${root}${ofStream(path, "/still")}`, { signal: stop, credentials: "same-origin" });
  if (!response.ok) return false;
  const tag = response.headers.get("ETag") ?? "";
  const film = await response.blob();
  if (tag && tags.get(canvas) === tag) return true;
  const mine = turn.then(async () => {
    if (stop.aborted) return false;
    const url = URL.createObjectURL(film);
    try {
      const picture = await decoded(url);
      const width = 320;
      canvas.width = width;
      canvas.height = Math.round((width * picture.videoHeight) / (picture.videoWidth || 1)) || 180;
      canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
      tags.set(canvas, tag);
      return true;
    } finally {
      URL.revokeObjectURL(url);
    }
  });
  turn = mine.catch(() => undefined);
  return mine;
}
