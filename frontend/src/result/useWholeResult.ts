import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ApiProblem, asProblem } from "../api/problem";
import { resultQuery } from "../api/queries";
import type { Answer, Cell } from "../run/types";

export interface WholeResult {
  /** All rows, or the first ones while there are no more. */
  rows: Cell[][];
  whole: boolean;
  loading: boolean;
  /** Why the rest could not be had. */
  problem: ApiProblem | null;
  retry: () => void;
  /** All rows, fetched where they are not here yet. */
  all: () => Promise<Cell[][]>;
}

/** A result's rows: an answer brings the first of them, the rest comes when it is `wanted`. */
export function useWholeResult(runId: string, answer: Answer, wanted: boolean): WholeResult {
  const cache = useQueryClient();
  const partial = answer.row_count > answer.rows.length;
  const result = useQuery({ ...resultQuery(runId), enabled: partial && wanted });
  const fetched = result.data?.rows as Cell[][] | undefined;
  return {
    rows: fetched ?? answer.rows,
    whole: !partial || fetched !== undefined,
    loading: result.isFetching,
    problem: result.error === null || fetched !== undefined ? null : asProblem(result.error),
    retry: () => void result.refetch(),
    all: async () => (partial ? ((await cache.fetchQuery(resultQuery(runId))).rows as Cell[][]) : answer.rows),
  };
}
