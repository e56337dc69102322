/** Numbers of a result: what they are worth, how they are written, and which of two is greater. Never rounded on the way. */
import type { Cell, ResultColumn } from "../run/types";

const NUMERIC = /^(smallint|integer|bigint|numeric|decimal|real|double precision|money|oid)\b/;
/** Numbers that are names: a thousands separator would make them another thing. */
const NAMELIKE = /(^|_)(id|ids|year|code|zip|postcode|phone|number|no|oid|key)$/i;
const NAMELIKE_CAMEL = /[a-z\d](Id|Ids|ID|IDs|Year|Code|Zip|Postcode|Phone|Number|No|Oid|Key)$/;
const DISPLAYED_DECIMALS = 4;
const PLAIN = /^-?\d+(\.\d+)?$/;

/** True for types whose values line up at the right. Arrays are text. */
export function isNumeric(column: ResultColumn): boolean {
  return NUMERIC.test(column.type) && !column.type.endsWith("[]");
}

/** A cell's value as a number, or null when it is none. For drawing: a double holds no more than 15 digits. */
export function numeric(cell: Cell | undefined, column: ResultColumn): number | null {
  if (cell === undefined || cell === null || typeof cell === "boolean" || String(cell).trim() === "") return null;
  const value = Number(plain(cell, column));
  return Number.isFinite(value) ? value : null;
}

/** A number as a cell shows it. */
export function numberText(raw: string, column: ResultColumn): string {
  if (!PLAIN.test(raw)) return raw; // NaN, Infinity, 1e+300, money: as PostgreSQL writes them.
  const value = Math.abs(Number(raw));
  if (value !== 0 && value < 10 ** -DISPLAYED_DECIMALS) return raw;
  const scale = /^numeric\(\d+,(\d+)\)$/.exec(column.type)?.[1];
  const decimals = raw.split(".")[1]?.length ?? 0;
  const digits = Math.min(scale === undefined ? Math.min(decimals, DISPLAYED_DECIMALS) : Number(scale), 20);
  const grouped = value >= 10_000 && !NAMELIKE.test(column.name) && !NAMELIKE_CAMEL.test(column.name);
  // Handed over as text: all of its digits count, also those that a double would lose.
  return format(grouped, scale === undefined ? 0 : digits, digits).format(raw as `${number}`);
}

const formats = new Map<string, Intl.NumberFormat>();

function format(useGrouping: boolean, minimumFractionDigits: number, maximumFractionDigits: number) {
  const key = `${useGrouping} ${minimumFractionDigits} ${maximumFractionDigits}`;
  const known = formats.get(key);
  if (known !== undefined) return known;
  const made = new Intl.NumberFormat("en", { useGrouping, minimumFractionDigits, maximumFractionDigits });
  formats.set(key, made);
  return made;
}

/** As PostgreSQL orders them: NaN is above everything, infinities are at the ends. */
export function compareNumbers(a: Cell, b: Cell, column: ResultColumn): number {
  const [left, right] = [plain(a, column), plain(b, column)];
  const [x, y] = [Number(left), Number(right)];
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  if (x !== y) return x - y;
  return left !== right && PLAIN.test(left) && PLAIN.test(right) ? compareDigits(left, right) : 0;
}

/** Two numbers that are the same to a double, by all of their digits. */
function compareDigits(left: string, right: string): number {
  const decimals = Math.max(left.split(".")[1]?.length ?? 0, right.split(".")[1]?.length ?? 0);
  const whole = (text: string) => {
    const [integer = "", fraction = ""] = text.split(".");
    return BigInt(integer + fraction.padEnd(decimals, "0"));
  };
  const [x, y] = [whole(left), whole(right)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function plain(cell: Cell, column: ResultColumn): string {
  return column.type === "money" ? plainMoney(String(cell)) : String(cell);
}

/** `1234.50` of `$1,234.50`, `1.234,50 €` or `¥1,234`: how money is written is the server's locale. */
function plainMoney(text: string): string {
  const digits = text.replaceAll(/[^\d.,]/g, "");
  const cents = /[.,](\d\d)$/.exec(digits)?.[1];
  const whole = (cents === undefined ? digits : digits.slice(0, -3)).replaceAll(/[.,]/g, "");
  const sign = /[-(]/.test(text) ? "-" : "";
  return `${sign}${whole}${cents === undefined ? "" : `.${cents}`}`;
}
