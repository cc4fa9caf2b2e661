// Starts Debian's Chromium without a window, with a profile of its own. The shell is
// Chromium without its user interface: it takes half the processor time.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const programs = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"];

// started is how Chromium is started: it reaches this machine and the host of url only.
const started = (url, options, words) => ({
  executablePath: options.chromium ?? programs.find(existsSync) ?? programs[0],
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE " + new URL(url).hostname,
    ...words,
  ],
});

const pages = ({ width = 1280, height = 800, dark = 0, anyCertificate }) => ({
  ignoreHTTPSErrors: anyCertificate === "1",
  viewport: { width: Number(width), height: Number(height) },
  colorScheme: dark === "1" ? "dark" : "light",
});

// withBrowser gives a browser to use, and ends it. options: chromium, width, height, dark,
// anyCertificate; words are its own.
export async function withBrowser(url, options, words, use) {
  const profile = await mkdtemp(join(tmpdir(), "weir-e2e-"));
  const browser = await chromium.launchPersistentContext(profile, { ...started(url, options, words), ...pages(options) });
  try {
    return await use(browser);
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
}

// withBrowsers gives so many browsers that share a process, but no storage and no connections.
export async function withBrowsers(url, options, n, use) {
  const browser = await chromium.launch(started(url, options, []));
  try {
    return await use(await Promise.all(Array.from({ length: n }, () => browser.newContext(pages(options)))));
  } finally {
    await browser.close();
  }
}
