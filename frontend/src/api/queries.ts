/** What the pages read and do, as queries and mutations over the typed client. */
import { QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { Run } from "../run/types";
import { ApiProblem, client, unwrap } from "./client";
import { asProblem } from "./problem";
import type { JoinCode, ResultDocument, Thread } from "./types";

/** How often the state of agents is asked for: offline must show within fifteen seconds. */
const AGENTS_EVERY_MS = 4_000;

export type ThreadDetail = Thread & { runs: Run[] };

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

/** Every connection with the state of its agent, kept fresh. */
export function useConnections() {
  return useQuery({
    queryKey: ["connections"],
    queryFn: async () => (await unwrap(client.GET("/api/v1/connections"))).connections,
    refetchInterval: AGENTS_EVERY_MS,
  });
}

export function useSuggestions(connectionId: string | null, fingerprint: string | null) {
  return useQuery({
    queryKey: ["suggestions", connectionId, fingerprint],
    enabled: connectionId !== null,
    staleTime: 300_000,
    queryFn: async () => {
      const path = { connection_id: connectionId ?? "" };
      return (await unwrap(client.GET("/api/v1/connections/{connection_id}/suggestions", { params: { path } })))
        .questions;
    },
  });
}

export function useThreads() {
  return useQuery({
    queryKey: ["threads"],
    queryFn: async () => (await unwrap(client.GET("/api/v1/threads", { params: { query: { limit: 50 } } }))).threads,
  });
}

const threadKey = (threadId: string) => ["thread", threadId];

export function useThread(threadId: string | null) {
  return useQuery({
    queryKey: threadKey(threadId ?? ""),
    enabled: threadId !== null,
    queryFn: async () => {
      const path = { thread_id: threadId ?? "" };
      return (await unwrap(client.GET("/api/v1/threads/{thread_id}", { params: { path } }))) as ThreadDetail;
    },
  });
}

/** Every row of a run's result; fetched only when `wanted`. */
export function useResult(runId: string, wanted: boolean) {
  return useQuery({
    queryKey: ["result", runId],
    enabled: wanted,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const params = { path: { run_id: runId }, query: { format: "json" as const, source: "kept" as const } };
      // The address answers in several formats; this one is JSON.
      return (await unwrap(client.GET("/api/v1/runs/{run_id}/result", { params }))) as ResultDocument;
    },
  });
}

export interface Asking {
  connectionId: string;
  threadId: string | null;
  question: string;
  /** The same for every try of the same sending, so that a retry never runs twice. */
  key: string;
}

/** Starts a run; its thread is in the cache before this settles. */
export function useAsk() {
  const cache = useQueryClient();
  return useMutation<Run, ApiProblem, Asking>({
    retry: (failures, error) => failures < 2 && error.isUnreachable,
    retryDelay: 500,
    mutationFn: async ({ connectionId, threadId, question, key }) => {
      const body = {
        connection_id: connectionId,
        question,
        idempotency_key: key,
        ...(threadId === null ? {} : { thread_id: threadId }),
      };
      const headers = { Prefer: "respond-async" };
      return (await unwrap(client.POST("/api/v1/query", { body, headers }))) as Run;
    },
    onSuccess: (run) => {
      putRun(cache, run);
      void cache.invalidateQueries({ queryKey: ["threads"] });
    },
  });
}

/** Puts a run into its thread in the cache: the last one, or in the place of its older self. */
export function putRun(cache: QueryClient, run: Run): void {
  cache.setQueryData<ThreadDetail>(threadKey(run.thread_id), (thread) => {
    const before = thread ?? {
      thread_id: run.thread_id,
      connection_id: run.connection_id,
      title: run.question,
      created_at: run.created_at,
      updated_at: run.created_at,
      turns: 1,
      runs: [],
    };
    const known = before.runs.some((other) => other.run_id === run.run_id);
    const runs = known
      ? before.runs.map((other) => (other.run_id === run.run_id ? run : other))
      : [...before.runs, run];
    return { ...before, runs, turns: runs.length };
  });
}

export function useCancel() {
  return useMutation<unknown, ApiProblem, string>({
    retry: (failures, error) => failures < 3 && error.isUnreachable,
    mutationFn: (runId) => unwrap(client.POST("/api/v1/runs/{run_id}/cancel", { params: { path: { run_id: runId } } })),
  });
}

export function useRenameThread(threadId: string) {
  const cache = useQueryClient();
  return useMutation<unknown, ApiProblem, string>({
    mutationFn: (title) =>
      unwrap(
        client.PATCH("/api/v1/threads/{thread_id}", { params: { path: { thread_id: threadId } }, body: { title } }),
      ),
    onSuccess: (_, title) => {
      cache.setQueryData<ThreadDetail>(threadKey(threadId), (thread) =>
        thread === undefined ? thread : { ...thread, title },
      );
      void cache.invalidateQueries({ queryKey: ["threads"] });
    },
  });
}

export function useDeleteThread(threadId: string) {
  const cache = useQueryClient();
  return useMutation<unknown, ApiProblem, void>({
    mutationFn: () =>
      unwrap(client.DELETE("/api/v1/threads/{thread_id}", { params: { path: { thread_id: threadId } } })),
    onSuccess: () => {
      cache.removeQueries({ queryKey: threadKey(threadId) });
      void cache.invalidateQueries({ queryKey: ["threads"] });
    },
  });
}

export function useCreateConnection() {
  const cache = useQueryClient();
  return useMutation<JoinCode, ApiProblem, { name: string; description: string }>({
    mutationFn: async ({ name, description }) =>
      await unwrap(client.POST("/api/v1/connections", { body: { name, description, instructions: "" } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["connections"] }),
  });
}

export function useJoinCode() {
  return useMutation<JoinCode, ApiProblem, string>({
    mutationFn: async (connectionId) => {
      const path = { connection_id: connectionId };
      return await unwrap(client.POST("/api/v1/connections/{connection_id}/join-code", { params: { path } }));
    },
  });
}

export function useRefreshSchema() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (connectionId: string) => {
      const path = { connection_id: connectionId };
      return unwrap(client.POST("/api/v1/{connection_id}/refresh-schema", { params: { path } }));
    },
    onSuccess: () => cache.invalidateQueries({ queryKey: ["connections"] }),
  });
}

export function useDeleteConnection() {
  const cache = useQueryClient();
  return useMutation<unknown, ApiProblem, string>({
    mutationFn: (connectionId) =>
      unwrap(
        client.DELETE("/api/v1/connections/{connection_id}", { params: { path: { connection_id: connectionId } } }),
      ),
    onSuccess: () => cache.invalidateQueries(),
  });
}
