/** Checks of the page around the answers: the list of conversations, names, focus, keys. */
import assert from "node:assert/strict";

const QUICK = "How many engineers are there?";
const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? "");

export const pageChecks = ({ url, ask, turn }) => ({
  "Older conversations are a press away": async (page) => {
    for (let place = 0; place < 53; place += 1) {
      const body = JSON.stringify({ question: `Question ${place}?` });
      await fetch(`${url}/api/v1/query`, { method: "POST", body });
    }
    await page.reload();
    const threads = page.getByTestId("threads").locator("li");
    await threads.nth(49).waitFor();
    assert.equal(await threads.count(), 50);
    await page.getByRole("button", { name: "Show older" }).click();
    await threads.nth(52).waitFor();
    await page.getByRole("button", { name: "Show older" }).waitFor({ state: "detached" });
  },
  "Every screen has a name of its own": async (page) => {
    for (const [path, title] of [
      ["/agents", "Agents · Custard"],
      ["/start", "Set up · Custard"],
      ["/", "Custard"],
    ]) {
      await page.goto(`${url}${path}`);
      await page.waitForFunction((wanted) => document.title === wanted, title);
    }
  },
  "The focus stays where somebody works": async (page) => {
    await ask(page, QUICK);
    await turn(page, "succeeded").waitFor();
    await page.getByRole("button", { name: "Rename" }).click();
    await page.getByLabel("Title").fill("Heads");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Heads" }).waitFor();
    assert.equal(await focused(page), "Rename");
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download" }).click();
    await page.getByRole("button", { name: "CSV" }).click();
    await download;
    assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ""), /^Download/);
  },
  "Single keys can be switched off": async (page) => {
    await page.getByTestId("suggestions").waitFor();
    await page.getByTestId("question").blur();
    await page.keyboard.press("?");
    await page.getByLabel("Single keys do something").uncheck();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("?");
    await page.keyboard.press("/");
    assert.equal(await page.getByRole("dialog").count(), 0);
    await page.getByRole("button", { name: "Keyboard shortcuts" }).click();
    await page.getByLabel("Single keys do something").check();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    // Where the field has the focus by now, the key is a letter of a question.
    await page.getByTestId("question").blur();
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
  },
  "A follow-up leaves the address of an earlier view": async (page) => {
    await ask(page, QUICK);
    await turn(page, "succeeded").waitFor();
    await page.getByRole("tab", { name: "SQL" }).click();
    assert.match(page.url(), /tab=sql/);
    await ask(page, "Which plan brings in the most revenue?");
    await page.locator("[data-testid=turn][data-status=succeeded]").nth(1).waitFor();
    assert.equal(new URL(page.url()).search, "");
  },
});
