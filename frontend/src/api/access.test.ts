import { afterEach, describe, expect, it, vi } from "vitest";
import { apiKey, authorization, isSendable, setApiKey } from "./access";
import { problemFrom } from "./problem";

afterEach(() => vi.unstubAllGlobals());

describe("the key", () => {
  it("is kept also where the tab's storage takes nothing", () => {
    const full = () => {
      throw new Error("full");
    };
    vi.stubGlobal("sessionStorage", { getItem: () => null, setItem: full, removeItem: full });
    setApiKey("letmein");
    expect(apiKey()).toBe("letmein");
    setApiKey(null);
    expect(apiKey()).toBeNull();
  });

  it("that no header can carry is not sent", () => {
    expect(["letmein", "schlüssel", "two words", ""].map(isSendable)).toEqual([true, false, false, false]);
    setApiKey("schlüssel");
    expect(authorization()).toEqual({});
    setApiKey(null);
  });
});

describe("a 503", () => {
  it("is silence when a proxy says it or the backend is stopping, and a word of Custard's own otherwise", () => {
    expect(problemFrom(503, null).isUnreachable).toBe(true);
    expect(problemFrom(503, { code: "shutting_down" }).isUnreachable).toBe(true);
    expect(problemFrom(503, { code: "agent_offline" }).isUnreachable).toBe(false);
  });
});
