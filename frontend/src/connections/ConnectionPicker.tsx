import { useConnections } from "../api/connections";
import type { Connection } from "../api/types";
import { Icon } from "../ui/Icon";
import { Led } from "./Led";
import { STANDINGS } from "./standing";

interface Props {
  connection: Connection;
  /** Null where the choice is made already: a thread stays with its database. */
  onChoose: ((id: string) => void) | null;
}

/** Which database is asked. The browser's own list: it works with every keyboard and on every phone. */
export function ConnectionPicker({ connection, onChoose }: Props) {
  const { data: all = [] } = useConnections();
  const status = connection.agent.status;
  if (onChoose === null || all.length < 2) {
    return (
      <span data-testid="database" className="flex min-w-0 items-center gap-2 px-2 text-12 text-ink-2">
        <Led status={status} />
        <span className="truncate">{connection.name}</span>
        <span className="sr-only">{STANDINGS[status].word}</span>
      </span>
    );
  }
  return (
    <label className="relative flex h-8 min-w-0 items-center gap-2 rounded-control px-2 text-12 text-ink-2 focus-within:outline-2 focus-within:outline-cobalt hover:bg-hover max-md:h-11">
      <span className="sr-only">Database</span>
      <Led status={status} />
      <select
        data-testid="database"
        value={connection.connection_id}
        onChange={(event) => onChoose(event.target.value)}
        className="min-w-0 max-w-56 appearance-none truncate bg-transparent pr-5 outline-none"
      >
        {all.map((one) => (
          <option key={one.connection_id} value={one.connection_id} className="bg-surface text-ink">
            {one.name}
            {one.agent.status === "online" ? "" : ` (${STANDINGS[one.agent.status].word.toLowerCase()})`}
          </option>
        ))}
      </select>
      <Icon name="chevron" className="pointer-events-none absolute right-2 size-3.5" />
    </label>
  );
}
