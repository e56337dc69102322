/**
 * Uses the page as a person would, against a running chain: `node browser.mjs URL ARTIFACTS`.
 * Prints one JSON object of what was seen; the test that started it judges.
 */
import { join } from "node:path";
import { launch, openPage, violations } from "../../frontend/e2e/browser.mjs";

const [origin, artifacts] = process.argv.slice(2);
const browser = await launch();
const seen = { violations: {}, faults: [] };

async function ask(page, question) {
  await page.getByTestId("question").fill(question);
  await page.keyboard.press("Enter");
}
async function ended(page, status, place = -1) {
  const turn = page.locator(`[data-testid=turn][data-status=${status}]`);
  await (place < 0 ? turn.last() : turn.nth(place)).waitFor({ timeout: 60_000 });
}
async function look(page, name) {
  await page.screenshot({ path: join(artifacts, `${name}.png`), fullPage: false });
  seen.violations[name] = await violations(page);
}

for (const [look_name, options] of Object.entries({
  light: { theme: "light" },
  dark: { theme: "dark" },
  phone: { theme: "light", width: 390, height: 844 },
})) {
  const { page, faults, close } = await openPage(browser, { origin, ...options });
  await page.goto(origin);
  await page.getByTestId("suggestions").locator("li").first().waitFor();
  await look(page, `ask-${look_name}`);
  await ask(page, "Employees by office in the browser");
  await page.getByTestId("rail").first().waitFor();
  await look(page, `running-${look_name}`);
  await ended(page, "succeeded");
  await page.getByTestId("chart").locator("svg").waitFor({ timeout: 30_000 });
  await look(page, `answered-${look_name}`);
  if (look_name === "light") {
    seen.answer = await page.getByTestId("answer").last().innerText();
    seen.url = page.url();
    await page.getByRole("tab", { name: "SQL" }).click();
    seen.sql = await page.getByTestId("sql-panel").innerText();
    await page.getByRole("tab", { name: "Table" }).click();
    seen.table = await page.getByTestId("result-table").innerText();

    await ask(page, "Follow up in the browser");
    await ended(page, "succeeded", 1);
    seen.turns = await page.getByTestId("turn").count();

    await ask(page, "Take for ever in the browser");
    await page.getByTestId("stop").waitFor();
    // Another page inside the app, and back: the question goes on meanwhile.
    const thread = new URL(page.url()).pathname;
    await page.getByRole("link", { name: "New question" }).click();
    await page.getByTestId("thread-running").waitFor();
    await page.waitForTimeout(1500);
    seen.whileAway = await page.getByTestId("thread-running").count();
    await page.locator(`a[href="${thread}"]`).first().click();
    await page.getByTestId("stop").waitFor();
    await page.getByTestId("stop").click();
    await ended(page, "cancelled");
    seen.cancelled = await page.getByTestId("turn").last().innerText();

    await ask(page, "Break in the browser");
    await ended(page, "failed");
    seen.failed = await page.getByTestId("turn").last().innerText();
    await look(page, "failed-light");

    await page.reload();
    await page.getByTestId("turn").nth(3).waitFor();
    seen.afterReload = await page.getByTestId("turn").count();
  }
  seen.faults.push(...faults);
  await close();
}
await browser.close();
process.stdout.write(`${JSON.stringify(seen)}\n`);
