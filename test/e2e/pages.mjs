// The pages of the operator's interface, and how to open one.

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// pagesOf are all pages, by names, with those of a stream.
export function pagesOf(path) {
  const stream = `#/streams/${encodeURIComponent(path)}`;
  return {
    overview: "#/", stream, graph: `${stream}/graph`, targets: `${stream}/targets`, recording: `${stream}/recording`,
    sessions: `${stream}/sessions`, share: `${stream}/share`, mixer: `${stream}/mixer`, gone: "#/streams/live%2Fgone",
    recordings: "#/recordings", settings: "#/settings", access: "#/access", webhooks: "#/webhooks", events: "#/events", nowhere: "#/nowhere",
  };
}

// show opens a page, and waits until it has what it asks for, and then for a rest, in ms.
export async function show(page, home, hash, rest = 400) {
  await page.goto(`${home}/${hash}`);
  await sleep(100); // the page before is still there
  await page.locator("main :is(h1, h2, p)").first().waitFor();
  await page.waitForFunction(() => !document.querySelector("main")?.textContent.includes("Loading…"));
  await sleep(rest);
}
