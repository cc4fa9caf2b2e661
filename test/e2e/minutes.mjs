// Does what a new operator does in the first ten minutes, in Debian's Chromium, and prints
// what it saw as one JSON object: node minutes.mjs SETUP-LINK [OPTION=VALUE…]
//   target=URL        where to push to, an RTMP server's application; key=NAME the stream there
//   s3=URL            where to record to, with bucket=, access=, secret=
//   shots=DIR         pictures of the steps
//   chromium=FILE     another browser than Debian's
// A line "restart" on standard error asks for a restart of the server; a line on standard
// input says that it is done.
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { withBrowser } from "./browser.mjs";

const [link, ...rest] = process.argv.slice(2);
const options = Object.fromEntries(rest.map((word) => word.split(/=(.*)/s)));
const home = new URL(link).origin;
const away = "studio.example"; // a name of this machine that is not of loopback
const path = "live/studio";
const here = `${home}/#/streams/${encodeURIComponent(path)}`;
const password = "correct horse";
const seen = { errors: [], external: [], violations: [] };

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// until waits for what act gives to be something, and says how long that took, in s.
async function until(what, act, patience = 60) {
  const begun = Date.now();
  for (;;) {
    const value = await act();
    if (value) return { value, seconds: (Date.now() - begun) / 1000 };
    if (Date.now() - begun > patience * 1000) throw new Error(`not within ${patience} s: ${what}`);
    await sleep(50);
  }
}

// Runs in pages, before their own scripts.
function observe() {
  window.peers = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...args) {
      super(...args);
      window.peers.push(this);
    }
  };
  window.counters = async (type) => {
    const all = {};
    (await window.peers.at(-1)?.getStats())?.forEach((entry) => {
      if (entry.type === type) all[entry.kind] = entry;
    });
    return all;
  };
  document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
}

async function open(browser) {
  const page = await browser.newPage();
  page.setDefaultTimeout(30000);
  page.on("request", (request) => {
    const to = new URL(request.url());
    if (!["blob:", "data:"].includes(to.protocol) && ![new URL(home).hostname, away].includes(to.hostname)) seen.external.push(request.url());
  });
  page.on("console", (message) => {
    const text = message.text();
    if (text.startsWith("policy:") || /Content Security Policy/.test(text)) seen.violations.push(text);
  });
  page.on("pageerror", (error) => seen.errors.push(`${page.url()}: ${error}`));
  await page.addInitScript(observe);
  return page;
}

const outbound = (page) => page.evaluate(async () => (await window.counters("outbound-rtp")).video?.framesSent ?? 0);
const inbound = (page) => page.evaluate(async () => {
  const { video = {}, audio = {} } = await window.counters("inbound-rtp");
  const { framesReceived = 0, framesDecoded = 0, framesDropped = 0, freezeCount = 0, packetsLost = 0, pliCount = 0, keyFramesDecoded = 0 } = video;
  return { framesReceived, framesDecoded, framesDropped, freezeCount, packetsLost, pliCount, keyFramesDecoded, energy: audio.totalAudioEnergy ?? 0, sound: audio.totalSamplesReceived ?? 0 };
});

// counting counts what is sent and what is received from now on. What it gives ends that:
// then it waits for what has been sent until then, and gives by how much the counters rose.
async function counting(publisher, viewer) {
  const begun = { ...(await inbound(viewer)), sent: await outbound(publisher), at: Date.now() };
  return async () => {
    const [at, sent] = [Date.now(), await outbound(publisher)];
    let got = await inbound(viewer);
    while (got.framesReceived - begun.framesReceived < sent - begun.sent && Date.now() - at < 15000) {
      await sleep(50);
      got = await inbound(viewer);
    }
    const ended = { ...got, sent, at };
    return Object.fromEntries(Object.entries(ended).map(([name, value]) => [name, value - begun[name]]));
  };
}

// picture says of the canvas of a thumbnail how bright it is on average, and by how much its
// points differ from that, from 0 to 255.
const picture = (page) => page.evaluate(() => {
  const canvas = document.querySelector(".tile canvas:not([hidden])");
  if (!canvas) return null;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < data.length; i += 4) {
    const light = (data[i] + data[i + 1] + data[i + 2]) / 3;
    sum += light;
    squares += light * light;
  }
  const mean = sum / (data.length / 4);
  return { width: canvas.width, height: canvas.height, mean, deviation: Math.sqrt(squares / (data.length / 4) - mean * mean) };
});

async function shot(page, name) {
  if (!options.shots) return;
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: `${options.shots}/${name}.png` });
}

const choose = (page, title) => page.getByRole("tab", { name: title }).click();

async function setUp(page) {
  await page.goto(link);
  await page.fill("input[name=password]", password);
  await page.fill("input[name=again]", password);
  await shot(page, "setup");
  await page.getByRole("button", { name: "Create the account" }).click();
  await page.getByRole("heading", { name: /Step 3/ }).waitFor();
  const browser = await page.getByRole("link", { name: "Publish from this browser" }).getAttribute("href");
  await page.getByRole("button", { name: "Go to the overview" }).click();
  await page.getByText("No stream is running").waitFor();
  return { browser };
}

async function publish(page, address) {
  await page.goto(home + address);
  await page.selectOption("#size", "640x360");
  await page.click("#go");
  const live = await until("the browser publishes", () => page.evaluate(() => window.studio.standing() === "live"));
  return { codec: await page.evaluate(() => document.getElementById("codec").value), seconds: live.seconds };
}

// tile waits for the stream on the overview: what is said of it, and its picture.
async function tile(page) {
  const appears = await until("the tile appears", () => page.locator(".tile").count());
  const pictured = await until("the thumbnail has a picture", async () => ((await picture(page))?.deviation > 5 ? picture(page) : null));
  const said = await until("its codecs are known", async () => {
    const text = await page.locator(".tile").innerText();
    return /H\.?264/.test(text) && /Opus/.test(text) ? text : null;
  });
  return { appears: appears.seconds, pictured: pictured.seconds, picture: pictured.value, text: said.value };
}

async function addTarget(page) {
  await page.goto(`${here}/targets`);
  await page.check("input[name=platform][value=custom]");
  await page.getByLabel("Server address").fill(options.target);
  await page.getByLabel("Stream key").fill(options.key);
  await page.getByRole("button", { name: "Add and start" }).click();
  const target = page.locator(".target");
  await target.waitFor();
  const live = await until("the target is live", async () => /Live/.test(await target.innerText()));
  await sleep(1000);
  await shot(page, "targets");
  return { seconds: live.seconds, text: await target.innerText() };
}

// record starts recording to the bucket, and goes on after a restart if it is to be kept.
async function record(page, keep) {
  await choose(page, "Recording");
  await page.check("input[name=store][value=s3]");
  for (const [label, value] of [["Service", options.s3], ["Bucket", options.bucket], ["Access key", options.access], ["Secret key", options.secret]]) {
    await page.getByLabel(new RegExp(`^${label}`)).fill(value);
  }
  if (keep) await page.getByLabel("Go on when the server starts again").check();
  await page.getByRole("button", { name: "Test connection" }).click();
  await page.locator(".findings[role=status] li").first().waitFor();
  const probed = await page.locator(".findings[role=status] li").evaluateAll((all) => all.map((each) => `${each.className} ${each.innerText}`));
  if (!keep) await shot(page, "recording");
  await page.getByRole("button", { name: "Start recording" }).click();
  await page.getByRole("button", { name: "Stop recording" }).waitFor();
  return { probed };
}

async function share(page) {
  await choose(page, "Share");
  await page.getByRole("button", { name: "Make a link" }).click();
  const field = page.getByRole("textbox", { name: "Signed link" });
  await field.waitFor();
  await shot(page, "share");
  return field.inputValue();
}

const elsewhere = (url) => {
  const to = new URL(url);
  to.hostname = away;
  return to.href;
};

// friend is somebody else, in another browser, who comes by a name that is not of this
// machine: first without the link, and then with it.
async function friend(signed, publisher) {
  const words = [`--host-resolver-rules=MAP ${away} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`];
  return withBrowser(home, options, words, async (browser) => {
    const page = await open(browser);
    const refused = [];
    page.on("response", (response) => response.status() >= 400 && refused.push(response.status()));
    await page.goto(elsewhere(`${home}/${path}`));
    await until("who has no link is refused", () => refused.length > 0);
    await sleep(1500);
    const without = { refused: [...new Set(refused)], frames: (await inbound(page)).framesDecoded, cookies: (await browser.cookies()).length };
    await page.goto(elsewhere(signed));
    const playing = await until("the link plays", async () => (await inbound(page)).framesDecoded > 0);
    await page.evaluate(() => (document.querySelector("weir-player").video.muted = false));
    await sleep(1000);
    const end = await counting(publisher, page);
    await sleep(8000);
    const rise = await end();
    await shot(page, "watch");
    const way = await page.evaluate(() => window.weir.stats().way);
    return { without, seconds: playing.seconds, way, rise };
  });
}

// stopAndPlay ends the recording and plays it from the bucket.
async function stopAndPlay(page) {
  await choose(page, "Recording");
  await page.getByRole("button", { name: "Stop recording" }).click();
  const row = page.locator("tbody tr").first();
  const listed = await until("the recording is complete", async () => /Complete/.test(await row.innerText()));
  const text = await row.innerText();
  await row.getByRole("button", { name: /^Play/ }).click();
  await page.waitForFunction(() => document.querySelector("video.film")?.currentTime > 1);
  const film = await page.evaluate(() => {
    const video = document.querySelector("video.film");
    return { width: video.videoWidth, height: video.videoHeight, duration: video.duration, frames: video.getVideoPlaybackQuality().totalVideoFrames, audio: video.webkitAudioDecodedByteCount };
  });
  await shot(page, "recordings");
  return { seconds: listed.seconds, text, film };
}

async function exported(page) {
  await choose(page, "Player");
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export YAML" }).click();
  return readFile(await (await download).path(), "utf8");
}

async function restart(page) {
  console.error("restart");
  await lines.next();
  await page.goto(`${home}/#/`);
  await page.reload();
  const signIn = page.getByRole("heading", { name: "Sign in" });
  await Promise.race([signIn.waitFor(), page.locator(".tile").first().waitFor()]);
  if (await signIn.isVisible()) {
    await page.fill("input[name=user]", "admin");
    await page.fill("input[name=password]", password);
    await page.getByRole("button", { name: "Sign in" }).click();
  }
  const back = await until("the publisher is back", () => page.locator(".tile").count());
  const recording = await until("it is recorded again", async () => /Recording/.test(await page.locator(".tile").innerText()));
  await page.goto(`${here}/targets`);
  const target = page.locator(".target");
  await target.waitFor();
  await until("it is pushed again", async () => /Live/.test(await target.innerText()));
  return { publisher: back.seconds, recording: recording.seconds, target: await target.innerText() };
}

async function run(browser) {
  const page = await open(browser);
  const publisher = await open(browser);
  const viewer = await open(browser);
  const steps = {};
  const step = async (name, act) => {
    const begun = Date.now();
    try {
      steps[name] = await act();
    } catch (error) {
      if (options.shots) await page.screenshot({ path: `${options.shots}/failure.png` }).catch(() => {});
      throw new Error(`${name}: ${error.message}`);
    }
    console.error(`${name}: ${((Date.now() - begun) / 1000).toFixed(1)} s`);
    return steps[name];
  };
  const { browser: address } = await step("setUp", () => setUp(page));
  await page.bringToFront();
  await step("publish", () => publish(publisher, address));
  await step("tile", () => tile(page));
  await shot(publisher, "publish");
  await viewer.goto(`${home}/${path}`);
  await until("the first viewer sees it", async () => (await inbound(viewer)).framesDecoded > 30);
  const end = await counting(publisher, viewer);
  await step("target", () => addTarget(page));
  await step("record", () => record(page, false));
  await choose(page, "Graph");
  const signed = await step("share", () => share(page));
  await step("friend", () => friend(signed, publisher));
  await choose(page, "Graph");
  await page.locator(".edge text").first().waitFor();
  await sleep(1500);
  await shot(page, "graph");
  await page.goto(`${home}/#/`);
  await page.locator(".tile canvas:not([hidden])").waitFor();
  await shot(page, "overview");
  await page.goto(`${here}/recording`);
  await step("play", () => stopAndPlay(page));
  await step("again", () => record(page, true));
  await step("yaml", () => exported(page));
  steps.viewer = await end();
  await step("restart", () => restart(page));
  return steps;
}

const devices = ["--use-fake-device-for-media-stream=fps=30", "--use-fake-ui-for-media-stream"];
const steps = await withBrowser(home, options, devices, run);
console.log(JSON.stringify({ ...seen, steps }, null, 2));
process.exit(0); // standard input stays open
