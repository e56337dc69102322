import { lazy, Suspense, useMemo, useState } from "react";
import { asProblem } from "../api/problem";
import { useQuery } from "@tanstack/react-query";
import { resultQuery } from "../api/queries";
import { clock, count, duration } from "../lib/format";
import type { Answer, Cell, Receipt, ResultColumn } from "../run/types";
import { Button } from "../ui/Button";
import { CopyButton } from "../ui/CopyButton";
import { Skeleton } from "../ui/Notice";
import { type Tab, tabPanel, Tabs } from "../ui/Tabs";
import { shown, type Sort, toMarkdown, toTsv } from "./cells";
import { chartModel } from "./chartModel";
import { DownloadMenu } from "./DownloadMenu";
import { ResultTable } from "./ResultTable";
import { SqlCode } from "./SqlCode";
import { type CardTab, useCardTab } from "./useCardTab";

const ChartFigure = lazy(() => import("./ChartFigure"));
/** More rows than this are not fetched just to be drawn. */
const MOST_DRAWN = 5_000;
const TABS: Tab<CardTab>[] = [
  { name: "chart", label: "Chart" },
  { name: "table", label: "Table" },
  { name: "sql", label: "SQL" },
];

interface Props {
  runId: string;
  answer: Answer;
  receipt: Receipt | null;
  /** Milliseconds that the statement took in the database. */
  databaseMs: number | null;
  /** The owner's cap on rows; null when unknown. */
  limit: number | null;
}

/** An answer's result: chart, table and the SQL that made it. */
export function ResultCard({ runId, answer, receipt, databaseMs, limit }: Props) {
  const drawable = answer.chart.kind !== "none" && answer.row_count > 0;
  const [tab, setTab] = useCardTab(runId, drawable ? "chart" : "table");
  const [sort, setSort] = useState<Sort | null>(null);
  const [all, setAll] = useState(false);
  const partial = answer.row_count > answer.rows.length;
  const forChart = drawable && answer.chart.kind !== "number" && answer.row_count <= MOST_DRAWN && tab === "chart";
  const result = useQuery({ ...resultQuery(runId), enabled: partial && (all || forChart) });
  const rows = (result.data?.rows as Cell[][] | undefined) ?? answer.rows;
  const id = `card-${runId}`;

  return (
    <div
      role="group"
      aria-label="Result"
      data-testid="result-card"
      className="mt-4 overflow-hidden rounded-card border border-line bg-surface shadow-card"
    >
      <div className="border-b border-line px-3">
        <Tabs id={id} label="Result as" tabs={TABS} current={tab} onSelect={setTab} />
      </div>
      <div {...tabPanel(id, tab)}>
        {tab === "chart" && (
          <ChartPanel answer={answer} rows={rows} waiting={forChart && partial && result.isPending} />
        )}
        {tab === "table" && (
          <TablePanel
            answer={answer}
            rows={rows}
            sort={sort}
            onSort={(next) => {
              setSort(next);
              setAll(true); // Half a result must not be sorted as if it were the whole.
            }}
          />
        )}
        {tab === "sql" && <SqlPanel answer={answer} receipt={receipt} />}
      </div>
      <footer className="flex flex-wrap items-center gap-x-3 gap-y-1 border-t border-line px-4 py-2 text-12 text-ink-3">
        <span data-testid="result-footer" className="tnum">
          {[
            count(answer.row_count, "row"),
            ...(databaseMs === null ? [] : [duration(databaseMs)]),
            ...(limit === null ? [] : [`limit ${limit.toLocaleString("en")}`]),
          ].join(" · ")}
        </span>
        {answer.truncated !== null && (
          <span className="font-medium text-caramel">
            Cut at the owner's limit of {answer.truncated === "rows" ? "rows" : "size"}: there is more in the database.
          </span>
        )}
        {tab === "table" && partial && result.data === undefined && (
          <Button look="quiet" className="text-cobalt" disabled={result.isFetching} onClick={() => setAll(true)}>
            {result.isFetching ? "Loading…" : `Show all ${answer.row_count.toLocaleString("en")}`}
          </Button>
        )}
        {result.error !== null && <span className="text-bad">{asProblem(result.error).message}</span>}
        <span className="ml-auto flex flex-wrap">
          <Actions runId={runId} answer={answer} rows={rows} tab={tab} />
        </span>
      </footer>
    </div>
  );
}

function ChartPanel({ answer, rows, waiting }: { answer: Answer; rows: Cell[][]; waiting: boolean }) {
  const { chart, columns } = answer;
  const model = useMemo(() => chartModel({ chart, columns, rows }), [chart, columns, rows]);
  if (chart.kind === "number") return <NumberPanel answer={answer} />;
  if (typeof model === "string") return <p className="px-4 py-6 text-ink-2">{model} The table has it all.</p>;
  const placeholder = (
    <div className="p-4">
      <Skeleton className="h-72" />
    </div>
  );
  if (waiting) return placeholder;
  return (
    <Suspense fallback={placeholder}>
      <ChartFigure model={model} />
    </Suspense>
  );
}

function NumberPanel({ answer }: { answer: Answer }) {
  const place = Math.max(
    0,
    answer.columns.findIndex((column) => column.name === answer.chart.y[0]),
  );
  const column: ResultColumn | undefined = answer.columns[place];
  if (column === undefined) return <p className="px-4 py-6 text-ink-2">The result has no column to show.</p>;
  const { text, exact } = shown(answer.rows[0]?.[place] ?? null, column);
  return (
    <div data-testid="number-card" className="px-4 py-6">
      <p className="tnum text-30 font-semibold tracking-[-0.018em] wrap-anywhere" title={exact ?? undefined}>
        {text}
      </p>
      <p className="text-12 text-ink-3">{column.name}</p>
    </div>
  );
}

interface TableProps {
  answer: Answer;
  rows: Cell[][];
  sort: Sort | null;
  onSort: (sort: Sort | null) => void;
}

function TablePanel({ answer, rows, sort, onSort }: TableProps) {
  if (answer.row_count === 0) {
    return (
      <div data-testid="no-rows" className="px-4 py-6">
        <p className="font-medium">No rows match.</p>
        <p className="mt-1 text-13 text-ink-2">
          The query ran and found nothing. Its filters are in the SQL tab; ask again with one of them relaxed.
        </p>
      </div>
    );
  }
  const caption = `Result, ${count(answer.row_count, "row")}`;
  return <ResultTable columns={answer.columns} rows={rows} sort={sort} onSort={onSort} caption={caption} />;
}

function SqlPanel({ answer, receipt }: { answer: Answer; receipt: Receipt | null }) {
  return (
    <div className="px-4 py-4" data-testid="sql-panel">
      <SqlCode sql={answer.sql} />
      {receipt !== null && (
        <details className="mt-4 border-t border-line pt-3 text-12 text-ink-2">
          <summary className="w-fit cursor-pointer rounded-control">
            Receipt: what it takes to run this again and compare
          </summary>
          <dl className="mt-2 grid grid-cols-[max-content_minmax(0,1fr)] gap-x-4 gap-y-1">
            <Fact name="Executed">{`${receipt.executed_at.slice(0, 10)} ${clock(receipt.executed_at)}`}</Fact>
            <Fact name="Result SHA-256">{receipt.result_digest}</Fact>
            <Fact name="Snapshot">{receipt.snapshot_fingerprint}</Fact>
            <Fact name="Policy">{receipt.policy_digest}</Fact>
            {receipt.model !== "" && <Fact name="Model">{receipt.model}</Fact>}
          </dl>
        </details>
      )}
    </div>
  );
}

function Fact({ name, children }: { name: string; children: string }) {
  return (
    <>
      <dt className="text-ink-3">{name}</dt>
      <dd className="font-mono wrap-anywhere">{children === "" ? "none" : children}</dd>
    </>
  );
}

function Actions({ runId, answer, rows, tab }: { runId: string; answer: Answer; rows: Cell[][]; tab: CardTab }) {
  if (tab === "sql") return <CopyButton label="Copy SQL" text={() => answer.sql} />;
  return (
    <>
      {tab === "table" && answer.row_count > 0 && (
        <>
          <CopyButton label="Copy" text={() => toTsv(answer.columns, rows)} />
          <CopyButton label="Markdown" text={() => toMarkdown(answer.columns, rows)} />
        </>
      )}
      <DownloadMenu runId={runId} truncated={answer.truncated !== null} />
    </>
  );
}
