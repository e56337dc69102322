/**
 * Writes ../src/api/schema.d.ts from ../openapi.json; with `--check`, only says whether it is up to date.
 *
 * Installs this folder's own packages first when they are missing.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const here = import.meta.dirname;
const source = join(here, "../openapi.json");
const target = join(here, "../src/api/schema.d.ts");
const tool = join(here, "node_modules/openapi-typescript/bin/cli.js");

if (!existsSync(tool)) execFileSync("npm", ["ci", "--silent"], { cwd: here, stdio: "inherit" });

function generate(output) {
  const flags = ["--alphabetize", "--default-non-nullable=false", "--output", output];
  execFileSync(process.execPath, [tool, source, ...flags], { stdio: ["ignore", "ignore", "inherit"] });
}

if (process.argv.includes("--check")) {
  const folder = mkdtempSync(join(tmpdir(), "custard-codegen-"));
  try {
    const fresh = join(folder, "schema.d.ts");
    generate(fresh);
    if (readFileSync(fresh, "utf8") !== readFileSync(target, "utf8")) {
      console.error("src/api/schema.d.ts is not what openapi.json says. Run: npm run codegen");
      process.exitCode = 1;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
} else {
  generate(target);
}
