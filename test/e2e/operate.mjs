// Goes through the operator's interface in Debian's Chromium and prints what it saw as one
// JSON object: node operate.mjs URL [OPTION=VALUE…]
//   do=pages          open every page, light, dark and narrow, and have axe look at it
//   do=keys           go through the graph, the wizard and a form by keyboard alone
//   do=load           look how long the page is busy: seconds=10 after it shows
//                     a picture or edges=1, page=HASH
//   shots=DIR         pictures of the pages
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { withBrowser } from "./browser.mjs";
import { pagesOf, show as showAt } from "./pages.mjs";

const [url, ...rest] = process.argv.slice(2);
const options = Object.fromEntries(rest.map((word) => word.split(/=(.*)/s)));
const home = new URL(url).origin;
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const seen = { held: {}, errors: [], external: [], violations: [], axe: [], wide: [], pwned: false, steps: {} };

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Runs in the page, before its own scripts.
function observe() {
  window.tasks = [];
  new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((e) => [Math.round(e.startTime), Math.round(e.duration)]))).observe({ type: "longtask", buffered: true });
  document.addEventListener("securitypolicyviolation", (event) => {
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile ?? ""}`);
  });
}

// held are the requests that have no whole answer yet, and with it the connections that the
// page holds.
const held = new Set();
const holding = () => [...held].map((request) => new URL(request.url()).pathname).sort();

// holds waits until the page holds so many connections only.
async function holds(page, n) {
  for (let i = 0; i < 250 && held.size !== n; i++) await page.waitForTimeout(20);
  return holding();
}

async function see(page, state) {
  await page.evaluate((now) => {
    Object.defineProperty(document, "visibilityState", { value: now, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
}

async function open(browser) {
  const page = browser.pages()[0] ?? (await browser.newPage());
  page.on("request", (request) => {
    const to = new URL(request.url());
    if (!["blob:", "data:"].includes(to.protocol) && to.origin !== home) seen.external.push(request.url());
  });
  page.on("console", (message) => {
    if (message.type() !== "error") return;
    const text = message.text();
    if (text.startsWith("policy:") || /Content Security Policy/.test(text)) seen.violations.push(text);
    else if (!expected(message)) seen.errors.push(`${text} ${message.location().url}`);
  });
  page.on("request", (request) => held.add(request));
  for (const over of ["requestfinished", "requestfailed"]) page.on(over, (request) => held.delete(request));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  await page.addInitScript(observe);
  return page;
}

// A player without a stream asks in vain, and who is not signed in is refused.
const expected = (message) => /Failed to load resource.*(401|403|404|422)/.test(message.text()) && !/assets/.test(message.location().url);

// show opens a page, and waits until it holds nothing but its event stream.
async function show(page, hash) {
  await showAt(page, home, hash);
  await holds(page, 1);
}

const pages = pagesOf("live/studio");

// examine has axe look at the page, and reports what is serious or worse.
async function examine(page, name, only = { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  const found = await page.evaluate((runOnly) => window.axe.run(document, { resultTypes: ["violations"], runOnly }), only);
  for (const v of found.violations) {
    if (["serious", "critical"].includes(v.impact)) seen.axe.push(`${name}: ${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.failureSummary}`).join(" | ")}`);
  }
}

async function eachPage(page) {
  for (const [name, hash] of Object.entries(pages)) {
    await show(page, hash);
    seen.held[name] = holding();
    if (name === "graph") await page.locator("[data-id=tube]").click();
    await page.emulateMedia({ colorScheme: "dark" });
    await examine(page, `${name} dark`, { type: "rule", values: ["color-contrast"] }); // all else is as in light
    await page.emulateMedia({ colorScheme: "light" });
    await examine(page, `${name} light`);
    if (options.shots && shots.includes(name)) await page.screenshot({ path: `${options.shots}/${name}.png` });
    await page.setViewportSize({ width: 360, height: 740 });
    await narrow(page, name);
    if (options.shots && name === "overview") await page.screenshot({ path: `${options.shots}/phone.png` });
    await page.setViewportSize({ width: 1280, height: 800 });
  }
  await show(page, pages.overview);
  await see(page, "hidden");
  seen.held.hidden = await holds(page, 0);
  await see(page, "visible");
  seen.held.again = await holds(page, 1);
}

// narrow looks for what is wider than a phone, or too small for a finger.
async function narrow(page, name) {
  const { wide, small } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    small: [...document.querySelectorAll("button, a, input, select, summary, [role=tab]")].filter((e) => {
      const { width, height } = e.getBoundingClientRect();
      return width > 0 && getComputedStyle(e).display !== "inline" && !e.closest(".tile, .unseen, .skip, li, p, dd, svg") && (width < 24 || height < 24);
    }).map((e) => e.outerHTML.slice(0, 120)),
  }));
  if (wide > 360) seen.wide.push(`${name} is ${wide} wide`);
  seen.wide.push(...small.map((each) => `${name}: too small: ${each}`));
}
const shots = ["mixer", "settings"]; // minutes.mjs has the others, of a real server

const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute("data-id") ?? document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "");

// tabTo presses Tab until something that is so has the focus.
async function tabTo(page, wanted) {
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(wanted)) return;
  }
  throw new Error(`Tab does not lead to ${wanted}`);
}

// type puts a text where the focus is after Tab has led to the field of that label.
async function type(page, label, text) {
  await tabTo(page, `document.activeElement?.labels?.[0]?.textContent.includes(${JSON.stringify(label)})`);
  await page.keyboard.type(text);
}

async function walkGraph(page) {
  await show(page, pages.graph);
  await tabTo(page, "!!document.activeElement?.dataset?.id");
  const way = [await focused(page)];
  for (const key of ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowRight", "ArrowLeft", "ArrowUp"]) {
    await page.keyboard.press(key);
    way.push(await focused(page));
  }
  await page.keyboard.press("Enter");
  await sleep(1500);
  const inspector = await page.locator(".inspector h2").textContent();
  const sparks = await page.locator(".inspector .spark").count();
  await page.keyboard.press("Escape");
  await sleep(200);
  return { way, inspector, sparks, closed: (await page.locator(".inspector").count()) === 0, back: await focused(page), labels: await page.locator(".edge text").allTextContents() };
}

async function addTarget(page) {
  await show(page, pages.targets);
  await tabTo(page, "document.activeElement?.name === 'platform'");
  await page.keyboard.press("ArrowDown");
  const platform = await page.evaluate(() => document.activeElement.value);
  await type(page, "Stream key", "wrong");
  await page.keyboard.press("Enter");
  await page.locator("form [role=alert]").waitFor();
  const refusal = await page.locator("form [role=alert]").textContent();
  await page.locator("form input[type=password]").fill("right");
  await page.locator("form input[type=password]").press("Enter");
  await page.locator(".target").waitFor();
  const added = await page.locator(".target").textContent();
  await page.getByRole("button", { name: "Stop: push-1" }).press("Enter");
  await page.getByRole("button", { name: "Start: push-1" }).waitFor();
  await page.getByRole("button", { name: "Change" }).press("Enter");
  await page.locator(".target input[type=password]").fill("other");
  await page.getByRole("button", { name: "Save" }).press("Enter");
  await page.locator(".target form").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Remove: push-1" }).press("Enter");
  await page.locator(".asking .danger:focus").press("Enter");
  await page.locator(".target").waitFor({ state: "detached" });
  return { platform, refusal, added };
}

async function editSettings(page) {
  await show(page, pages.settings);
  const editor = page.locator(".editor .cm-content");
  await editor.waitFor();
  await editor.press("Control+End");
  await page.keyboard.type("      a2: {use: ingest/rt");
  await page.keyboard.press("Control+Space");
  await page.locator(".cm-tooltip-autocomplete li").first().waitFor();
  const offers = await page.locator(".cm-tooltip-autocomplete .cm-completionLabel").allTextContents();
  await page.keyboard.press("Escape");
  await page.keyboard.type("pm}");
  await page.locator(".cm-bad").waitFor();
  const problem = await page.locator("main [role=status] .plain").textContent();
  await page.keyboard.press("Escape");
  for (let i = 0; i < 3; i++) await page.keyboard.press("Backspace");
  for (let i = 0; i < 1; i++) await page.keyboard.press("Backspace");
  await page.keyboard.type("tmp}");
  await page.getByText("Nothing is wrong").waitFor();
  await page.getByRole("button", { name: "Show the plan" }).press("Enter");
  await page.getByText("What applying it would do").waitFor();
  const diff = await page.locator(".diff .added").allTextContents();
  await page.getByRole("button", { name: "Apply" }).press("Enter");
  await page.getByText("The text is as it is in force.").waitFor({ state: "attached" });
  return { offers, problem, diff };
}

async function moveBox(page) {
  await show(page, pages.mixer);
  const box = page.locator(".mixer button").first();
  await box.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Shift+ArrowDown");
  const by = await box.boundingBox();
  await page.mouse.move(by.x + 20, by.y + 20);
  await page.mouse.down();
  await page.mouse.move(by.x + 60, by.y + 40, { steps: 4 });
  await page.mouse.up();
  const label = await box.getAttribute("aria-label");
  await page.getByRole("button", { name: "Apply the scene" }).press("Enter");
  await page.getByRole("button", { name: "Mute: guest" }).press("Enter");
  await sleep(300);
  return { label };
}

async function playRecording(page) {
  await show(page, pages.recordings);
  await page.getByRole("button", { name: /^Play: live\/evening/ }).press("Enter");
  await page.waitForFunction(() => document.querySelector("video.film")?.currentTime > 0.2);
  return page.evaluate(() => document.querySelector("video.film").videoWidth);
}

async function wizard(page) {
  await page.goto(`${home}/setup#token=one-time`);
  await page.getByRole("heading", { name: /Step 2/ }).waitFor();
  await examine(page, "setup");
  await type(page, "Password", "short");
  await page.keyboard.press("Enter");
  await page.locator(".wrong").first().waitFor();
  const wrong = await page.locator(".wrong").allTextContents();
  await page.locator("input[name=password]").fill("");
  await page.locator("input[name=password]").focus();
  await page.keyboard.type("correct horse");
  await page.keyboard.press("Tab");
  await page.keyboard.type("correct horse");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: /Step 3/ }).waitFor();
  await page.locator(".doors input").first().waitFor();
  const addresses = await page.locator(".doors input").evaluateAll((all) => all.map((each) => each.value));
  await tabTo(page, "document.activeElement?.textContent === 'Go to the overview'");
  await page.keyboard.press("Enter");
  await page.locator(".tile").first().waitFor();
  await page.getByRole("button", { name: "Sign out" }).press("Enter");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await examine(page, "sign in");
  await type(page, "User", "admin");
  await type(page, "Password", "guess");
  await page.keyboard.press("Enter");
  await page.locator(".wrong").waitFor();
  await page.locator("input[name=password]").fill("correct horse");
  await page.keyboard.press("Enter");
  await page.locator(".tile").first().waitFor();
  return { wrong, addresses };
}

// chooseEdge goes from the first stage to an edge of it by keyboard, and opens that.
async function chooseEdge(page) {
  await page.locator(".node").first().focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.locator(".inspector .spark").first().waitFor();
  return page.evaluate(() => [...document.querySelectorAll(".edge.chosen[tabindex='0']")].map((each) => each.getAttribute("aria-label")).join());
}

async function load(page) {
  await page.goto(`${home}/${options.page ?? "#/"}`);
  await page.waitForFunction((edges) => document.querySelectorAll(".edge").length >= edges || [...document.querySelectorAll(".thumbnail canvas")].some((c) => !c.hidden), Number(options.edges ?? 1));
  await sleep(1000 * Number(options.seconds ?? 10));
  const count = () => page.evaluate(() => [...document.querySelectorAll(".thumbnail canvas")].filter((c) => !c.hidden).length);
  const pictures = await count();
  await page.mouse.move(600, 500);
  for (let i = 0; i < 10; i++) {
    await page.mouse.wheel(0, 700);
    await sleep(150);
  }
  const end = await page.evaluate(() => ({ tasks: window.tasks, tiles: document.querySelectorAll(".tile").length, full: document.querySelectorAll(".tile .figures").length, edges: document.querySelectorAll(".edge").length, nodes: document.getElementsByTagName("*").length }));
  return { ...end, pictures, edge: options.edges ? await chooseEdge(page) : "" };
}

await withBrowser(url, options, [], async (browser) => {
  const page = await open(browser);
  page.setDefaultTimeout(20000);
  const step = async (name, act) => (seen.steps[name] = await act(page));
  if (options.do === "pages") await step("pages", eachPage);
  if (options.do === "load") await step("load", load);
  if (options.do === "keys") {
    if (options.wizard === "1") await step("wizard", wizard);
    await step("graph", walkGraph);
    await step("target", addTarget);
    await step("mixer", moveBox);
    await step("settings", editSettings);
    await step("film", playRecording);
  }
  seen.pwned = await page.evaluate(() => window.pwned === 1 || document.querySelector("img") !== null);
});
console.log(JSON.stringify(seen, null, 2));
