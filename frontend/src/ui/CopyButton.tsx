import { useEffect, useRef, useState } from "react";
import { Button } from "./Button";
import { copyText } from "./clipboard";
import { Icon, type IconName } from "./Icon";

interface Props {
  label: string;
  /** Made only when it is wanted: a large table is neither fetched nor turned into text for nothing. */
  text: () => string | Promise<string>;
  /** Only the sign; the label is told to screen readers. */
  square?: boolean;
  icon?: IconName;
}

/** Copies, and says so for two seconds. */
export function CopyButton({ label, text, square = false, icon = "copy" }: Props) {
  const [state, setState] = useState<"idle" | "busy" | "done" | "failed">("idle");
  const button = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (state === "idle" || state === "busy") return;
    const timer = setTimeout(() => setState("idle"), 2000);
    return () => clearTimeout(timer);
  }, [state]);
  async function copy() {
    setState("busy");
    setState((await copyText(text(), button.current)) ? "done" : "failed");
  }
  const said = { idle: label, busy: label, done: "Copied", failed: "Not copied" }[state];
  return (
    <span ref={button} className="contents">
      <Button
        look="quiet"
        square={square}
        onClick={() => void copy()}
        aria-label={square ? said : undefined}
        aria-busy={state === "busy"}
        title={said}
      >
        <Icon name={state === "done" ? "check" : icon} />
        {!square && <span aria-live="polite">{said}</span>}
      </Button>
    </span>
  );
}
