/** Puts a text on the clipboard, now or when it is there; false when the browser does not let us, or there is none. */
export async function copyText(text: string | Promise<string>, near: Element | null): Promise<boolean> {
  const made = Promise.resolve(text);
  try {
    // A browser takes a text that comes later only while the press that asked for it is still on its stack.
    if (typeof text !== "string" && typeof ClipboardItem === "function") {
      const blob = made.then((ready) => new Blob([ready], { type: "text/plain" }));
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    } else {
      await navigator.clipboard.writeText(await made);
    }
    return true;
  } catch {
    return await made.then(
      (ready) => copyBySelection(ready, near),
      () => false,
    );
  }
}

/** The old way, for pages that are served without TLS from another machine. */
function copyBySelection(text: string, near: Element | null): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("readonly", "");
  area.className = "fixed opacity-0";
  // While a dialog is open nothing outside of it can be selected.
  (near?.closest("dialog") ?? document.body).append(area);
  const focused = document.activeElement;
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  return done;
}
