// Writes a picture of the page: screenshot.mjs URL OUT.png [LANGUAGE] [dark]. Needs scripts/browser.sh and a server.

import { launch, open } from "./browser.mjs";

const [url, path, language = "de", mode] = process.argv.slice(2);
if (!path) {
  console.error("screenshot.mjs URL OUT.png [LANGUAGE] [dark]");
  process.exit(2);
}
const browser = await launch();
const page = await open(browser, url, { width: 1360, height: 1120, dark: mode === "dark" });
await page.click(`#examples button[lang=${language}]`);
await page.waitForSelector("#result:not([hidden])");
// Away from what would light up below it.
await page.mouse.move(0, 0);
await page.evaluate(() => document.fonts.ready);
await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
await page.screenshot({ path });
await browser.close();
