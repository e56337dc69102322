/**
 * Uses the page as people do, against the fixture server: keyboard, cut streams, stopping, reloads, outages.
 * Needs `npm run build`. Prints a line for each check; exit 1 when one fails.
 */
import assert from "node:assert/strict";
import { launch, openPage } from "./browser.mjs";
import { accessChecks } from "./checks/access.mjs";
import { askingChecks } from "./checks/asking.mjs";
import { alone, hold } from "./checks/held.mjs";
import { pageChecks } from "./checks/page.mjs";
import { resultChecks } from "./checks/results.mjs";
import { startFixture } from "./server.mjs";

/** Checks at once: they mostly wait. Each has a backend of its own. */
const AT_ONCE = 3;
const turn = (page, status) => page.locator(`[data-testid=turn][data-status=${status}]`).last();

async function ask(page, question) {
  await page.getByTestId("question").fill(question);
  await page.keyboard.press("Enter");
}

const ownChecks = ({ state }) => ({
  "Enter asks, Shift+Enter breaks the line, and the question shows at once": async (page) => {
    await page.getByTestId("suggestions").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.dataset.testid), "question");
    await page.keyboard.type("How many engineers");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("are there?");
    assert.equal(await page.getByTestId("question").inputValue(), "How many engineers\nare there?");
    const shown = await page.evaluate(
      () =>
        new Promise((resolve) => {
          const began = performance.now();
          const watcher = new MutationObserver(() => {
            if (document.querySelector("[data-testid=turn] h2") !== null) {
              watcher.disconnect();
              resolve(performance.now() - began);
            }
          });
          watcher.observe(document.body, { childList: true, subtree: true });
          document.querySelector("[data-testid=send]").click();
        }),
    );
    await turn(page, "succeeded").waitFor();
    assert.match(page.url(), /\/t\/thr_/);
    return `${shown.toFixed(0)} ms`;
  },
  "A stream that is cut again and again gives the same transcript": async (page) => {
    state.cutAfter = 9;
    await ask(page, "Which plan brings in the most revenue?");
    await turn(page, "succeeded").waitFor();
    state.cutAfter = 0;
    const steps = () =>
      page
        .getByTestId("rail-step")
        .evaluateAll((rows) => rows.map((row) => `${row.dataset.step} ${row.dataset.state}`));
    const live = await steps();
    assert.equal(live.length, 8);
    await page.reload();
    await turn(page, "succeeded").waitFor();
    assert.deepEqual(await steps(), live);
  },
  "A reload in the middle goes on where the run is": async (page) => {
    await ask(page, "Which plan brings in the most revenue?");
    // Begun is enough: on a slow machine the steps may be folded up again before anybody looks.
    await page.locator("[data-step=execute_sql]").first().waitFor({ state: "attached" });
    await page.reload();
    await turn(page, "succeeded").waitFor();
    assert.equal(await page.getByTestId("rail-step").count(), 8);
  },
  "Stop by button, and the composer is free again": async (page) => {
    await ask(page, "How many pairs of events are there?");
    await page.locator("[data-step=execute_sql]").waitFor();
    await page.getByTestId("stop").click();
    await turn(page, "cancelled").waitFor();
    assert.match(await page.getByTestId("cancelled").innerText(), /Cancelled in Postgres after 312 ms/);
    await page.getByTestId("send").waitFor();
  },
  "Stop by Esc in the field, and by the full stop outside of it": async (page) => {
    await ask(page, "How many pairs of events are there?");
    await page.locator("[data-step=execute_sql]").waitFor();
    await page.getByTestId("question").press("Escape");
    await turn(page, "cancelled").waitFor();
    await page.getByRole("button", { name: "Ask again" }).click();
    await page.locator("[data-testid=turn][data-status=running]").waitFor();
    await page.getByTestId("question").blur();
    await page.keyboard.press(".");
    await page.locator("[data-testid=turn][data-status=cancelled]").nth(1).waitFor();
  },
  "Stop before the backend has answered stops the run": async (page) => {
    const post = await hold(page, "**/api/v1/query");
    await ask(page, "How many pairs of events are there?");
    await post.reached; // until then there is nothing to cancel, and Stop gives the question back
    await page.getByTestId("stop").click();
    post.release();
    await turn(page, "cancelled").waitFor();
  },
  "A question sent before the page knows its databases is asked as soon as it does": async (page) => {
    let arrive;
    const late = new Promise((resolve) => (arrive = resolve));
    await page.route("**/api/v1/connections", async (route) => {
      await late;
      await route.continue();
    });
    await page.reload();
    await ask(page, "How many engineers are there?");
    await turn(page, "queued").waitFor();
    await page.getByTestId("stop").click();
    assert.equal(await page.getByTestId("question").inputValue(), "How many engineers are there?");
    await page.getByTestId("question").press("Enter");
    await turn(page, "queued").waitFor();
    arrive();
    await turn(page, "succeeded").waitFor();
    assert.equal(await page.getByTestId("turn").count(), 1);
  },
  "A question sent where no database is comes back": async (page) => {
    let arrive;
    const late = new Promise((resolve) => (arrive = resolve));
    await page.route("**/api/v1/connections", async (route) => {
      await late;
      await route.fulfill({ json: { connections: [] } });
    });
    await page.reload();
    await ask(page, "How many engineers are there?");
    await turn(page, "queued").waitFor();
    arrive();
    await page.getByText("No database is connected yet.").waitFor();
    assert.equal(await page.getByTestId("turn").count(), 0);
  },
  "A reading that is tapped is asked as the next turn": async (page) => {
    await ask(page, "Who is our best customer?");
    await page.getByRole("button", { name: "Number of orders" }).click();
    await turn(page, "succeeded").waitFor();
    assert.equal(await page.getByTestId("turn").count(), 2);
    await page.getByTestId("question").blur();
    await page.keyboard.press("k");
    await page.keyboard.press("k");
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Who is our best customer?");
  },
  "What a person opened stays open, and tabs are in the address": async (page) => {
    await ask(page, "Which plan brings in the most revenue?");
    const toggle = page.getByTestId("rail").getByRole("button").first();
    // Open while it runs, folded once it is over, which on a slow machine it may be before the first click.
    await toggle.click();
    if ((await page.getByTestId("rail").getAttribute("data-state")) !== "open") await toggle.click();
    await turn(page, "succeeded").waitFor();
    assert.equal(await page.getByTestId("rail").getAttribute("data-state"), "open");
    await page.getByRole("tab", { name: "Chart" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.getByTestId("result-table").waitFor();
    await page.keyboard.press("ArrowRight");
    assert.match(page.url(), /tab=sql/);
    await page.reload();
    await page.getByTestId("sql-panel").waitFor();
  },
  "A whole result sorts as a whole, scrolls without all of its rows in the page, and copies as TSV": async (page) => {
    await ask(page, "List all orders");
    await turn(page, "succeeded").waitFor();
    await page.getByRole("button", { name: "order_id" }).click();
    await page.locator("[aria-rowcount='1205']").waitFor();
    assert.match(await page.getByTestId("result-table").locator("tbody tr").first().innerText(), /11203/);
    assert.ok((await page.getByTestId("result-table").locator("tbody tr").count()) < 60);
    await alone(async () => {
      await page.getByRole("button", { name: "Copy", exact: true }).click();
      await page.getByRole("button", { name: "Copied" }).waitFor();
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      assert.equal(copied.split("\n").length, 1205);
    });
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download" }).click();
    await page.getByRole("button", { name: "CSV" }).click();
    assert.match((await download).suggestedFilename(), /^run_.*\.csv$/);
  },
  "An agent that goes away: told, asking is off, history stays; back again by itself": async (page) => {
    await ask(page, "How many engineers are there?");
    await turn(page, "succeeded").waitFor();
    state.agent = "offline";
    await page.getByTestId("offline-strip").waitFor();
    await page.getByTestId("question").fill("More?");
    assert.ok(await page.getByTestId("send").isDisabled());
    assert.match(await page.getByTestId("composer-note").innerText(), /unreachable since/);
    assert.ok(await page.getByTestId("answer").isVisible());
    state.agent = "online";
    await page.getByTestId("offline-strip").waitFor({ state: "detached" });
    assert.ok(await page.getByTestId("send").isEnabled());
  },
  "A refused question comes back into the field with what to do": async (page) => {
    await page.getByTestId("suggestions").waitFor();
    state.agent = "offline";
    await ask(page, "How many engineers are there?");
    await page.getByTestId("ask-problem").waitFor();
    assert.match(await page.getByTestId("ask-problem").innerText(), /custard agent run/);
    assert.equal(await page.getByTestId("question").inputValue(), "How many engineers are there?");
  },
  "A backend that goes away in the middle: reconnecting, then the answer": async (page) => {
    state.cutAfter = 1; // An event a connection: the answer is not there before the outage, however slow the page.
    await ask(page, "Which plan brings in the most revenue?");
    await turn(page, "running").waitFor();
    state.down = true;
    await page.getByTestId("reconnecting").waitFor();
    await page.getByTestId("unreachable").waitFor();
    state.down = false;
    state.cutAfter = 0;
    await turn(page, "succeeded").waitFor();
    await page.getByTestId("unreachable").waitFor({ state: "detached" });
  },
  "A key is asked for, refused when wrong, and taken when right": async (page) => {
    state.auth = "key";
    await page.reload();
    await page.getByLabel("API key").fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByText("This key was refused").waitFor();
    await page.getByLabel("API key").fill("letmein");
    await page.keyboard.press("Enter");
    await page.getByTestId("suggestions").waitFor();
    await ask(page, "How many engineers are there?");
    await turn(page, "succeeded").waitFor();
  },
  "Steps and answer are announced, tokens are not": async (page) => {
    await page.evaluate(() => {
      globalThis.said = [];
      const line = document.querySelector("[data-testid=announcer]");
      new MutationObserver(() => globalThis.said.push(line.textContent)).observe(line, {
        childList: true,
        characterData: true,
        subtree: true,
      });
    });
    await ask(page, "Which plan brings in the most revenue?");
    await turn(page, "succeeded").waitFor();
    await page.waitForTimeout(100);
    const said = await page.evaluate(() => globalThis.said);
    assert.ok(
      said.some((line) => line.includes("Draft SQL done")),
      said.join("; "),
    );
    assert.match(said.at(-1), /^Team brings in the most/);
    assert.ok(said.length < 12, `${said.length} announcements`);
  },
});

/** Runs one check on a page and a backend of its own; the line that tells of it, which begins with BAD when it failed. */
async function run(browser, name) {
  const fixture = await startFixture({ speed: 3 });
  const { state, url } = fixture;
  const { page, faults, close } = await openPage(browser, { origin: url });
  page.setDefaultTimeout(60_000); // A hang limit: at rest each takes a second or two.
  try {
    await page.goto(url);
    const note = await checks({ state, url, ask, turn })[name](page, faults);
    // Failed fetches are what these checks are about; anything else on the console is a fault.
    assert.deepEqual(
      faults.filter((fault) => !fault.includes("Failed to load resource")),
      [],
    );
    return `ok   ${name}${note === undefined ? "" : ` (${note})`}`;
  } catch (error) {
    return `BAD  ${name}\n       ${String(error).split("\n").slice(0, 6).join("\n       ")}`;
  } finally {
    await close();
    fixture.close();
  }
}

const checks = (tools) => ({
  ...ownChecks(tools),
  ...askingChecks(tools),
  ...accessChecks(tools),
  ...resultChecks(tools),
  ...pageChecks(tools),
});
const only = (process.argv[2] ?? "").toLowerCase();
const waiting = Object.keys(checks({})).filter((name) => name.toLowerCase().includes(only));
const browser = await launch();
let failed = 0;
async function work() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const line = await run(browser, name);
    if (line.startsWith("BAD")) failed += 1;
    console.log(line);
  }
}
try {
  await Promise.all(Array.from({ length: AT_ONCE }, work));
} finally {
  await browser.close();
}
process.exitCode = failed === 0 ? 0 : 1;
