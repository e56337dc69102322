import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const styles = readFileSync(join(import.meta.dirname, "styles.css"), "utf8");

/** A token's colour in light and dark. */
function token(name: string): [string, string] {
  const pair = new RegExp(`--${name}: light-dark\\((#\\w{6}), (#\\w{6})\\);`).exec(styles);
  const both = new RegExp(`--${name}: (#\\w{6});`).exec(styles);
  const [light, dark] = pair === null ? [both?.[1], both?.[1]] : [pair[1], pair[2]];
  if (light === undefined || dark === undefined) throw new Error(`styles.css has no token --${name}.`);
  return [light, dark];
}

/** WCAG 2's relative luminance. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((place) => {
    const part = Number.parseInt(colour.slice(place, place + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

const GROUNDS = ["canvas", "surface", "sunken", "hover"];
const texts = ["ink", "ink-2", "ink-3", "caramel", "cobalt", "ok", "bad"].flatMap((ink) =>
  GROUNDS.map((ground) => [ink, ground]),
);
const tints = [
  ["ok", "ok-tint"],
  ["bad", "bad-tint"],
  ["caramel", "custard-tint"],
  ["ink-2", "bad-tint"],
  ["ink", "custard-tint"],
  ["ink", "cobalt-tint"],
];
const marks = ["control", "series-1", "series-2", "series-3", "series-4", "series-5", "series-6"].map((mark) => [
  mark,
  "surface",
]);

describe.each([
  ["light", 0],
  ["dark", 1],
] as const)("contrast, %s", (_, theme) => {
  it.each([...texts, ...tints] as [string, string][])("text: %s on %s is at least 4.5", (ink, ground) => {
    expect(contrast(token(ink)[theme], token(ground)[theme])).toBeGreaterThanOrEqual(4.5);
  });
  it.each([...marks, ["cobalt", "canvas"]] as [string, string][])("mark: %s on %s is at least 3", (mark, ground) => {
    expect(contrast(token(mark)[theme], token(ground)[theme])).toBeGreaterThanOrEqual(3);
  });
});

it("ink on custard, in both themes", () => expect(contrast("#1d1c15", token("custard")[0])).toBeGreaterThan(11));
