/**
 * Asks one question on the page and stays until it has ended: `node browser.mjs URL QUESTION`.
 * Prints the run's id as soon as the page follows it, and at the end one JSON object of what was seen.
 */
import { launch, openPage } from "../../frontend/e2e/browser.mjs";

const [origin, question] = process.argv.slice(2);
const browser = await launch();
const { page, faults } = await openPage(browser, { origin });

// What the page is sent of a run's events, over however many connections: whole ones only, as it came.
await page.addInitScript(() => {
  globalThis.received = [];
  const real = globalThis.fetch;
  async function keep(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const parts = (rest + value).split(/\r?\n\r?\n/);
        rest = parts.pop();
        for (const part of parts) {
          const id = /^id: (\d+)\r?$/m.exec(part);
          if (id) globalThis.received.push([Number(id[1]), /^event: (\w+)/m.exec(part)[1]]);
        }
      }
    } catch {
      // The connection was lost; the page opens another.
    }
  }
  globalThis.fetch = async (input, init) => {
    const response = await real(input, init);
    const url = typeof input === "string" ? input : input.url;
    if (/\/runs\/[^/]+\/events$/.test(url) && response.ok) void keep(response.clone().body);
    return response;
  };
});
let followed = 0;
page.on("request", (request) => {
  const run = /\/runs\/([^/]+)\/events$/.exec(request.url());
  if (run && ++followed === 1) process.stdout.write(`${run[1]}\n`);
});

await page.goto(origin);
await page.getByTestId("question").fill(question);
await page.keyboard.press("Enter");
const turn = page.locator("[data-testid=turn]");
const ended = page.locator("[data-testid=turn]:is([data-status=succeeded],[data-status=failed],[data-status=cancelled])");
await ended.waitFor({ timeout: 120_000 });
const seen = {
  status: await turn.getAttribute("data-status"),
  turns: await turn.count(),
  answer: await turn.innerText(),
  received: await page.evaluate(() => globalThis.received),
  followed,
};
await page.reload();
await ended.waitFor({ timeout: 60_000 });
seen.afterReload = [await turn.count(), await turn.getAttribute("data-status")];
// A connection that is lost is named on the console by the browser itself.
seen.faults = faults.filter((fault) => !/net::ERR_|status of 50\d/.test(fault));
await browser.close();
process.stdout.write(`${JSON.stringify(seen)}\n`);
