import { useEffect, useState } from "react";
import { Button } from "./Button";
import { Icon } from "./Icon";

interface Props {
  label: string;
  /** Made only when it is wanted: a large table is not turned into text for nothing. */
  text: () => string;
  /** Only the sign; the label is told to screen readers. */
  square?: boolean;
}

/** Copies, and says so for two seconds. */
export function CopyButton({ label, text, square = false }: Props) {
  const [state, setState] = useState<"idle" | "done" | "failed">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), 2000);
    return () => clearTimeout(timer);
  }, [state]);
  async function copy() {
    try {
      await navigator.clipboard.writeText(text());
      setState("done");
    } catch {
      setState(copyBySelection(text()) ? "done" : "failed");
    }
  }
  const said = state === "done" ? "Copied" : state === "failed" ? "Copying is blocked here" : label;
  return (
    <Button
      look="quiet"
      square={square}
      onClick={() => void copy()}
      aria-label={square ? said : undefined}
      title={said}
    >
      <Icon name={state === "done" ? "check" : "copy"} />
      {!square && <span aria-live="polite">{said}</span>}
    </Button>
  );
}

/** The old way, for pages that are served without TLS from another machine. */
function copyBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("readonly", "");
  area.className = "fixed opacity-0";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
