// Plays a recording in Debian's Chromium and prints what it saw as one JSON object:
// node vod.mjs PAGE [OPTION=VALUE…]
//   rate=1          how fast it is played
//   patience=60     how long that may take, in seconds
// PAGE has a video element, and puts errors that end playback into window.fatal.
import { withBrowser } from "./browser.mjs";

const [url, ...rest] = process.argv.slice(2);
const options = { width: 400, height: 300, ...Object.fromEntries(rest.map((word) => word.split(/=(.*)/s))) };
const { rate = 1, patience = 60 } = options;

// Runs in the page: plays to the end, and notes the sizes of pictures and where it stood
// still for longer than half a second.
async function play({ rate, patience }) {
  const video = document.querySelector("video");
  const seen = { sizes: [], stalls: [], errors: [] };
  video.muted = true;
  let at = -1, since = performance.now();
  const begun = performance.now();
  while (!video.ended && performance.now() - begun < patience * 1000) {
    if (video.paused && video.readyState > 1) {
      video.playbackRate = rate;
      await video.play().catch((error) => seen.errors.push(String(error)));
    }
    const size = `${video.videoWidth}x${video.videoHeight}`;
    if (video.currentTime > 0 && seen.sizes.at(-1) !== size) seen.sizes.push(size);
    if (video.currentTime !== at) {
      const still = performance.now() - since;
      if (at > 0 && still > 500) seen.stalls.push([at, still / 1000]);
      [at, since] = [video.currentTime, performance.now()];
    }
    if (video.error) seen.errors.push(`${video.error.code} ${video.error.message}`);
    if (seen.errors.length > 0 || window.fatal) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { totalVideoFrames: frames, droppedVideoFrames: dropped } = video.getVideoPlaybackQuality();
  return Object.assign(seen, {
    ended: video.ended, position: video.currentTime, duration: video.duration, frames, dropped,
    audioBytes: video.webkitAudioDecodedByteCount, fatal: window.fatal ?? "", seconds: (performance.now() - begun) / 1000,
  });
}

const seen = await withBrowser(url, options, [], async (browser) => {
  const page = browser.pages()[0] ?? (await browser.newPage());
  await page.goto(url);
  return page.evaluate(play, { rate: Number(rate), patience: Number(patience) });
});
console.log(JSON.stringify(seen));
