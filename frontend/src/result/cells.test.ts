import { describe, expect, it } from "vitest";
import { columnWidth, isLong, shown } from "./cells";

const column = (type: string, name = "value") => ({ name, type, oid: 0 });

describe("shown", () => {
  it.each([
    [132, "bigint", "count", "132"],
    [1234567, "bigint", "count", "1,234,567"],
    [1234567, "integer", "customer_id", "1234567"],
    [2024, "integer", "year", "2024"],
    [1200.5, "numeric(10,2)", "revenue", "1200.50"],
    ["52341.1764705882352941", "numeric", "avg", "52,341.1765"],
    ["123456789012345678901234567890", "numeric", "big", "123,456,789,012,345,678,901,234,567,890"],
    ["12345678901234.1234567891", "numeric(24,10)", "exact", "12,345,678,901,234.1234567891"],
    [1234567, "integer", "customerId", "1234567"],
    [1234567, "integer", "paid", "1,234,567"],
    ["$1,234.50", "money", "price", "$1,234.50"],
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

it("columns are wide enough for what they hold, within bounds", () => {
  expect(columnWidth(0, column("text", "id"), [["x".repeat(500)]])).toBeLessThan(400);
  expect(columnWidth(0, column("text", "id"), [])).toBeGreaterThan(60);
});

it("long texts are told apart, so that they can be opened", () => {
  expect([isLong("short"), isLong("x".repeat(33)), isLong("two\nlines")]).toEqual([false, true, true]);
});
