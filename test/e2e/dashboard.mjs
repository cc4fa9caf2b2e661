// Keeps a page of the operator's interface open in Debian's Chromium while a server is measured:
// node dashboard.mjs URL [OPTION=VALUE…]
//   page=#/           what it shows
//   settle=0          ms from when it is there until it is measured
//   scroll=1          look what it is busy with while it is scrolled, too
//   profile=FILE      where the page's CPU profile goes
// It prints "open" when the page is there, and one JSON object when its input ends: what the
// page was busy with, and what it holds.
import { writeFile } from "node:fs/promises";
import { once } from "node:events";
import { withBrowser } from "./browser.mjs";

const [url, ...rest] = process.argv.slice(2);
const options = Object.fromEntries(rest.map((word) => word.split(/=(.*)/s)));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Runs in the page, before its own scripts.
function observe() {
  window.tasks = [];
  new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((e) => [Math.round(e.startTime), Math.round(e.duration)]))).observe({ type: "longtask", buffered: true });
}

// held is what a page keeps after what nobody needs has been collected.
async function held(cdp) {
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners } = await cdp.send("Memory.getDOMCounters");
  return { heap: usedSize, nodes, listeners: jsEventListeners };
}

const count = () => ({
  tiles: document.querySelectorAll(".tile").length,
  full: document.querySelectorAll(".tile .figures").length,
  pictures: [...document.querySelectorAll(".thumbnail canvas")].filter((c) => !c.hidden).length,
  edges: document.querySelectorAll(".edge").length,
  elements: document.getElementsByTagName("*").length,
  connection: document.querySelector(".connection")?.className ?? "",
});

async function scroll(page) {
  await page.evaluate(() => window.tasks.splice(0)); // before, what was not needed was collected
  await page.mouse.move(600, 500);
  for (let i = 0; i < 20; i++) {
    await page.mouse.wheel(0, 350);
    await sleep(100);
  }
  await sleep(500);
  return page.evaluate(() => window.tasks.splice(0));
}

async function open(browser) {
  const page = await browser.newPage();
  await page.addInitScript(observe);
  const cdp = await browser.newCDPSession(page);
  if (options.profile) {
    await cdp.send("Profiler.enable");
    await cdp.send("Profiler.setSamplingInterval", { interval: 500 });
    await cdp.send("Profiler.start");
  }
  await page.goto(new URL(options.page ?? "#/", url).href);
  await page.locator(".connection.open").waitFor();
  await page.locator(".thumbnail canvas:not([hidden]), .edge").first().waitFor({ state: "attached" }); // a straight edge has no height
  return { page, cdp };
}

await withBrowser(url, options, [], async (browser) => {
  const { page, cdp } = await open(browser);
  await sleep(Number(options.settle ?? 0));
  await cdp.send("Performance.enable");
  const before = await held(cdp);
  const opened = await page.evaluate(() => window.tasks.splice(0));
  console.log("open");
  await once(process.stdin.resume(), "end");
  const steady = await page.evaluate(() => window.tasks.splice(0));
  const after = await held(cdp);
  const there = await page.evaluate(count);
  const scrolled = options.scroll === "1" ? await scroll(page) : [];
  if (options.profile) await writeFile(options.profile, JSON.stringify((await cdp.send("Profiler.stop")).profile));
  console.log(JSON.stringify({ opened, steady, scrolled, before, after, ...there }));
});
