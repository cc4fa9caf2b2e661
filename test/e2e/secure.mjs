// Opens more pages of the operator's interface than HTTP/1.1 has connections, over TLS, and
// prints what it saw as one JSON object: node secure.mjs URL
import { withBrowser } from "./browser.mjs";

const [url] = process.argv.slice(2);
const pages = 9;
const user = { name: "ann", password: "correct horse", scope: "admin" };

// Runs in the page. What it asks for comes from the page's own origin.
const post = ([path, body]) => fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }).then((r) => r.status);

await withBrowser(url, { anyCertificate: "1" }, [], async (browser) => {
  const first = await browser.newPage();
  const errors = [];
  await first.goto(url);
  await first.getByRole("main").waitFor();
  const made = await first.evaluate(post, ["/v1/users", user]);
  await first.reload();
  await first.getByLabel("User").fill(user.name);
  await first.getByLabel("Password").fill(user.password);
  await first.getByLabel("Password").press("Enter");
  const open = (page) => page.locator(".connection.open").waitFor();
  await open(first);
  for (let i = 1; i < pages; i++) {
    const page = await browser.newPage();
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(url);
    await open(page);
    await page.locator(".tile .figures").waitFor();
  }
  const protocols = await first.evaluate(() => [...new Set(performance.getEntriesByType("resource").map((e) => e.nextHopProtocol).filter(Boolean))]);
  const cookies = (await browser.cookies()).map(({ name, secure, httpOnly, sameSite }) => ({ name, secure, httpOnly, sameSite }));
  console.log(JSON.stringify({ made, errors, protocols, cookies, pages }));
});
