/** Conversations and their questions, as queries and mutations over the typed client. */
import {
  type MutationOptions,
  type QueryClient,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import type { Run } from "../run/types";
import { type ApiProblem, client, unwrap } from "./client";
import type { Thread } from "./types";

export type ThreadDetail = Thread & { runs: Run[] };

/** Conversations, last used first: the latest at once, earlier ones page by page. */
export function useThreads() {
  return useInfiniteQuery({
    queryKey: ["threads"],
    initialPageParam: "",
    queryFn: async ({ pageParam }) => {
      const query = { limit: 50, ...(pageParam === "" ? {} : { before: pageParam }) };
      return await unwrap(client.GET("/api/v1/threads", { params: { query } }));
    },
    getNextPageParam: (page) => page.next,
    // One that is used while pages are read moves to the front of them.
    select: ({ pages }) => [
      ...new Map(pages.flatMap((page) => page.threads).map((thread) => [thread.thread_id, thread])).values(),
    ],
  });
}

const threadKey = (threadId: string) => ["thread", threadId];

export function useThread(threadId: string | null) {
  return useQuery({
    queryKey: threadKey(threadId ?? ""),
    enabled: threadId !== null,
    queryFn: () => readThread(threadId ?? ""),
  });
}

type ThreadPart = { path: { thread_id: string }; query: { before?: string } };

/** A whole thread: the backend gives its latest runs, and earlier ones part by part. */
export async function readThread(threadId: string): Promise<ThreadDetail> {
  const runs: Run[] = [];
  let before: string | undefined;
  for (;;) {
    const query = before === undefined ? {} : { before };
    const params: ThreadPart = { path: { thread_id: threadId }, query };
    const { next, ...part } = await unwrap(client.GET("/api/v1/threads/{thread_id}", { params }));
    runs.unshift(...(part.runs as Run[]));
    if (!next) return { ...part, runs };
    before = next;
  }
}

export interface Asking {
  connectionId: string;
  threadId: string | null;
  question: string;
  /** The same for every try of the same sending, so that a retry never runs twice. */
  key: string;
}

/** A try's hang limit: only the start of a run is waited for, never its answer. */
const START_MS = 20_000;

/** Starts a run, whatever page is shown meanwhile; its thread is in the cache before this resolves. */
export async function ask(cache: QueryClient, asking: Asking): Promise<Run> {
  const { connectionId, threadId, question, key } = asking;
  const run = await attempted(cache, async () => {
    const body = {
      connection_id: connectionId,
      question,
      idempotency_key: key,
      ...(threadId === null ? {} : { thread_id: threadId }),
    };
    const headers = { Prefer: "respond-async" };
    const signal = AbortSignal.timeout(START_MS);
    return (await unwrap(client.POST("/api/v1/query", { body, headers, signal }))) as Run;
  });
  putRun(cache, run, { create: true });
  void cache.invalidateQueries({ queryKey: ["threads"] });
  return run;
}

/** Has a run stopped. */
export function cancel(cache: QueryClient, runId: string): Promise<unknown> {
  const params = { path: { run_id: runId } };
  return attempted(cache, () => unwrap(client.POST("/api/v1/runs/{run_id}/cancel", { params })));
}

/** Does it as a mutation of no component: silence is worth two more tries. */
function attempted<Done>(cache: QueryClient, doing: () => Promise<Done>): Promise<Done> {
  const options: MutationOptions<Done, ApiProblem> = {
    networkMode: "always",
    mutationFn: doing,
    retry: (failures, error) => failures < 2 && error.isUnreachable,
    retryDelay: 500,
  };
  return cache.getMutationCache().build(cache, options).execute(undefined);
}

/**
 * Puts a run into its thread in the cache: the last one, or in the place of its older self.
 *
 * `create` makes a thread that the cache does not have. A run that merely ended makes none: its thread was deleted.
 */
export function putRun(cache: QueryClient, run: Run, { create }: { create: boolean }): void {
  const queryKey = threadKey(run.thread_id);
  cache.setQueryData<ThreadDetail>(queryKey, (thread) => {
    if (thread === undefined && !create) return undefined;
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
  // What is being read was perhaps written before this run: it must not come in over it.
  if (cache.isFetching({ queryKey }) === 0) return;
  void cache.cancelQueries({ queryKey }).then(() => cache.invalidateQueries({ queryKey }));
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
