import { scrollBehavior } from "../ui/motion";

/** Moves to the next question on the page, or to the one before. */
export function moveTurn(by: 1 | -1): void {
  const turns = [...document.querySelectorAll<HTMLElement>("[data-turn]")];
  const current = turns.findIndex((turn) => turn === document.activeElement);
  const start = by === 1 ? -1 : turns.length;
  const next = turns[Math.min(Math.max((current === -1 ? start : current) + by, 0), turns.length - 1)];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "start", behavior: scrollBehavior() });
}
