// Opens a publish page in Debian's Chromium, publishes for a while and prints what
// went out as one JSON object: node studio.mjs URL KEY [OPTION=VALUE…]
//   source=pattern    camera (Chromium's fake one), or pattern: the page's own
//   seconds=20        how long at most, from when it is live: until standard input ends
//   patience=30       how long to wait for that, in seconds
//   series=1          report when how many pictures had been sent
//   codec=H264 size=1280x720 bitrate=2500000 simulcast=0
//   screenshot=FILE   a PNG at the end
//   width=1280 height=800 dark=0
//   chromium=FILE     another browser than Debian's
// A line "live" on standard error says when it is.
import { withBrowser } from "./browser.mjs";

const [url, key, ...rest] = process.argv.slice(2);
const options = Object.fromEntries(rest.map((word) => word.split(/=(.*)/s)));
const { source = "pattern", seconds = 20, patience = 30, screenshot } = options;

let ended = false;
process.stdin.on("end", () => (ended = true)).resume();
process.stdin.unref?.();

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function publish(browser) {
  const page = browser.pages()[0] ?? (await browser.newPage());
  const home = new URL(url).origin;
  const external = [];
  const errors = [];
  const methods = [];
  page.on("request", (request) => {
    const to = new URL(request.url());
    if (!["blob:", "data:"].includes(to.protocol) && to.origin !== home) external.push(request.url());
    if (/\/whip(\/|$)/.test(to.pathname)) methods.push(request.method());
    if (request.url().includes(key)) errors.push(`the key stands in ${request.url()}`);
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.addInitScript(() => {
    window.violations = [];
    window.peers = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(...args) {
        super(...args);
        window.peers.push(this);
      }
    };
    window.outbound = async () => {
      const all = [];
      (await window.peers.at(-1)?.getStats())?.forEach((entry) => {
        if (entry.type === "outbound-rtp" && entry.kind === "video") all.push(entry);
      });
      return all[0] ?? {};
    };
    document.addEventListener("securitypolicyviolation", (event) => {
      window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await page.goto(url);
  await page.check(`input[name=kind][value=${source}]`);
  await page.fill("#key", key);
  for (const id of ["codec", "size", "bitrate"]) if (options[id]) await page.selectOption(`#${id}`, options[id]);
  if (options.simulcast === "1") await page.check("#simulcast");
  const begun = Date.now();
  await page.click("#go");
  const standing = () => page.evaluate(() => window.studio.standing());
  while ((await standing()) !== "live" && Date.now() - begun < patience * 1000) await sleep(50);
  const report = { url, live: (await standing()) === "live", after: (Date.now() - begun) / 1000 };
  console.error(report.live ? "live" : "not live");
  const [began, before] = [Date.now(), await page.evaluate(() => window.outbound())];
  const series = [];
  while (report.live && !ended && Date.now() - began < seconds * 1000) {
    await sleep(250);
    if (options.series === "1") series.push(await page.evaluate(async () => [Date.now(), (await window.outbound()).framesSent ?? 0]));
  }
  report.series = series;
  const after = await page.evaluate(() => window.outbound());
  report.seconds = (Date.now() - began) / 1000;
  report.video = Object.fromEntries(
    Object.entries(after).filter(([, v]) => typeof v === "number").map(([k, v]) => [k, v - (before[k] ?? 0)]),
  );
  report.status = await page.textContent("#status");
  report.level = await page.evaluate(() => document.getElementById("level").value);
  report.devices = await page.evaluate(() =>
    Object.fromEntries(["camera", "microphone"].map((id) => [id, [...document.getElementById(id).options].map((o) => o.text)])),
  );
  report.rows = await page.locator("#stats dt").allTextContents();
  report.sent = await page.evaluate(() => window.studio.sent());
  if (screenshot) await page.screenshot({ path: screenshot });
  if (report.live) {
    await page.click("#go");
    while ((await standing()) !== "idle") await sleep(50);
    await sleep(300);
  }
  return Object.assign(report, { methods, external, errors, violations: await page.evaluate(() => window.violations) });
}

const devices = [
  "--use-fake-device-for-media-stream=fps=30", "--use-fake-ui-for-media-stream",
  "--unsafely-treat-insecure-origin-as-secure=" + new URL(url).origin,
];
console.log(JSON.stringify(await withBrowser(url, options, devices, publish), null, 2));
