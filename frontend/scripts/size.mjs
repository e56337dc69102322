/** Fails when the built page is heavier than its budget. Sizes are gzip, in kilobytes of 1,000 bytes. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const dist = join(import.meta.dirname, "../dist");
const page = readFileSync(join(dist, "index.html"), "utf8");
const files = readdirSync(join(dist, "assets"));

const gzipped = (name) => gzipSync(readFileSync(join(dist, "assets", name))).length / 1000;
const sum = (names) => names.reduce((total, name) => total + gzipped(name), 0);
const first = files.filter((name) => name.endsWith(".js") && page.includes(name));

// Fonts are compressed already: what a Latin page loads counts as it is.
const fonts = files.filter((name) => /-latin-wght-normal-.*\.woff2$/.test(name));
const fontBytes = fonts.reduce((total, name) => total + readFileSync(join(dist, "assets", name)).length / 1000, 0);

const budgets = [
  ["initial JS", sum(first), 250],
  ["CSS", sum(files.filter((name) => name.endsWith(".css"))), 25],
  ["fonts (Latin)", fontBytes, 80],
  ["chart, lazy", sum(files.filter((name) => name.startsWith("ChartFigure"))), 215],
];

for (const [name, size, most] of budgets) {
  const over = size > most;
  console.log(`${over ? "OVER" : "ok  "}  ${name.padEnd(14)} ${size.toFixed(1).padStart(6)} kB of ${most}`);
  if (over) process.exitCode = 1;
}
if (first.length === 0) throw new Error("No script is named in dist/index.html. Run: npm run build");
