/** Holds what the page asks of an address until the check lets it go. */
export async function hold(page, address) {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  let met;
  const reached = new Promise((resolve) => (met = resolve));
  await page.route(address, async (route) => {
    met();
    await released;
    await route.fallback();
  });
  return { release, reached };
}

let last = Promise.resolve();

/** Does it while no other check does such a thing: there is one clipboard for all pages. */
export function alone(work) {
  const done = last.then(work);
  last = done.catch(() => undefined);
  return done;
}
