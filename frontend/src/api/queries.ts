/** The page's one query client, and what every page reads. */
import { QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import { client, unwrap } from "./client";
import { asProblem } from "./problem";
import type { ResultDocument } from "./types";

/** One client for the page. A refusal is final; silence is worth another try. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        networkMode: "always",
        staleTime: 2_000,
        retry: (failures, error) => failures < 2 && asProblem(error).isUnreachable,
        retryDelay: (failures) => Math.min(400 * 2 ** failures, 3_000),
      },
      mutations: { networkMode: "always" },
    },
  });
}

export function useInfo() {
  return useQuery({
    queryKey: ["info"],
    queryFn: async () => await unwrap(client.GET("/api/v1/info")),
    staleTime: 60_000,
  });
}

/** Every row of a run's result. */
export function resultQuery(runId: string) {
  return queryOptions({
    queryKey: ["result", runId],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const params = { path: { run_id: runId }, query: { format: "json" as const, source: "kept" as const } };
      // The address answers in several formats; this one is JSON.
      return (await unwrap(client.GET("/api/v1/runs/{run_id}/result", { params }))) as ResultDocument;
    },
  });
}
