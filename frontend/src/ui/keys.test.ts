import { expect, it } from "vitest";
import { isComposing } from "./keys";

it("an input method composes while it says so, and in Safari for one key longer", () => {
  expect(isComposing({ isComposing: true, keyCode: 13 })).toBe(true);
  expect(isComposing({ isComposing: false, keyCode: 229 })).toBe(true);
  expect(isComposing({ isComposing: false, keyCode: 13 })).toBe(false);
});
