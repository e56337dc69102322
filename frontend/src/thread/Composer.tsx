import { type KeyboardEvent, type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { isComposing } from "../ui/keys";
import { hasKeyboard } from "../ui/motion";

/** What the backend takes at most, after trimming. */
export const LONGEST_QUESTION = 4_000;
const COUNT_FROM = 3_600;
const TALLEST_PX = 208;

interface Props {
  text: string;
  onText: (text: string) => void;
  onSend: () => void;
  /** Non-null while something runs: Send is Stop then. */
  onStop: (() => void) | null;
  stopping: boolean;
  /** Why nothing can be asked now; null when it can. */
  blocked: string | null;
  placeholder: string;
  /** Taller, for the page whose one purpose it is. */
  large?: boolean;
  /** Stands at the lower left: the database. */
  children?: ReactNode;
}

/** Where questions are written: Enter sends, Shift+Enter breaks the line, Esc stops. */
export function Composer({
  text,
  onText,
  onSend,
  onStop,
  stopping,
  blocked,
  placeholder,
  large = false,
  children,
}: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  const note = useId();
  // Somebody has pressed Enter while an answer is under way: they are told why nothing is sent.
  const [held, setHeld] = useState(false);
  const waits = held && onStop !== null && text.trim() !== "";
  // Characters as the backend counts them, not UTF-16 units.
  const length = Array.from(text.trim()).length;
  const tooLong = length > LONGEST_QUESTION;
  const sendable = length > 0 && !tooLong && blocked === null && onStop === null;

  useLayoutEffect(() => {
    const element = area.current;
    if (element === null) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(element.scrollHeight, TALLEST_PX)}px`;
    // The height follows the text.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [text]);

  /** Puts the caret where the next question is written, also when the button that was pressed is there no more. */
  function writeOn() {
    // A phone's keyboard would cover the page that somebody has just opened.
    if (hasKeyboard()) area.current?.focus({ preventScroll: true });
  }
  useEffect(writeOn, []);

  function onKey(event: KeyboardEvent) {
    if (isComposing(event.nativeEvent)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      setHeld(!sendable);
      if (sendable) onSend();
    } else if (event.key === "Escape") {
      if (onStop !== null) onStop();
      else area.current?.blur();
    }
  }

  const over = `Too long by ${(length - LONGEST_QUESTION).toLocaleString("en")} characters.`;
  const wrong = blocked ?? (tooLong ? over : "");
  const count = `${length.toLocaleString("en")} of ${LONGEST_QUESTION.toLocaleString("en")}`;
  const said = wrong || (waits ? "An answer is on its way: wait for it, or stop it." : "");
  return (
    <form
      data-testid="composer"
      onSubmit={(event) => {
        event.preventDefault();
        if (sendable) onSend();
        writeOn();
      }}
      className="rounded-composer border border-control bg-surface shadow-card transition-colors focus-within:border-ink-2"
    >
      <textarea
        ref={area}
        data-testid="question"
        data-composer=""
        dir="auto"
        aria-label="Question"
        aria-describedby={note}
        rows={large ? 3 : 1}
        value={text}
        placeholder={placeholder}
        onChange={(event) => {
          setHeld(false);
          onText(event.target.value);
        }}
        onKeyDown={onKey}
        className="block w-full resize-none bg-transparent px-4 pt-3 pb-1 text-16 outline-none"
      />
      <div className="flex min-h-11 items-center gap-2 px-2 pb-2">
        <div className="min-w-0">{children}</div>
        <p
          id={note}
          data-testid="composer-note"
          role="status"
          className={`ml-auto min-w-0 text-right text-12 ${wrong === "" ? "text-ink-3" : "text-bad"}`}
        >
          {said}
          {/* Seen and not said: it changes with every letter. */}
          {said === "" && length > COUNT_FROM && <span aria-hidden="true">{count}</span>}
        </p>
        {onStop === null ? (
          <Button key="send" type="submit" look="primary" data-testid="send" disabled={!sendable}>
            Ask
            <Icon name="up" />
          </Button>
        ) : (
          <Button
            // Not the same button with another word: the second half of a double click on Ask is no wish to stop.
            key="stop"
            look="plain"
            data-testid="stop"
            onClick={(event) => {
              if (event.detail > 1) return;
              onStop();
              writeOn();
            }}
            disabled={stopping}
            aria-keyshortcuts="."
            title="Stop (.)"
          >
            <Icon name="stop" />
            {stopping ? "Stopping" : "Stop"}
          </Button>
        )}
      </div>
    </form>
  );
}

/** Puts the caret into the page's composer. */
export function focusComposer(): void {
  document.querySelector<HTMLTextAreaElement>("[data-composer]")?.focus();
}
