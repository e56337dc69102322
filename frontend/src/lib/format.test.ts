import { afterEach, expect, it, vi } from "vitest";
import { instant } from "./format";

afterEach(() => vi.unstubAllEnvs());

it("an instant's day and time are of the same place", () => {
  vi.stubEnv("TZ", "Asia/Tokyo");
  expect(instant("2026-01-05T23:30:00Z")).toBe("2026-01-06 08:30");
  expect(instant("never")).toBe("never");
});
