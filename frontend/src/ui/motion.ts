/** How to scroll: at once for those who asked for less motion; a style sheet cannot say it to a script. */
export function scrollBehavior(): ScrollBehavior {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
}

/** Where somebody types with a keyboard: the caret may be moved without one covering the page. */
export function hasKeyboard(): boolean {
  return matchMedia("(pointer: fine)").matches;
}
