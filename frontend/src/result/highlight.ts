import core from "highlight.js/lib/core";
import pgsql from "highlight.js/lib/languages/pgsql";

core.registerLanguage("pgsql", pgsql);

/** SQL as HTML. The library escapes all that the statement holds; only its own spans are markup. */
export function highlightSql(sql: string): string {
  return core.highlight(sql, { language: "pgsql", ignoreIllegals: true }).value;
}
