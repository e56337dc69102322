import { describe, expect, it } from "vitest";
import { toMarkdown, toTsv } from "./copies";

const column = (type: string, name = "value") => ({ name, type, oid: 0 });

describe("copies", () => {
  const columns = [column("text", "a|b"), column("bigint", "n")];
  const rows = [
    ["x\ty\nz", 12345],
    [null, null],
  ];
  it("TSV holds raw values and never breaks its grid", () =>
    expect(toTsv(columns, rows)).toBe("a|b\tn\nx y z\t12345\n\t"));
  it("Markdown escapes its own signs", () => {
    expect(toMarkdown(columns, [["a|b", 1]])).toBe("| a\\|b | n |\n| --- | ---: |\n| a\\|b | 1 |");
  });
});
