// Thumbnails. The server gives the newest key frame as a film of one picture; what draws
// them is a few video elements for all, for a page may not have hundreds.
import { ofStream, root } from "./api";

export const every = 2000; // ms between two pictures of what is seen

const most = 3; // films that are decoded at once
const patience = 4000; // ms

// Projector decodes one film after the other.
class Projector {
  private readonly video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, preload: "auto" });
  private turn: Promise<unknown> = Promise.resolve();
  waiting = 0;

  show(film: Blob, use: (picture: HTMLVideoElement) => void, stop: AbortSignal): Promise<void> {
    this.waiting++;
    const mine = this.turn.then(() => (stop.aborted ? undefined : this.decode(film, use))).finally(() => this.waiting--);
    this.turn = mine.catch(() => undefined);
    return mine;
  }

  private async decode(film: Blob, use: (picture: HTMLVideoElement) => void): Promise<void> {
    const { video } = this;
    const url = URL.createObjectURL(film);
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        timer = setTimeout(reject, patience);
        video.onloadeddata = () => resolve();
        video.onerror = reject;
        video.src = url;
      });
      use(video);
    } finally {
      clearTimeout(timer);
      video.onloadeddata = video.onerror = null;
      URL.revokeObjectURL(url);
    }
  }
}

const projectors: Projector[] = [];

function free(): Projector {
  const idle = projectors.find((p) => p.waiting === 0);
  if (idle) return idle;
  if (projectors.length < most) projectors.push(new Projector());
  return projectors.reduce((a, b) => (b.waiting < a.waiting ? b : a));
}

const tags = new WeakMap<HTMLCanvasElement, string>();

// draw puts a stream's newest picture on a canvas, and says whether there is one.
export async function draw(path: string, canvas: HTMLCanvasElement, stop: AbortSignal): Promise<boolean> {
  const response = await fetch(`${root}${ofStream(path, "/still")}`, { signal: stop, credentials: "same-origin" });
  const film = await response.blob(); // of a refusal as well, which stays open until it is read
  if (!response.ok) return false;
  const tag = response.headers.get("ETag") ?? "";
  if (tag && tags.get(canvas) === tag) return true;
  await free().show(film, (picture) => {
    canvas.width = 320;
    canvas.height = Math.round((canvas.width * picture.videoHeight) / (picture.videoWidth || 1)) || 180;
    canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
    tags.set(canvas, tag);
  }, stop);
  return !stop.aborted;
}
