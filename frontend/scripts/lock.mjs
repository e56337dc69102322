/**
 * Completes package-lock.json after `npm install`: `node scripts/lock.mjs`.
 *
 * A registry that does not carry the binaries of every platform leaves them out of the lock, and `npm ci` then
 * refuses it everywhere. They are named here with the platform they are for, so that only that platform fetches
 * them. Funding links go: a lock names no hosts.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const file = join(import.meta.dirname, "../package-lock.json");
const lock = JSON.parse(readFileSync(file, "utf8"));
const SYSTEMS = ["android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "win32"];
const PROCESSORS = ["arm64", "arm", "ia32", "x64", "ppc64", "riscv64", "s390x", "wasm32"];

for (const { optionalDependencies = {} } of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const place = `node_modules/${name}`;
    const words = name.split(/[/-]/);
    const os = SYSTEMS.filter((system) => words.includes(system));
    const cpu = PROCESSORS.filter((processor) => words.includes(processor));
    if (place in lock.packages || (os.length === 0 && cpu.length === 0)) continue;
    lock.packages[place] = { version, cpu, ...(os.length > 0 ? { os } : {}), optional: true };
  }
}
for (const entry of Object.values(lock.packages)) delete entry.funding;
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
