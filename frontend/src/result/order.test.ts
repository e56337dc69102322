import { describe, expect, it } from "vitest";
import type { Cell } from "../run/types";
import { sorted } from "./order";

const column = (type: string, name = "value") => ({ name, type, oid: 0 });

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

describe("the order of a type", () => {
  const order = (type: string, ...values: Cell[]) =>
    sorted(
      values.map((value) => [value]),
      [column(type)],
      { column: 0, descending: false },
    ).map(([value]) => value);

  it("counts every digit of numbers that a double cannot hold", () => {
    expect(order("bigint", "9007199254740993", "9007199254740992")).toEqual(["9007199254740992", "9007199254740993"]);
    expect(order("numeric", "0.12345678901234567892", "0.1234567890123456789")).toEqual([
      "0.1234567890123456789",
      "0.12345678901234567892",
    ]);
    expect(order("numeric", "-9007199254740992.5", "-9007199254740993")).toEqual([
      "-9007199254740993",
      "-9007199254740992.5",
    ]);
  });

  it("knows how much money is, however the server writes it", () => {
    expect(order("money", "$1,234.50", "-$5.00", "$9.00")).toEqual(["-$5.00", "$9.00", "$1,234.50"]);
    expect(order("money", "1.234,50 €", "999,00 €")).toEqual(["999,00 €", "1.234,50 €"]);
    expect(order("money", "¥1,234", "¥999")).toEqual(["¥999", "¥1,234"]);
  });

  it("has intervals by how long they are", () => {
    expect(order("interval", "10 days", "2 days 03:00:00", "1 mon", "-00:00:01", "01:00:00")).toEqual([
      "-00:00:01",
      "01:00:00",
      "2 days 03:00:00",
      "10 days",
      "1 mon",
    ]);
  });

  it("has times by when they are", () => {
    expect(
      order("date", "10000-01-01", "2024-02-01", "0044-03-15 BC", "infinity", "-infinity", "0045-01-01 BC"),
    ).toEqual(["-infinity", "0045-01-01 BC", "0044-03-15 BC", "2024-02-01", "10000-01-01", "infinity"]);
  });
});
