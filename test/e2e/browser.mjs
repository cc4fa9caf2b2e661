// Starts Debian's Chromium without a window, with a profile of its own. The shell is
// Chromium without its user interface: it takes half the processor time.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const programs = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"];

// withBrowser gives a browser to use, which reaches this machine and the host of url
// only, and ends it. options: chromium, width, height, dark, anyCertificate; words are its
// own.
export async function withBrowser(url, options, words, use) {
  const { width = 1280, height = 800, dark = 0 } = options;
  const profile = await mkdtemp(join(tmpdir(), "weir-e2e-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: options.chromium ?? programs.find(existsSync) ?? programs[0],
    headless: true,
    ignoreHTTPSErrors: options.anyCertificate === "1",
    viewport: { width: Number(width), height: Number(height) },
    colorScheme: dark === "1" ? "dark" : "light",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE " + new URL(url).hostname,
      ...words,
    ],
  });
  try {
    return await use(browser);
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
}
