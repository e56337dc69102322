import { describe, expect, it } from "vitest";
import { columnWidth, isNumeric, shown, sorted, toMarkdown, toTsv } from "./cells";

const column = (type: string, name = "value") => ({ name, type, oid: 0 });

describe("shown", () => {
  it.each([
    [132, "bigint", "count", "132"],
    [1234567, "bigint", "count", "1,234,567"],
    [1234567, "integer", "customer_id", "1234567"],
    [2024, "integer", "year", "2024"],
    [1200.5, "numeric(10,2)", "revenue", "1200.50"],
    ["52341.1764705882352941", "numeric", "avg", "52,341.1765"],
    ["123456789012345678901234567890", "numeric", "big", "123456789012345678901234567890"],
    ["NaN", "numeric", "n", "NaN"],
    ["-Infinity", "double precision", "n", "-Infinity"],
    [0.000012, "double precision", "n", "0.000012"],
    ["2024-01-01 00:00:00+00", "timestamp with time zone", "month", "2024-01-01"],
    ["2024-01-01 10:30:00", "timestamp without time zone", "at", "2024-01-01 10:30:00"],
    ["0044-03-15 BC", "date", "ides", "0044-03-15 BC"],
    ["{1,2}", "integer[]", "list", "{1,2}"],
    [true, "boolean", "active", "true"],
    [null, "text", "note", "NULL"],
  ])("%s of type %s is shown as %s", (cell, type, name, text) => {
    expect(shown(cell, column(type, name)).text).toBe(text);
  });

  it("keeps the exact value where it shows less", () => {
    expect(shown("52341.1764705882352941", column("numeric")).exact).toBe("52341.1764705882352941");
    expect(shown(7, column("integer")).exact).toBeNull();
  });
});

describe("sorted", () => {
  const rows = [[10], [null], [9], ["100"], ["NaN"]];
  it("orders numbers as numbers, NaN above all, NULL last both ways", () => {
    expect(sorted(rows, [column("numeric")], { column: 0, descending: false })).toEqual([
      [9],
      [10],
      ["100"],
      ["NaN"],
      [null],
    ]);
    expect(sorted(rows, [column("numeric")], { column: 0, descending: true })).toEqual([
      ["NaN"],
      ["100"],
      [10],
      [9],
      [null],
    ]);
  });
  it("leaves the rows alone without a sort", () => expect(sorted(rows, [column("numeric")], null)).toBe(rows));
});

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

it("columns are wide enough for what they hold, within bounds", () => {
  expect(columnWidth(0, column("text", "id"), [["x".repeat(500)]])).toBeLessThan(400);
  expect(columnWidth(0, column("text", "id"), [])).toBeGreaterThan(60);
  expect(isNumeric(column("double precision"))).toBe(true);
});
