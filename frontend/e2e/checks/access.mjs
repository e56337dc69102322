/** Checks of keys, silence and refusals: what stands between the page and its backend. */
import assert from "node:assert/strict";

/** Has the page read anew what it reads, as it does when somebody comes back to its tab. */
const lookAgain = (page) => page.evaluate(() => dispatchEvent(new Event("visibilitychange")));

/** Marks an element, to tell later whether it is still the same. */
const mark = (place) => place.evaluate((element) => (element.dataset.marked = "yes"));
const marked = (place) => place.evaluate((element) => element.dataset.marked === "yes");

export const accessChecks = ({ state, ask, turn }) => ({
  "A key that is half typed stays while the page asks again": async (page) => {
    state.auth = "key";
    await page.reload();
    const field = page.getByLabel("API key");
    await field.fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByText("This key was refused").waitFor();
    await field.fill("letm");
    await mark(field);
    for (const _ of [1, 2]) {
      const refused = page.waitForResponse((response) => response.status() === 401);
      // More than once: while it is still asking, it does not ask again.
      const looking = setInterval(() => void lookAgain(page).catch(() => undefined), 200);
      await refused.finally(() => clearInterval(looking));
    }
    assert.equal(await field.inputValue(), "letm");
    assert.ok(await marked(field));
  },
  "A key that no header can carry is refused at once, and locks nobody out": async (page) => {
    state.auth = "key";
    await page.reload();
    await page.getByLabel("API key").fill("schlüssel–1");
    await page.keyboard.press("Enter");
    await page.getByText("of plain English").waitFor();
    await page.getByLabel("API key").fill("letmein");
    await page.keyboard.press("Enter");
    await page.getByTestId("suggestions").waitFor();
  },
  "A backend that is away when the page opens: one banner that stays, and all is there when it is back": async (
    page,
  ) => {
    await ask(page, "How many engineers are there?");
    await turn(page, "succeeded").waitFor();
    state.down = true;
    await page.reload();
    const banner = page.getByTestId("unreachable");
    await banner.waitFor();
    await mark(banner);
    await page.getByText("Ask a new question").waitFor();
    await page.getByTestId("threads-problem").waitFor();
    const failed = page.waitForEvent("requestfailed", (request) => request.url().endsWith("/connections"));
    await page.getByRole("button", { name: "Try now" }).click();
    await failed;
    assert.ok(await marked(banner));
    state.down = false;
    await turn(page, "succeeded").waitFor();
    await page.getByTestId("threads").getByText("How many engineers").waitFor();
    await banner.waitFor({ state: "detached" });
  },
  "Databases that cannot be listed: the reason is told, and a question sent meanwhile comes back": async (page) => {
    let broken = true;
    await page.route("**/api/v1/connections", (route) =>
      broken
        ? route.fulfill({
            status: 500,
            json: { detail: "The store is broken.", code: "internal", hint: "See its log." },
          })
        : route.fallback(),
    );
    await page.reload();
    await page.getByTestId("question").fill("How many engineers are there?");
    await page.keyboard.press("Enter");
    await page.getByTestId("unlisted").waitFor();
    assert.match(await page.getByTestId("unlisted").innerText(), /store is broken/);
    assert.equal(await page.getByTestId("question").inputValue(), "How many engineers are there?");
    broken = false;
    await page.getByTestId("suggestions").waitFor();
  },
});
