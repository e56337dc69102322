/** Databases with their agents, as queries and mutations over the typed client. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ApiProblem, client, unwrap } from "./client";
import { asProblem } from "./problem";
import type { JoinCode } from "./types";

/** How often the state of agents is asked for: offline must show within fifteen seconds. */
const AGENTS_EVERY_MS = 4_000;

/** Every connection with the state of its agent, kept fresh. */
export function useConnections() {
  return useQuery({
    queryKey: ["connections"],
    queryFn: async () => (await unwrap(client.GET("/api/v1/connections"))).connections,
    // A refused key stays refused, however often it is shown.
    refetchInterval: ({ state }) => (state.error !== null && asProblem(state.error).needsKey ? false : AGENTS_EVERY_MS),
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
