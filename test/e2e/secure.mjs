// Opens more pages of the operator's interface than HTTP/1.1 has connections, over TLS, looks
// at all that there are, and prints what it saw as one JSON object:
// node secure.mjs URL USER PASSWORD OUTPUT WEBHOOK
//   USER, PASSWORD    who signs in, an admin
//   OUTPUT, WEBHOOK   what to add to the stream show/a, and to the server: bodies of requests
import { withBrowser } from "./browser.mjs";
import { pagesOf, show } from "./pages.mjs";

const [url, user, password, output, webhook] = process.argv.slice(2);
const home = new URL(url).origin;
const path = "show/a";
const pages = 9;

// Runs in the page. What it asks for comes from the page's own origin.
const post = ([path, body]) => fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body }).then((r) => r.status);

// Runs in the page, before its own scripts: keeps what the server answers it, events too.
function overhear() {
  window.heard = [];
  const ask = window.fetch;
  window.fetch = async (...words) => {
    const answer = await ask(...words);
    window.heard.push(JSON.stringify([...answer.headers]));
    if (!/^(text|application)/.test(answer.headers.get("Content-Type") ?? "")) return answer;
    const reader = answer.clone().body?.pipeThrough(new TextDecoderStream()).getReader();
    const keep = ({ done, value }) => done || (window.heard.push(value), reader.read().then(keep));
    reader?.read().then(keep).catch(() => undefined);
    return answer;
  };
}

// Runs in the page: all that it shows, and all that it keeps.
const held = () => [
  document.documentElement.outerHTML, ...[...document.querySelectorAll("input, textarea")].map((each) => each.value),
  JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie, location.href, ...window.heard.splice(0),
].join("\n");

// more opens what a page shows only when it is asked to.
async function more(page, name) {
  if (name === "graph") {
    for (const node of await page.locator("[data-id]").all()) {
      await node.click({ force: true });
      for (const each of await page.locator(".inspector details").all()) await each.evaluate((e) => (e.open = true));
    }
  }
  const button = { targets: /change/i, webhooks: /deliveries/i }[name];
  if (button) for (const each of await page.getByRole("button", { name: button }).all()) await each.click();
  if (name === "settings") await page.locator(".cm-content").waitFor();
}

// look goes through all pages, and says what each of them has.
async function look(page) {
  const texts = {};
  for (const [name, hash] of Object.entries(pagesOf(path))) {
    await show(page, home, hash);
    await more(page, name);
    texts[name] = await page.evaluate(held);
  }
  await page.goto(`${home}/${path}`);
  await page.waitForFunction(() => window.heard.some((each) => each.includes("turn:")));
  texts.watch = await page.evaluate(held);
  return texts;
}

await withBrowser(url, { anyCertificate: "1" }, [], async (browser) => {
  const first = await browser.newPage();
  first.setDefaultTimeout(20000);
  const errors = [];
  await first.addInitScript(overhear);
  await first.goto(url);
  await first.getByLabel("User").fill(user);
  await first.getByLabel("Password").fill(password);
  await first.getByLabel("Password").press("Enter");
  const open = (page) => page.locator(".connection.open").waitFor();
  await open(first);
  const made = [];
  for (const each of [["/v1/users", JSON.stringify({ name: "ann", password, scope: "admin" })], [`/v1/streams/${encodeURIComponent(path)}/outputs`, output]]) {
    made.push(await first.evaluate(post, each));
  }
  // The answer has a secret, which is to be seen once.
  made.push((await browser.request.post(`${home}/v1/webhooks`, { data: webhook, headers: { "Content-Type": "application/json" } })).status());
  const others = [];
  for (let i = 1; i < pages; i++) {
    const page = await browser.newPage();
    others.push(page);
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(url);
    await open(page);
    await page.locator(".tile .figures").first().waitFor();
  }
  const protocols = await first.evaluate(() => [...new Set(performance.getEntriesByType("resource").map((e) => e.nextHopProtocol).filter(Boolean))]);
  const cookies = (await browser.cookies()).map(({ name, secure, httpOnly, sameSite }) => ({ name, secure, httpOnly, sameSite }));
  for (const page of others) await page.close();
  const texts = await look(first);
  console.log(JSON.stringify({ made, errors, protocols, cookies, pages, texts }));
});
