/** Checks of writing, sending and stopping questions. */
import assert from "node:assert/strict";
import { hold } from "./held.mjs";

const SLOW = "How many pairs of events are there?";
const QUICK = "How many engineers are there?";

export const askingChecks = ({ state, url, ask, turn }) => ({
  "Stop holds for a question that was sent early and whose start is slow": async (page) => {
    const list = await hold(page, "**/api/v1/connections");
    const post = await hold(page, "**/api/v1/query");
    await page.reload();
    await ask(page, SLOW);
    await turn(page, "queued").waitFor();
    list.release();
    await post.reached;
    await page.getByTestId("stop").click();
    post.release();
    await turn(page, "cancelled").waitFor();
  },
  "Stop holds when somebody goes elsewhere before the run has started": async (page) => {
    const post = await hold(page, "**/api/v1/query");
    await ask(page, SLOW);
    await post.reached;
    await page.getByTestId("stop").click();
    await page.getByRole("link", { name: "Agents" }).click();
    const cancelled = page.waitForResponse(/\/cancel$/);
    post.release();
    await cancelled;
    await page.getByTestId("threads").getByText(SLOW).click();
    await turn(page, "cancelled").waitFor();
  },
  "A conversation that is still being read takes a question, and does not speak of a missing database": async (
    page,
  ) => {
    await ask(page, QUICK);
    await turn(page, "succeeded").waitFor();
    const thread = await hold(page, "**/api/v1/threads/*");
    await page.reload();
    await thread.reached;
    await page.getByTestId("question").fill("And how many of them are new?");
    assert.equal(await page.getByTestId("composer-note").innerText(), "");
    await page.keyboard.press("Enter");
    await turn(page, "queued").waitFor();
    thread.release();
    await page.locator("[data-testid=turn][data-status=succeeded]").nth(1).waitFor();
  },
  "What fails comes back beside what was begun meanwhile": async (page) => {
    await page.getByTestId("suggestions").waitFor();
    const post = await hold(page, "**/api/v1/query");
    await ask(page, QUICK);
    await page.getByTestId("question").fill("And who");
    state.agent = "offline";
    post.release();
    await page.getByTestId("unsent").waitFor();
    assert.match(await page.getByTestId("unsent").innerText(), new RegExp(QUICK.replace("?", "\\?")));
    assert.equal(await page.getByTestId("question").inputValue(), "And who");
    state.agent = "online";
    await page.getByRole("button", { name: "Ask this" }).click();
    await turn(page, "succeeded").waitFor();
  },
  "A tap on a question leaves what is being written": async (page) => {
    await page.getByTestId("question").fill("Half a sen");
    await page.getByTestId("suggestions").getByRole("button").first().click();
    await turn(page, "succeeded").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "Custard, home" }).click();
    assert.equal(await page.getByTestId("question").inputValue(), "Half a sen");
    await page.reload();
    assert.equal(await page.getByTestId("question").inputValue(), "Half a sen");
  },
  "The database under the typist stays when its agent blips, and it is told when it goes": async (page) => {
    let list = [];
    await page.route("**/api/v1/connections", async (route) => {
      const [one] = (await (await route.fetch()).json()).connections;
      list = list.length > 0 ? list : [one, { ...one, connection_id: "conn_b", name: "other" }];
      await route.fulfill({ json: { connections: list } });
    });
    await page.reload();
    const picker = page.locator("select[data-testid=database]");
    await picker.waitFor();
    assert.equal(await picker.inputValue(), "conn_demo");
    list = list.map((one) =>
      one.connection_id === "conn_demo" ? { ...one, agent: { ...one.agent, status: "offline" } } : one,
    );
    await page.getByTestId("offline-strip").waitFor();
    assert.equal(await picker.inputValue(), "conn_demo");
    list = list.slice(1);
    await page.getByTestId("database-gone").waitFor();
    assert.match(await page.getByTestId("database-gone").innerText(), /demo is no longer connected/);
  },
  "Enter that takes a candidate of an input method sends nothing": async (page) => {
    await page.getByTestId("suggestions").waitFor();
    await page.getByTestId("question").fill("東京の社員");
    await page.getByTestId("question").evaluate((area) => {
      const key = { key: "Enter", keyCode: 229, bubbles: true, cancelable: true };
      area.dispatchEvent(new KeyboardEvent("keydown", key));
    });
    assert.equal(await page.getByTestId("question").inputValue(), "東京の社員");
    assert.equal(await page.getByTestId("turn").count(), 0);
  },
  "A double click on Ask asks and does not stop; Enter meanwhile says why nothing is sent": async (page) => {
    await ask(page, QUICK);
    await turn(page, "succeeded").waitFor();
    await page.getByTestId("question").fill(SLOW);
    await page.getByTestId("send").dblclick();
    await turn(page, "running").waitFor();
    await page.getByTestId("question").fill("And then?");
    await page.keyboard.press("Enter");
    await page.getByText("wait for it, or stop it").waitFor();
    await page.locator("[data-step=execute_sql][data-state=live]").waitFor();
    assert.equal(await page.getByTestId("turn").last().getAttribute("data-status"), "running");
    await page.getByTestId("stop").click();
    await turn(page, "cancelled").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.dataset.testid), "question");
  },
  "A conversation that is gone says so, also while it was open": async (page) => {
    await ask(page, QUICK);
    await turn(page, "succeeded").waitFor();
    const thread = new URL(page.url()).pathname.split("/").at(-1);
    await fetch(`${url}/api/v1/threads/${thread}`, { method: "DELETE" });
    // What was read a moment ago is not read again for a look: so we look until it is.
    await page.waitForFunction(
      () => dispatchEvent(new Event("visibilitychange")) && document.body.innerText.includes("does not exist"),
      null,
      { polling: 300 },
    );
  },
});
