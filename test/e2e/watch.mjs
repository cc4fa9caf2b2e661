// Opens a watch page in Debian's Chromium, looks at it for a while and prints what
// it saw as one JSON object: node watch.mjs URL [OPTION=VALUE…]
//   seconds=20        how long to look, from the first picture
//   patience=30       how long to wait for the first picture, in seconds
//   screenshot=FILE   a PNG at the end
//   block=WHAT        keep WebRTC from working: media (its candidates lead nowhere),
//                     full (503, to come again in 6 s)
//   blocks=1000       how many sessions that concerns
//   hold=FROM,TO      nothing is loaded between these seconds from the first picture
//   series=1          report when how many pictures had been decoded, and the age of the
//                     one on the screen
//   keys=1            press keys at the end, and walk through what has the focus
//   layers=1          choose each layer from the menu in turn, at the end
//   levels=1          have hls.js go from each variant to each other, at the end
//   width=1280 height=800 dark=0
//   chromium=FILE     another browser than Debian's
import { withBrowser } from "./browser.mjs";

const [url, ...rest] = process.argv.slice(2);
const options = Object.fromEntries(rest.map((word) => word.split(/=(.*)/s)));
const { seconds = 20, patience = 30, screenshot } = options;
const settled = 5; // seconds after the first picture from which latency counts

// Runs in the page, before its own scripts.
function observe() {
  window.seen = { violations: [], states: [] };
  window.peers = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...args) {
      super(...args);
      window.peers.push(this);
    }
  };
  document.addEventListener("securitypolicyviolation", (event) => {
    window.seen.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
  });
  document.addEventListener("DOMContentLoaded", () => {
    const note = () => {
      const state = document.body.dataset.state;
      if (state && window.seen.states.at(-1) !== state) window.seen.states.push(state);
    };
    note();
    new MutationObserver(note).observe(document.body, { attributes: true });
  });
}

// listen puts an analyser behind the video's sound, once there is some.
function listen() {
  const { video } = document.querySelector("weir-player");
  if (video.srcObject?.getAudioTracks().length === 0) return;
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  if (video.srcObject) {
    context.createMediaStreamSource(video.srcObject).connect(analyser);
  } else {
    context.createMediaElementSource(video).connect(analyser);
    analyser.connect(context.destination);
  }
  const samples = new Float32Array(analyser.fftSize);
  window.loudness = () => {
    analyser.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
  };
}

// inbound is what the newest connection says of what it receives, by kind.
async function inbound() {
  const all = {};
  (await window.peers.at(-1)?.getStats())?.forEach((entry) => {
    if (entry.type === "inbound-rtp") all[entry.kind] = entry;
  });
  return all;
}

// rise is by how much the counters of two reports differ.
const rise = (from = {}, to = {}) =>
  Object.fromEntries(Object.entries(to).filter(([, v]) => typeof v === "number").map(([k, v]) => [k, v - (from[k] ?? 0)]));

// readClock reads the clock of the publish page's test pattern from the picture that
// is shown now, and gives its age in seconds; null if there is none.
function readClock() {
  const { video } = document.querySelector("weir-player");
  if (video.videoWidth === 0) return null;
  const canvas = (window.clockCanvas ??= new OffscreenCanvas(32, 1));
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const cell = video.videoWidth / 32;
  for (let i = 0; i < 32; i++) {
    pen.drawImage(video, (i + 0.4) * cell, video.videoHeight * (31 / 32), cell / 5, 2, i, 0, 1, 1);
  }
  const { data } = pen.getImageData(0, 0, 32, 1);
  let time = 0;
  for (let i = 0; i < 32; i++) time = time * 2 + (data[i * 4] > 127 ? 1 : 0);
  const age = (((Date.now() - time) % 2 ** 32) + 2 ** 32) % 2 ** 32;
  return age < 60000 ? age / 1000 : null;
}

// block answers offers in the server's place, or changes what it answers.
async function block(page) {
  let left = Number(options.blocks ?? 1000);
  await page.route("**/whep", async (route) => {
    if (route.request().method() !== "POST" || left-- <= 0) return route.continue();
    if (options.block === "full") {
      return route.fulfill({
        status: 503,
        headers: { "Retry-After": "6", "Content-Type": "application/problem+json" },
        body: JSON.stringify({ status: 503, code: "overloaded", detail: "The server is full." }),
      });
    }
    const response = await route.fetch();
    const body = (await response.text()).replace(/^(a=candidate:(?:\S+ ){4}\S+) \d+/gm, "$1 9");
    return route.fulfill({ response, body });
  });
}

// hold keeps what the page asks for waiting for a while, from now on.
async function hold(page, from, to) {
  await sleep(from * 1000);
  const over = sleep((to - from) * 1000);
  await page.route("**/*", async (route) => {
    await over;
    await route.continue().catch(() => {}); // the page may have given up
  });
  await over;
  await page.unroute("**/*");
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const sample = (page) => page.evaluate(async () => {
  const { video } = await window.inbound();
  return {
    ...window.weir.stats(),
    rms: window.loudness?.() ?? 0,
    position: document.querySelector("weir-player").video.currentTime,
    glass: window.readClock(),
    words: document.querySelector("weir-player").words,
    frozen: video?.totalFreezesDuration ?? 0,
    inbound: video?.framesDecoded ?? 0,
    at: performance.now(),
    wall: Date.now(),
  };
});

function spread(values) {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const round = (value) => Math.round(value * 1000) / 1000;
  return { median: round(sorted[sorted.length >> 1]), max: round(sorted.at(-1)) };
}

// eachLayer chooses one layer after the other and gives the width of its picture.
async function eachLayer(page) {
  const widths = {};
  const menu = page.locator("weir-player select");
  for (const name of await menu.locator("option").evaluateAll((all) => all.map((o) => o.value).filter(Boolean))) {
    await menu.selectOption(name);
    await sleep(3000);
    widths[name] = (await sample(page)).width;
  }
  return widths;
}

// pressKeys says what the keys of the page change, and what a keyboard reaches, by the
// names that a screen reader tells.
async function pressKeys(page) {
  const now = () => page.evaluate(() => {
    const { shadowRoot, video } = document.querySelector("weir-player");
    const figures = shadowRoot.getElementById("figures");
    return {
      figures: figures.hidden ? -1 : figures.children.length,
      expanded: shadowRoot.querySelector(".toggle").ariaExpanded,
      muted: video.muted,
      pressed: shadowRoot.querySelector(".mute").ariaPressed,
      paused: video.paused,
      status: shadowRoot.querySelector("[role=status]").textContent,
    };
  });
  const after = { "": await now() };
  for (const key of ["i", "m", "k", "k", "i"]) {
    await page.keyboard.press(key);
    await sleep(300);
    after[key] ??= await now();
  }
  const reached = [];
  await page.evaluate(() => document.activeElement?.blur());
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press("Tab");
    reached.push(await page.evaluate(() => {
      let at = document.activeElement;
      while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
      return at?.ariaLabel || at?.labels?.[0]?.firstChild.textContent.trim() || at?.textContent.trim() || at?.tagName || "";
    }));
  }
  return { after, reached: [...new Set(reached)] };
}

// eachLevel has hls.js go from each of its levels to each other one, and says of each
// change how long it took, what the player did meanwhile and what it shows then.
async function eachLevel(page) {
  await page.evaluate(() => {
    const player = document.querySelector("weir-player");
    window.hls = player.player.hls.hls;
    window.waits = 0;
    player.video.addEventListener("waiting", () => window.waits++);
  });
  const look = () => page.evaluate(() => {
    const { video } = document.querySelector("weir-player");
    const { droppedVideoFrames: dropped, totalVideoFrames: all } = video.getVideoPlaybackQuality();
    return { height: video.videoHeight, waits: window.waits, decoded: all - dropped, at: performance.now(), position: video.currentTime };
  });
  const heights = await page.evaluate(() => window.hls.levels.map((level) => level.height));
  const order = [];
  heights.forEach((_, from) => heights.slice(from + 1).forEach((_, i) => order.push(from + 1 + i, from)));
  const changes = [];
  for (const to of [0, ...order]) {
    const begun = await look();
    await page.evaluate((level) => (window.hls.nextLevel = level), to);
    let now = await look();
    while (now.height !== heights[to] && now.at - begun.at < 20000) {
      await sleep(100);
      now = await look();
    }
    await sleep(500);
    const level = () => page.evaluate(() => window.hls.levels[window.hls.currentLevel]?.height ?? 0);
    for (let i = 0; i < 20 && (await level()) !== heights[to]; i++) await sleep(100); // hls.js looks later than we
    const after = await look();
    changes.push({
      from: begun.height, to: heights[to], shown: after.height, seconds: (now.at - begun.at) / 1000,
      waits: after.waits - begun.waits, fps: (1000 * (after.decoded - begun.decoded)) / (after.at - begun.at),
      played: (after.position - begun.position) / ((after.at - begun.at) / 1000),
      level: await level(),
    });
  }
  return changes;
}

async function look(browser) {
  const page = browser.pages()[0] ?? (await browser.newPage());
  const home = new URL(url).origin;
  const external = [];
  const failures = [];
  const errors = [];
  let posts = 0;
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().endsWith("/whep")) posts++;
    const to = new URL(request.url());
    if (!["blob:", "data:"].includes(to.protocol) && to.origin !== home) external.push(request.url());
  });
  page.on("response", (response) => {
    if (response.status() >= 400) failures.push(`${response.status()} ${response.url()}`);
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.addInitScript(observe);
  await page.addInitScript(`window.readClock = ${readClock}`);
  await page.addInitScript(`window.inbound = ${inbound}`);
  if (options.block) await block(page);
  const opened = Date.now();
  await page.goto(url);

  let now = await sample(page);
  while (now.decoded === 0 && Date.now() - opened < patience * 1000) {
    await sleep(100);
    now = await sample(page);
  }
  const report = { url, firstPicture: now.decoded > 0 ? (Date.now() - opened) / 1000 : null };
  if (now.decoded > 0) await page.evaluate(listen);
  console.error("playing");
  const begun = await page.evaluate(() => window.inbound());

  const held = options.hold ? hold(page, ...options.hold.split(",").map(Number)) : null;
  const samples = [now];
  const from = now.at;
  while (report.firstPicture !== null && now.at - from < seconds * 1000) {
    await sleep(250);
    samples.push((now = await sample(page)));
  }
  await held;
  // The counter starts again with a new playback, so only rises count.
  let decoded = 0;
  samples.slice(1).forEach((s, i) => (decoded += Math.max(0, s.decoded - samples[i].decoded)));
  const elapsed = (now.at - from) / 1000;
  const late = samples.filter((s) => s.at - from >= settled * 1000);
  const ended = await page.evaluate(() => window.inbound());
  const layers = options.layers === "1" ? await eachLayer(page) : {};
  const keys = options.keys === "1" ? await pressKeys(page) : null;
  const levels = options.levels === "1" ? await eachLevel(page) : [];
  const seen = await page.evaluate(() => window.seen);
  if (screenshot) await page.screenshot({ path: screenshot });
  return Object.assign(report, {
    address: page.url(),
    seconds: elapsed,
    decoded,
    fps: elapsed > 0 ? decoded / elapsed : 0,
    dropped: now.dropped,
    played: now.position - samples[0].position,
    rms: Math.max(...samples.map((s) => s.rms)),
    audioBytes: now.audioBytes - samples[0].audioBytes,
    muted: now.muted,
    edgeLatency: spread(late.map((s) => s.edgeLatency)),
    latency: spread(late.map((s) => s.latency)),
    lastLatency: now.latency,
    latencyBy: now.latencyBy,
    glass: spread(late.map((s) => s.glass)),
    way: now.way,
    transport: now.transport,
    words: now.words,
    posts,
    ways: samples.map((s) => s.way).filter((way, i, all) => way !== "" && way !== all[i - 1]),
    rtt: spread(late.map((s) => s.rtt)),
    loss: spread(late.map((s) => s.loss)),
    jitterBuffer: spread(late.map((s) => s.jitterBuffer)),
    freezes: now.freezes,
    buffer: spread(late.map((s) => s.buffer)),
    stalls: now.stalls,
    attempts: now.attempts,
    width: now.width,
    height: now.height,
    videoCodec: now.videoCodec,
    audioCodec: now.audioCodec,
    layers,
    keys,
    levels,
    series: options.series === "1" ? samples.map((s) => [s.wall, s.inbound, s.glass === null ? -1 : s.glass * 1000]) : [],
    video: rise(begun.video, ended.video),
    frozen: samples.slice(1).map((s, i) => [s.at - from, s.frozen - samples[i].frozen]).filter(([, s]) => s > 0),
    audio: rise(begun.audio, ended.audio),
    states: seen.states,
    external,
    violations: seen.violations,
    failures,
    errors,
  });
}

console.log(JSON.stringify(await withBrowser(url, options, [], look), null, 2));
