/** Checks of results: charts, tables, copies, and what is told where there is less than the whole. */
import assert from "node:assert/strict";
import { alone, hold } from "./held.mjs";

const ORDERS = "List all orders";
const BARS = "Which plan brings in the most revenue?";
const BY_DAY = "How did revenue develop day by day?";

/** Presses what copies, and gives what was copied. */
const copied = (page, name) =>
  alone(async () => {
    const unset = "nothing yet";
    await page.evaluate((text) => (globalThis.realClipboard ?? navigator.clipboard).writeText(text), unset);
    await page.getByRole("button", { name, exact: true }).click();
    for (;;) {
      const text = await page.evaluate(() => (globalThis.realClipboard ?? navigator.clipboard).readText());
      if (text !== unset) return text;
      await page.getByRole("button", { name: "Copied" }).first().waitFor();
    }
  });

/** As on a page that is served without TLS from another machine. */
const withoutClipboard = (page) =>
  page.evaluate(() => {
    globalThis.realClipboard = navigator.clipboard;
    Object.defineProperty(navigator, "clipboard", { value: undefined });
  });

export const resultChecks = ({ state, url, ask, turn }) => ({
  "Copy takes the whole result in the order on the screen": async (page) => {
    await ask(page, ORDERS);
    await turn(page, "succeeded").waitFor();
    assert.equal((await copied(page, "Copy")).split("\n").length, 1205);
    await page.getByRole("button", { name: "order_id" }).click();
    await page.locator("[aria-sort=descending]").waitFor();
    const lines = (await copied(page, "Markdown")).split("\n");
    assert.equal(lines.length, 1206);
    assert.match(lines[2], /^\| 11203 \|/);
  },
  "Half a result is not sorted as if it were the whole": async (page) => {
    await ask(page, ORDERS);
    await turn(page, "succeeded").waitFor();
    const rest = await hold(page, "**/result?*");
    await page.getByRole("button", { name: "order_id" }).click();
    await rest.reached;
    await page.getByRole("button", { name: "Loading…" }).waitFor();
    const first = page.getByTestId("result-table").locator("tbody tr").first();
    assert.match(await first.innerText(), /10000/);
    assert.equal(await page.locator("[aria-sort=descending]").count(), 0);
    rest.release();
    await page.locator("[aria-sort=descending]").waitFor();
    assert.match(await first.innerText(), /11203/);
  },
  "A chart of the first rows is not shown as the chart of all": async (page) => {
    state.gone = true;
    await ask(page, BY_DAY);
    await page.getByTestId("chart-part").waitFor();
    assert.match(await page.getByTestId("chart-part").innerText(), /first 50 of 400 rows[^]*no longer kept/);
    assert.equal(await page.getByTestId("chart").count(), 0);
    await page.getByRole("button", { name: "Draw these" }).click();
    await page.getByTestId("chart").locator("svg").waitFor();
    assert.match(await page.getByTestId("chart-part").innerText(), /Only the first 50/);
  },
  "Time runs from left to right, whatever the order of the rows": async (page) => {
    await ask(page, BY_DAY);
    const drawn = page.getByTestId("chart").locator("svg");
    await drawn.waitFor();
    const days = await drawn.locator("text").evaluateAll((texts) =>
      texts
        .map((text) => ({ day: text.textContent, at: text.getBoundingClientRect().left }))
        .filter(({ day }) => /^\d{4}-\d\d-\d\d$/.test(day))
        .sort((a, b) => a.at - b.at)
        .map(({ day }) => day),
    );
    assert.ok(days.length > 1, days.join());
    assert.deepEqual(days, days.toSorted());
  },
  "A chart that does not load leaves the answer and its table": async (page, faults) => {
    await page.route("**/assets/ChartFigure*", (route) => route.abort());
    await ask(page, BARS);
    await page.getByTestId("result-card").getByTestId("broken").waitFor();
    assert.ok(await page.getByTestId("answer").isVisible());
    await page.getByRole("tab", { name: "Table" }).click();
    await page.getByTestId("result-table").waitFor();
    assert.ok(faults.every((fault) => /Failed to (load resource|fetch dynamically imported)|ChartFigure/.test(fault)));
    faults.length = 0;
  },
  "Pointing at a chart tells its values, within the page's policy": async (page) => {
    await ask(page, BARS);
    const drawn = page.getByTestId("chart").locator("svg");
    await drawn.waitFor();
    const box = await drawn.boundingBox();
    // The chart is still coming in: we point until it answers.
    for (const step of Array(60).keys()) {
      await page.mouse.move(box.x + box.width / 4 + (step % 5), box.y + box.height / 2);
      const told = drawn.getByText("884,120", { exact: true }).first().waitFor({ timeout: 1_000 });
      if (
        await told.then(
          () => true,
          () => false,
        )
      )
        return;
    }
    assert.fail("No value was told.");
  },
  "A result whose owner keeps the values says so": async (page) => {
    await ask(page, "What does each team earn?");
    await page.getByTestId("withheld").waitFor();
    assert.equal(await page.getByRole("button", { name: "Download" }).count(), 0);
    await page.getByRole("tab", { name: "Chart" }).click();
    await page.getByTestId("withheld").waitFor();
  },
  "A wide table shows its columns by the hundred, and only the rows in view": async (page) => {
    await ask(page, "Show everything");
    const table = page.getByTestId("result-table");
    await table.waitFor();
    await page.getByRole("button", { name: "Show all 60" }).click();
    await page.locator("[aria-rowcount='61']").waitFor();
    assert.equal(await table.locator("th").count(), 100);
    assert.ok((await table.locator("tbody tr").count()) < 50);
    await page.getByTestId("more-columns").getByRole("button").click();
    assert.equal(await table.locator("th").count(), 200);
  },
  "A long value opens by keyboard, and the caret goes back to it": async (page) => {
    await ask(page, ORDERS);
    await turn(page, "succeeded").waitFor();
    const cell = page
      .getByTestId("result-table")
      .getByRole("button", { name: /rather long value/ })
      .first();
    await cell.focus();
    await page.keyboard.press("Enter");
    await page.getByTestId("opened-cell").getByText("will not fit into its cell").waitFor();
    await page.getByTestId("opened-cell").getByRole("button", { name: "Close" }).click();
    assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ""), /rather long value/);
  },
  "Copying works on a plain page, also within a dialog, which marking text does not close": async (page) => {
    await ask(page, BARS);
    await turn(page, "succeeded").waitFor();
    await withoutClipboard(page);
    assert.equal(await copied(page, "Copy link"), page.url());
    state.agent = "waiting";
    await page.getByRole("link", { name: "Agents" }).click();
    await page.getByTestId("add-connection").click();
    await page.getByLabel("Name").fill("prod-replica");
    await page.getByRole("dialog").getByRole("button", { name: "Add" }).click();
    const command = page.getByRole("dialog").getByTestId("command");
    assert.equal(await copied(page, "Copy command"), await command.innerText());
    const box = await command.boundingBox();
    await page.mouse.move(box.x + 4, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(4, box.y + box.height / 2, { steps: 4 });
    await page.mouse.up();
    assert.ok(await command.isVisible());
    await page.mouse.click(4, 4);
    await command.waitFor({ state: "detached" });
  },
  "What cannot be deleted says why where it was asked": async (page) => {
    await ask(page, BARS);
    await turn(page, "succeeded").waitFor();
    await page.route(`${url}/api/v1/threads/*`, (route) =>
      route.request().method() === "DELETE"
        ? route.fulfill({ status: 503, json: { detail: "The store is full.", code: "store_unavailable", hint: "" } })
        : route.fallback(),
    );
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByText("The store is full.").waitFor();
  },
});
