import { lazy, Suspense, useEffect, useId, useState } from "react";
import { count, duration } from "../lib/format";
import { useNow } from "../lib/useNow";
import { SqlCode } from "../result/SqlCode";
import { Boundary } from "../ui/Boundary";
import { Icon, type IconName } from "../ui/Icon";
import type { LiveRun } from "./live";
import { liveElapsed } from "./liveTime";
import { type RailRow, railRows, repairs, totalMs } from "./rail";
import type { Run } from "./types";

const SqlDiff = lazy(() => import("./SqlDiff"));
const SHORTEST_SCALE_MS = 2_000;

/** The step rail: a run's work as a waterfall of real times. */
export function Rail({ live, run }: { live: LiveRun; run: Run }) {
  const rows = railRows(run);
  const running = run.finished_at === null;
  const now = useNow(running);
  const arrived = useArrival(rows.length);
  const [chosen, setChosen] = useState<boolean | null>(null);
  // Folds by itself on success only, and never what a person has opened.
  const open = chosen ?? run.status !== "succeeded";
  const list = useId();

  const origin = Date.parse(run.created_at);
  const elapsedOf = (row: RailRow) => row.elapsedMs ?? liveElapsed(origin + row.startedMs, arrived, now);
  const reach = rows.reduce((most, row) => Math.max(most, row.startedMs + elapsedOf(row)), 0);
  const total = totalMs(run) ?? reach;
  const scale = Math.max(reach, total, running ? SHORTEST_SCALE_MS : 1);
  const mended = repairs(run);
  const words = [
    ...(running ? ["Working"] : [count(rows.length, "step")]),
    duration(total),
    ...(mended > 0 ? [count(mended, "repair")] : []),
  ];

  return (
    <div role="group" aria-label="Steps" data-testid="rail" data-state={open ? "open" : "folded"} className="mt-4">
      <button
        type="button"
        aria-expanded={open}
        aria-controls={list}
        onClick={() => setChosen(!open)}
        className="-mx-2 flex min-h-8 max-w-full items-center gap-3 rounded-control px-2 text-12 text-ink-2 transition-colors hover:bg-hover max-md:min-h-11"
      >
        <Icon name="chevron" className={`size-3.5 transition-transform ${open ? "" : "-rotate-90"}`} />
        <span className="tnum text-left">{words.join(" · ")}</span>
        {!open && <Miniature rows={rows} scale={scale} />}
      </button>
      <ol id={list} hidden={!open} className="mt-1 border-l border-line pl-3">
        {rows.map((row, place) => (
          <Row
            key={row.key}
            row={row}
            elapsed={elapsedOf(row)}
            scale={scale}
            writing={row.state === "live" && place === rows.length - 1 ? (live.sql?.text ?? null) : null}
            minor={running && place < rows.length - 1}
          />
        ))}
      </ol>
    </div>
  );
}

interface RowProps {
  row: RailRow;
  elapsed: number;
  scale: number;
  /** SQL that this step is writing right now. */
  writing: string | null;
  /** Left out on narrow screens, where a running rail shows its current step only. */
  minor: boolean;
}

const MARKS: Record<Exclude<RailRow["state"], "live">, [IconName, string, string]> = {
  done: ["check", "text-ok", "done"],
  failed: ["cross", "text-bad", "failed"],
  stopped: ["stopped", "text-ink-3", "stopped"],
};

function Row({ row, elapsed, scale, writing, minor }: RowProps) {
  const [open, setOpen] = useState(false);
  const panel = useId();
  const title = (
    <>
      <span className={row.state === "live" ? "font-medium text-ink" : ""}>{row.label}</span>
      {row.detail !== "" && <span className="ml-2 text-ink-3">{row.detail}</span>}
    </>
  );
  return (
    <li data-testid="rail-step" data-step={row.step} data-state={row.state} className={minor ? "max-md:hidden" : ""}>
      <div className="grid min-h-7 grid-cols-[14px_minmax(0,1fr)_80px] items-center gap-x-3 text-13 text-ink-2 md:grid-cols-[14px_minmax(0,1fr)_minmax(96px,240px)_80px]">
        <Mark state={row.state} />
        <div className="min-w-0 wrap-anywhere">
          {row.sql === null ? (
            title
          ) : (
            <button
              type="button"
              aria-expanded={open}
              aria-controls={panel}
              onClick={() => setOpen(!open)}
              className="-mx-1 rounded-control px-1 text-left hover:bg-hover max-md:min-h-11"
            >
              {title}
              <span className="ml-2 text-12 text-cobalt">
                {open ? "Hide" : row.sql.before === null ? "Show SQL" : "Show change"}
              </span>
            </button>
          )}
        </div>
        <Bar row={row} elapsed={elapsed} scale={scale} />
        <span className="text-right font-mono text-11 whitespace-nowrap text-ink-3">{duration(elapsed)}</span>
      </div>
      {row.trouble !== null && (
        <p
          data-testid="rail-trouble"
          className="mb-1 ml-[26px] border-l-2 border-bad pl-3 text-12 text-bad wrap-anywhere"
        >
          {row.trouble.code !== "" && <code className="mr-2 text-11">{row.trouble.code}</code>}
          {row.trouble.message}
          {row.trouble.hint !== "" && <span className="text-ink-2"> {row.trouble.hint}</span>}
        </p>
      )}
      {writing !== null && (
        <div data-testid="sql-stream" className="my-2 ml-[26px] rounded-input bg-sunken px-3 py-2">
          <SqlCode sql={writing} growing label="SQL being written" />
        </div>
      )}
      {row.sql !== null && open && (
        <div id={panel} className="my-2 ml-[26px] rounded-input bg-sunken px-3 py-2">
          {[...row.sql.changes, row.sql.reason].filter(Boolean).map((line) => (
            <p key={line} className="mb-2 text-12 text-ink-2 wrap-anywhere">
              {line}
            </p>
          ))}
          {row.sql.before === null ? (
            <SqlCode sql={row.sql.text} label="Drafted SQL" />
          ) : (
            <Boundary what="The comparison">
              <Suspense fallback={<SqlCode sql={row.sql.text} />}>
                <SqlDiff before={row.sql.before} after={row.sql.text} />
              </Suspense>
            </Boundary>
          )}
        </div>
      )}
    </li>
  );
}

function Mark({ state }: { state: RailRow["state"] }) {
  if (state === "live") {
    return (
      <span className="grid place-items-center">
        <span aria-hidden="true" className="size-2.5 animate-live rounded-full border border-caramel bg-custard" />
        <span className="sr-only">running</span>
      </span>
    );
  }
  const [icon, colour, word] = MARKS[state];
  return (
    <span className={colour}>
      <Icon name={icon} className="size-3.5" />
      <span className="sr-only">{word}</span>
    </span>
  );
}

const FILLS: Record<RailRow["state"], string> = {
  live: "bg-custard",
  done: "bg-bar",
  failed: "bg-bad",
  stopped: "bg-line",
};

function Bar({ row, elapsed, scale }: { row: RailRow; elapsed: number; scale: number }) {
  return (
    <span aria-hidden="true" className="relative h-1.5 rounded-full bg-hover max-md:hidden">
      <span
        className={`keeps-colour absolute inset-y-0 rounded-full ${FILLS[row.state]}`}
        style={{ left: share(row.startedMs, scale, 0.985), width: share(elapsed, scale), minWidth: 3 }}
      />
    </span>
  );
}

/** The folded rail, so that where the time went stays visible. */
function Miniature({ rows, scale }: { rows: RailRow[]; scale: number }) {
  return (
    <span aria-hidden="true" className="relative h-1.5 w-28 shrink rounded-full bg-hover">
      {rows.map((row) => (
        <span
          key={row.key}
          className={`keeps-colour absolute inset-y-0 rounded-full ${FILLS[row.state]}`}
          style={{
            left: share(row.startedMs, scale, 0.97),
            width: `calc(${share(row.elapsedMs ?? 0, scale)} - 1px)`,
            minWidth: 2,
          }}
        />
      ))}
    </span>
  );
}

function share(ms: number, scale: number, most = 1): string {
  return `${(Math.min(Math.max(ms / scale, 0), most) * 100).toFixed(2)}%`;
}

/** When the latest row appeared here, by this device's clock. */
function useArrival(rows: number): number {
  const [at, setAt] = useState(() => Date.now());
  useEffect(() => setAt(Date.now()), [rows]);
  return at;
}
