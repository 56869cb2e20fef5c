// A headless Chromium that scripts/browser.sh has installed.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const INSTALLED = process.env.TAGWERK_BROWSER ?? join(import.meta.dirname, "../../target/tools/browser");
const UNPACKED = join(INSTALLED, "unpacked");

const puppeteer = createRequire(`${INSTALLED}/`)("puppeteer-core").default;

/** What checks a page for accessibility. */
export const AXE = readFileSync(join(INSTALLED, "node_modules/axe-core/axe.min.js"), "utf8");

/** Starts it. On a bare system it needs the libraries that came with it; elsewhere the system's are better. */
export async function launch() {
  const options = (env) => ({
    executablePath: join(UNPACKED, "chromium"),
    headless: "shell",
    // Tests run as root in containers, where the sandbox cannot be had.
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--font-render-hinting=none", "--force-color-profile=srgb"],
    env: { ...process.env, FONTCONFIG_PATH: existsSync("/etc/fonts/fonts.conf") ? "/etc/fonts" : join(UNPACKED, "fonts"), ...env },
  });
  try {
    return await puppeteer.launch(options({}));
  } catch {
    return puppeteer.launch(options({ LD_LIBRARY_PATH: join(UNPACKED, "al2023/lib") }));
  }
}

/** A page of this server in a window of this size. */
export async function open(browser, url, { width = 1440, height = 1000, dark = false } = {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setViewport({ width, height, deviceScaleFactor: 1 });
  await page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: dark ? "dark" : "light" },
    { name: "prefers-reduced-motion", value: "reduce" },
  ]);
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(String(error)));
  page.on("console", (message) => {
    // Chromium reports every answer that is no success, too.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) page.errors.push(message.text());
  });
  await page.goto(url, { waitUntil: "networkidle0" });
  return page;
}
