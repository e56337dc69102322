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
