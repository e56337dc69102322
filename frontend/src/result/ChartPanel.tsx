import { lazy, Suspense, useMemo, useState } from "react";
import { count } from "../lib/format";
import type { Answer, ResultColumn } from "../run/types";
import { Boundary } from "../ui/Boundary";
import { Button } from "../ui/Button";
import { Notice, Skeleton } from "../ui/Notice";
import { shown } from "./cells";
import { chartModel } from "./chartModel";
import type { WholeResult } from "./useWholeResult";

const ChartFigure = lazy(() => import("./ChartFigure"));
/** More rows than this are not fetched just to be drawn: twice what an owner lets out unless they say otherwise. */
export const MOST_DRAWN = 20_000;

/** A result as a chart: of all of its rows, or of the first ones when somebody has been told and wants that. */
export function ChartPanel({ answer, result }: { answer: Answer; result: WholeResult }) {
  const [partWanted, setPartWanted] = useState(false);
  const { chart, columns } = answer;
  const { rows, whole, problem } = result;
  const model = useMemo(() => chartModel({ chart, columns, rows }), [chart, columns, rows]);
  if (chart.kind === "number") return <NumberPanel answer={answer} />;
  if (typeof model === "string") return <p className="px-4 py-6 text-ink-2">{model} The table has it all.</p>;
  const placeholder = (
    <div className="p-4">
      <Skeleton className="h-72" />
    </div>
  );
  const tooMany = answer.row_count > MOST_DRAWN;
  if (!whole && !tooMany && problem === null) return placeholder;
  const part = `the first ${rows.length.toLocaleString("en")} of ${count(answer.row_count, "row")}`;
  return (
    <>
      {!whole && (
        <div className="px-4 pt-4">
          <Notice tone="warm" testId="chart-part" title={partWanted ? `Only ${part}.` : `Only ${part} could be drawn.`}>
            {tooMany ? "The whole is too much to draw; a narrower question has a chart." : problem?.message}
            {!partWanted && (
              <span className="mt-2 flex flex-wrap gap-2">
                {!tooMany && <Button onClick={result.retry}>Try again</Button>}
                <Button onClick={() => setPartWanted(true)}>Draw these all the same</Button>
              </span>
            )}
          </Notice>
        </div>
      )}
      {whole || partWanted ? (
        <Boundary what="The chart">
          <Suspense fallback={placeholder}>
            <ChartFigure model={model} />
          </Suspense>
        </Boundary>
      ) : (
        <div className="h-4" />
      )}
    </>
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
      <p dir="auto" className="text-12 text-ink-3">
        {column.name}
      </p>
    </div>
  );
}
