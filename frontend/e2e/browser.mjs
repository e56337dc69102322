/** Chromium for tests: the system's own, no downloads, nothing off-origin. */
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-default-apps",
      "--disable-sync",
      "--no-first-run",
    ],
  });
}

/** A page that gathers what must never happen: console errors and requests off the origin. */
export async function openPage(browser, { origin, theme = "light", width = 1280, height = 860 }) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    deviceScaleFactor: 1,
    hasTouch: width < 720,
  });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin });
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => message.type() === "error" && faults.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`page: ${error.message}`));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !url.startsWith("data:") && !url.startsWith("blob:"))
      faults.push(`off-origin: ${url}`);
  });
  return { page, faults, close: () => context.close() };
}

/** WCAG 2.2 A and AA by axe; the violations as short lines. */
export async function violations(page) {
  // The page's policy forbids foreign scripts, so axe comes in through the debugger, not through a tag.
  await page.evaluate(axeSource);
  const found = await page.evaluate(async () => {
    const result = await globalThis.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return result.violations.map(({ id, nodes }) => ({
      id,
      at: nodes.map((node) => `${node.target} ${node.failureSummary ?? ""}`),
    }));
  });
  return found.map(({ id, at }) => `${id}: ${at.join(" | ").replaceAll(/\s+/g, " ")}`);
}
