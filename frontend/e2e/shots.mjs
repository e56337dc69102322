/**
 * Photographs every state of the page in light, dark and at 390 px, and holds each against axe, the console and the
 * network. Needs `npm run build`. Pictures go to the folder named first, or e2e/shots.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch, openPage, violations } from "./browser.mjs";
import { startFixture } from "./server.mjs";

const folder = process.argv[2] ?? join(import.meta.dirname, "shots");
mkdirSync(folder, { recursive: true });
const only = process.argv[3];

const LOOKS = [
  { name: "light", theme: "light", width: 1280, height: 860 },
  { name: "dark", theme: "dark", width: 1280, height: 860 },
  { name: "phone", theme: "light", width: 390, height: 844 },
  { name: "phone-dark", theme: "dark", width: 390, height: 844 },
];

async function ask(page, question) {
  await page.getByTestId("question").fill(question);
  await page.getByTestId("send").click();
}
const ended = (page, status) => page.locator(`[data-testid=turn][data-status=${status}]`).last().waitFor();

/** Each leads a fresh page, opened at the start, into the state to look at. */
const STATES = {
  ask: async (page) => page.getByTestId("suggestions").waitFor(),
  running: async (page) => {
    await ask(page, "Which plan brings in the most revenue?");
    await page.getByTestId("sql-stream").waitFor();
    await page.waitForTimeout(900);
  },
  repairing: async (page) => {
    await ask(page, "Which plan brings in the most revenue?");
    await page.locator("[data-step=repair_sql]").waitFor();
    await page.waitForTimeout(600);
  },
  chart: async (page) => {
    await ask(page, "Which plan brings in the most revenue?");
    await ended(page, "succeeded");
    await page.getByTestId("chart").locator("svg").waitFor();
  },
  "chart-steps": async (page) => {
    await ask(page, "Which plan brings in the most revenue?");
    await ended(page, "succeeded");
    await page.getByTestId("rail").getByRole("button").first().click();
    await page.getByRole("button", { name: /Show change/ }).click();
    await page.getByTestId("sql-diff").waitFor();
  },
  lines: async (page) => {
    await ask(page, "How did revenue develop by region over the last two years?");
    await ended(page, "succeeded");
    await page.getByTestId("chart").locator("svg").waitFor();
  },
  number: async (page) => {
    await ask(page, "How many engineers are there?");
    await ended(page, "succeeded");
    await page.getByTestId("number-card").waitFor();
  },
  table: async (page) => {
    await ask(page, "List all orders");
    await ended(page, "succeeded");
    await page.getByRole("button", { name: "total" }).click();
    await page.locator("[aria-rowcount='1205']").waitFor();
  },
  sql: async (page) => {
    await ask(page, "Which plan brings in the most revenue?");
    await ended(page, "succeeded");
    await page.getByRole("tab", { name: "SQL" }).click();
    await page.getByTestId("sql-panel").locator(".hljs-keyword").first().waitFor();
  },
  "follow-up": async (page) => {
    for (const times of [1, 2, 3]) {
      await ask(page, times === 2 ? "Which plan brings in the most revenue?" : "How many engineers are there?");
      await page
        .locator("[data-testid=turn][data-status=succeeded]")
        .nth(times - 1)
        .waitFor();
    }
  },
  "chart-part": async (page, { state }) => {
    state.gone = true;
    await ask(page, "How did revenue develop day by day?");
    await page.getByTestId("chart-part").waitFor();
  },
  "long-value": async (page) => {
    await ask(page, "List all orders");
    await ended(page, "succeeded");
    await page
      .getByRole("button", { name: /rather long value/ })
      .first()
      .click();
    await page.getByTestId("opened-cell").waitFor();
  },
  wide: async (page) => {
    await ask(page, "Show everything");
    await page.getByTestId("more-columns").waitFor();
  },
  withheld: async (page) => {
    await ask(page, "What does each team earn?");
    await page.getByTestId("withheld").waitFor();
  },
  unsent: async (page, { state }) => {
    await page.getByTestId("suggestions").waitFor();
    let release;
    const held = new Promise((resolve) => (release = resolve));
    await page.route("**/api/v1/query", async (route) => {
      await held;
      await route.fallback();
    });
    await ask(page, "How many engineers are there?");
    await page.getByTestId("question").fill("And who of them");
    state.agent = "offline";
    release();
    await page.getByTestId("unsent").waitFor();
  },
  failed: async (page) => {
    await ask(page, "What is our margin by invoice?");
    await ended(page, "failed");
  },
  refused: async (page) => {
    await ask(page, "What does everybody earn?");
    await ended(page, "refused");
  },
  clarify: async (page) => {
    await ask(page, "Who is our best customer?");
    await ended(page, "clarify");
  },
  cancelled: async (page) => {
    await ask(page, "How many pairs of events are there?");
    await page.locator("[data-step=execute_sql]").waitFor();
    await page.getByTestId("stop").click();
    await ended(page, "cancelled");
  },
  "no-rows": async (page) => {
    await ask(page, "Which orders are above one million?");
    await ended(page, "succeeded");
  },
  offline: async (page, { state, url }) => {
    await ask(page, "How many engineers are there?");
    await ended(page, "succeeded");
    state.agent = "offline";
    await page.goto(`${url}${new URL(page.url()).pathname}`);
    await page.getByTestId("offline-strip").waitFor();
    await ended(page, "succeeded");
  },
  "offline-ask": async (page, { state, url }) => {
    state.agent = "offline";
    await page.goto(url);
    await page.getByTestId("offline-strip").waitFor();
  },
  agents: async (page, { url }) => {
    await page.goto(`${url}/agents`);
    await page.getByTestId("connection").waitFor();
  },
  join: async (page, { state, url }) => {
    state.agent = "waiting";
    await page.goto(`${url}/agents`);
    await page.getByTestId("add-connection").click();
    await page.getByLabel("Name").fill("prod-replica");
    await page.getByRole("dialog").getByRole("button", { name: "Add" }).click();
    await page.getByTestId("command").waitFor();
  },
  start: async (page, { url }) => {
    await page.goto(`${url}/start`);
    await page.getByRole("heading", { name: "Set up" }).waitFor();
  },
  key: async (page, { state, url }) => {
    state.auth = "key";
    await page.goto(url);
    await page.getByLabel("API key").waitFor();
  },
  empty: async (page, { state, url }) => {
    state.connections = false;
    await page.goto(url);
    await page.getByText("No database is connected yet").waitFor();
  },
  help: async (page) => {
    await page.getByTestId("suggestions").waitFor();
    await page.locator("h1").click();
    await page.keyboard.press("Escape");
    await page.getByTestId("question").blur();
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
  },
};

const fixture = await startFixture({ speed: 1.5 });
const initial = { ...fixture.state };
const browser = await launch();
let bad = 0;
try {
  for (const look of LOOKS) {
    for (const [name, lead] of Object.entries(STATES)) {
      if (only !== undefined && !only.split(",").includes(name)) continue;
      Object.assign(fixture.state, initial);
      const { page, faults, close } = await openPage(browser, { origin: fixture.url, ...look });
      await page.goto(fixture.url);
      await page.evaluate(() => document.fonts.ready);
      let trouble = "";
      await lead(page, fixture).catch((error) => (trouble = String(error).split("\n")[0]));
      await page.waitForTimeout(350);
      await page.screenshot({ path: join(folder, `${name}-${look.name}.png`) });
      const refusals = { key: /401/, "chart-part": /410/, unsent: /503/ };
      const expected = (fault) => refusals[name]?.test(fault) !== true;
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      const found = [
        ...(trouble === "" ? [] : [trouble]),
        ...(overflow > 0 ? [`overflows by ${overflow} px`] : []),
        ...faults.filter(expected),
        ...(await violations(page)),
      ];
      bad += found.length;
      console.log(`${found.length === 0 ? "ok  " : "BAD "} ${name} ${look.name}`);
      for (const line of found) console.log(`       ${line}`);
      await close();
    }
  }
} finally {
  await browser.close();
  fixture.close();
}
console.log(bad === 0 ? "No violation, no console error, no request off-origin." : `${bad} faults.`);
process.exitCode = bad === 0 ? 0 : 1;
