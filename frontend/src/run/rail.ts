/** The step rail's rows, derived from a run's record alone, so that live and stored runs look the same. */
import type { Finding, Run, RunEvent, Step } from "./types";

/** One step's work as a row. Times in milliseconds from the run's start. */
export interface RailRow {
  key: string;
  step: Step;
  label: string;
  detail: string;
  state: "live" | "done" | "failed" | "stopped";
  startedMs: number;
  /** Null while it is being done. */
  elapsedMs: number | null;
  /** What went wrong in it, for a failed row. */
  trouble: Trouble | null;
  /** The SQL that it wrote, with the one before it when there is one to compare with. */
  sql: { text: string; before: string | null; reason: string; changes: string[] } | null;
}

export interface Trouble {
  message: string;
  hint: string;
  /** SQLSTATE or the code of the refusal. */
  code: string;
}

const LABELS: Record<Step, string> = {
  load_schema: "Read schema",
  check_answerable: "Check question",
  ground: "Find tables",
  find_values: "Find values",
  draft_sql: "Draft SQL",
  lint_sql: "Check SQL",
  autofix: "Mend SQL",
  execute_sql: "Run in Postgres",
  check_result: "Check result",
  second_draft: "Draft again",
  repair_sql: "Repair SQL",
  summarize: "Summarise",
};

/** A step's name for people. */
export function stepLabel(step: string): string {
  return LABELS[step as Step] ?? step.replaceAll("_", " ");
}

/** The rows in the order in which the work began. */
export function railRows(run: Run): RailRow[] {
  const origin = Date.parse(run.created_at);
  const rows: RailRow[] = [];
  const sqlOf = new Map<number, string>();
  const ended = run.finished_at !== null;

  for (const event of run.events) {
    if (event.type === "step_started") {
      rows.push({
        key: `${event.step}-${rows.length}`,
        step: event.step,
        label: stepLabel(event.step),
        detail: "",
        state: "live",
        startedMs: Math.max(0, Date.parse(event.at) - origin),
        elapsedMs: null,
        trouble: null,
        sql: null,
      });
      continue;
    }
    const row = rowOf(rows, event);
    if (row === undefined) continue;
    switch (event.type) {
      case "step_finished":
        row.elapsedMs = event.elapsed_ms;
        row.detail = event.detail;
        if (row.state === "live") row.state = "done";
        break;
      case "drafted":
      case "repaired": {
        const before = sqlOf.get(event.attempt - 1) ?? null;
        const reason = event.type === "repaired" ? event.reason : "";
        row.sql = { text: event.sql, before, reason, changes: event.changes };
        sqlOf.set(event.attempt, event.sql);
        break;
      }
      case "linted":
        if (event.verdict === "reject") fail(row, findingTrouble(event.findings));
        break;
      case "executed":
        if (event.outcome.kind === "failed") {
          const { message, hint, sqlstate, code } = event.outcome;
          fail(row, { message, hint, code: sqlstate ?? code });
        }
        break;
      default:
        break;
    }
  }
  if (ended) stopOpenRows(rows, run, origin);
  return rows;
}

/** The row that an event belongs to: the latest of its step, or the latest of all when it names none. */
function rowOf(rows: RailRow[], event: RunEvent): RailRow | undefined {
  if (event.type === "step_finished") {
    return rows.findLast((row) => row.step === event.step && row.elapsedMs === null);
  }
  const own = event.step === null ? undefined : rows.findLast((row) => row.step === event.step);
  return own ?? rows.at(-1);
}

function fail(row: RailRow, trouble: Trouble): void {
  row.state = "failed";
  row.trouble = trouble;
}

function findingTrouble(findings: Finding[]): Trouble {
  const worst = findings.find((finding) => finding.severity === "error") ?? findings[0];
  return worst === undefined
    ? { message: "The check refused this SQL.", hint: "", code: "" }
    : { message: worst.message, hint: worst.hint, code: worst.rule };
}

/** What was open when the run ended is told as stopped at that moment, or as the step that failed. */
function stopOpenRows(rows: RailRow[], run: Run, origin: number): void {
  const end = run.finished_at === null ? 0 : Date.parse(run.finished_at) - origin;
  for (const row of rows) {
    if (row.elapsedMs !== null) continue;
    row.elapsedMs = Math.max(0, end - row.startedMs);
    if (row.state === "live")
      row.state = run.status === "failed" ? "failed" : run.status === "cancelled" ? "stopped" : "done";
  }
}

/** Milliseconds from the question to the end; null while it runs. */
export function totalMs(run: Run): number | null {
  return run.finished_at === null ? null : Math.max(0, Date.parse(run.finished_at) - Date.parse(run.created_at));
}

/** Attempts that were written because the one before them did not do. */
export function repairs(run: Run): number {
  return run.attempts.filter((attempt) => attempt.origin === "repair" || attempt.origin === "autofix").length;
}
