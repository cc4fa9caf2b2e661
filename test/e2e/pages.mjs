// The pages of the operator's interface, and how to open one.

// frames waits until what is there has been drawn.
const frames = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

// pagesOf are all pages, by names, with those of a stream.
export function pagesOf(path) {
  const stream = `#/streams/${encodeURIComponent(path)}`;
  return {
    overview: "#/", stream, graph: `${stream}/graph`, targets: `${stream}/targets`, recording: `${stream}/recording`,
    sessions: `${stream}/sessions`, share: `${stream}/share`, mixer: `${stream}/mixer`, gone: "#/streams/live%2Fgone",
    recordings: "#/recordings", settings: "#/settings", access: "#/access", webhooks: "#/webhooks", events: "#/events", nowhere: "#/nowhere",
  };
}

// show opens a page, and waits until it has drawn what it asks for.
export async function show(page, home, hash) {
  await page.goto(`${home}/${hash}`);
  await frames(page); // the page before is still there
  await page.locator("main :is(h1, h2, p)").first().waitFor();
  await page.waitForFunction(() => !document.querySelector("main")?.textContent.includes("Loading…"));
  await frames(page);
}
