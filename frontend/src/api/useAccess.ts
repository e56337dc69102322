import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { apiKey } from "./access";
import { useConnections } from "./connections";
import { asProblem } from "./problem";
import { useLastError } from "./useLastError";

interface Access {
  /** The key that was refused, null where none was shown; undefined while nothing is refused. */
  refusedKey: string | null | undefined;
  unreachable: boolean;
}

/** What keeps this page from the backend: a key that it wants, or silence. What failed in silence is read anew after. */
export function useAccess(): Access {
  const connections = useConnections();
  const error = useLastError(connections);
  const [found, setFound] = useState<{ error: unknown; key: string | null }>({ error: null, key: null });
  if (error !== found.error) setFound({ error, key: apiKey() });

  const cache = useQueryClient();
  const { dataUpdatedAt } = connections;
  useEffect(() => {
    if (dataUpdatedAt === 0) return;
    void cache.refetchQueries({
      type: "active",
      predicate: ({ state }) => state.error !== null && asProblem(state.error).isUnreachable,
    });
  }, [cache, dataUpdatedAt]);

  const problem = found.error === null ? null : asProblem(found.error);
  return {
    refusedKey: problem?.needsKey === true ? found.key : undefined,
    unreachable: problem?.isUnreachable ?? false,
  };
}
