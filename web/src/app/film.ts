// Plays what is recorded, by hls.js or the browser itself. A chunk of its own.
import Hls, { Events } from "hls.js";

// play begins, and gives what ends it.
export function play(video: HTMLVideoElement, url: string, failed: (why: string) => void): () => void {
  const start = () => void video.play().catch(() => undefined); // the reader presses play then
  if (!Hls.isSupported()) {
    video.src = url;
    video.onerror = () => failed(video.error?.message ?? "");
    start();
    return () => video.removeAttribute("src");
  }
  const hls = new Hls({ enableWorker: false, backBufferLength: 60 });
  hls.on(Events.MANIFEST_PARSED, start);
  hls.on(Events.ERROR, (_, error) => {
    if (error.fatal) failed(error.details);
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  return () => hls.destroy();
}
