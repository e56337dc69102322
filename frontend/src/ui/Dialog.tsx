import { type ReactNode, useEffect, useRef } from "react";

interface Props {
  open: boolean;
  onClose: () => void;
  label: string;
  /** `sheet` slides in from the left and fills the height; `card` stands in the middle. */
  look?: "card" | "sheet";
  children: ReactNode;
}

/** The browser's own modal dialog: focus is kept inside, Esc closes, focus returns where it was. */
export function Dialog({ open, onClose, label, look = "card", children }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  // A text that is marked with the mouse may end outside; only a press that began there too means to close.
  const pressedOutside = useRef(false);
  useEffect(() => {
    const dialog = element.current;
    if (dialog === null) return;
    if (open && !dialog.open) dialog.showModal();
    if (!open && dialog.open) dialog.close();
  }, [open]);
  const place =
    look === "sheet"
      ? "m-0 h-dvh w-[min(304px,88vw)] border-r border-line animate-sheet"
      : "m-auto w-[min(480px,calc(100vw-32px))] max-h-[calc(100dvh-32px)] rounded-card border border-line shadow-card";
  return (
    // The backdrop is part of the dialog's own box; by keyboard, Esc does the same.
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-noninteractive-element-interactions
    <dialog
      ref={element}
      aria-label={label}
      className={`bg-surface p-0 ${place}`}
      onClose={onClose}
      onPointerDown={(event) => {
        pressedOutside.current = event.target === element.current;
      }}
      onClick={(event) => {
        if (pressedOutside.current && event.target === element.current) onClose();
      }}
    >
      {open && children}
    </dialog>
  );
}
