import { useState } from "react";
import {
  useConnections,
  useCreateConnection,
  useDeleteConnection,
  useJoinCode,
  useRefreshSchema,
} from "../api/connections";
import { asProblem } from "../api/problem";
import type { Connection, JoinCode } from "../api/types";
import { useLastError } from "../api/useLastError";
import { clock, count, moment } from "../lib/format";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Icon } from "../ui/Icon";
import { Notice, Skeleton, Trouble } from "../ui/Notice";
import { useTitle } from "../ui/useTitle";
import { Led } from "./Led";
import { Command } from "./StartPage";
import { postgresVersion, STANDINGS } from "./standing";

/** Every database with its agent: state, meaning, and what to do. */
export default function AgentsPage() {
  const connections = useConnections();
  useTitle("Agents");
  const [adding, setAdding] = useState(false);
  const error = useLastError(connections);
  const empty = connections.data?.length === 0;
  return (
    <div className="mx-auto w-full max-w-reading px-6 pt-16 pb-12 max-md:px-4 max-md:pt-8">
      <div className="flex items-center gap-3">
        <h1 className="grow text-30 font-semibold tracking-[-0.018em] max-md:text-22">Databases and agents</h1>
        <Button
          look={empty === true ? "primary" : "plain"}
          onClick={() => setAdding(true)}
          data-testid="add-connection"
        >
          <Icon name="plus" />
          Add
        </Button>
      </div>
      <p className="mt-2 max-w-[66ch] text-ink-2">
        An agent runs beside the database and dials out. The database's password is only ever typed on that machine.
      </p>
      {connections.isPending && error === null && <Skeleton className="mt-6 h-28" />}
      {connections.data === undefined && <Trouble problem={error === null ? null : asProblem(error)} />}
      {empty === true && (
        <div className="mt-6">
          <Notice title="No database is connected yet.">Add one to get the command that joins its agent.</Notice>
        </div>
      )}
      <ul className="mt-6 space-y-3">
        {connections.data?.map((connection) => (
          <Item key={connection.connection_id} connection={connection} />
        ))}
      </ul>
      <Dialog open={adding} onClose={() => setAdding(false)} label="Add a database">
        <AddForm onClose={() => setAdding(false)} />
      </Dialog>
    </div>
  );
}

function Item({ connection }: { connection: Connection }) {
  const [code, setCode] = useState<JoinCode | null>(null);
  const [asking, setAsking] = useState(false);
  const join = useJoinCode();
  const refresh = useRefreshSchema();
  const remove = useDeleteConnection();
  const { agent } = connection;
  const { word, means } = STANDINGS[agent.status];
  const problem = join.error ?? refresh.error;
  const facts = [
    postgresVersion(agent.server_version),
    agent.database ?? "",
    connection.tables === null ? "" : count(connection.tables, "table"),
    agent.policy_name === null ? "" : `policy ${agent.policy_name}`,
    agent.version === null ? "" : `agent ${agent.version}`,
  ].filter(Boolean);
  const seen = agent.status === "online" ? null : agent.last_seen_at;

  return (
    <li
      data-testid="connection"
      data-status={agent.status}
      className="rounded-card border border-line bg-surface p-4 shadow-card"
    >
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <h2 className="min-w-0 text-16 font-semibold wrap-anywhere">{connection.name}</h2>
        <span className="flex items-center gap-2 text-13 text-ink-2">
          <Led status={agent.status} />
          {word}
        </span>
        {seen !== null && (
          <span className="text-12 text-ink-3">
            last seen {moment(seen, new Date())}, {clock(seen)}
          </span>
        )}
        <span className="ml-auto flex">
          {agent.status === "online" ? (
            <Button look="quiet" disabled={refresh.isPending} onClick={() => refresh.mutate(connection.connection_id)}>
              {refresh.isPending ? "Reading" : refresh.isSuccess ? "Schema is fresh" : "Refresh schema"}
            </Button>
          ) : (
            <Button
              look="quiet"
              disabled={join.isPending}
              onClick={() => join.mutate(connection.connection_id, { onSuccess: setCode })}
            >
              New join code
            </Button>
          )}
          <Button
            look="quiet"
            square
            aria-label={`Delete ${connection.name}`}
            title="Delete"
            onClick={() => setAsking(true)}
          >
            <Icon name="trash" />
          </Button>
        </span>
      </div>
      {connection.description !== "" && (
        <p className="mt-1 text-13 text-ink-2 wrap-anywhere">{connection.description}</p>
      )}
      {facts.length > 0 && <p className="mt-1 text-12 text-ink-3 wrap-anywhere">{facts.join(" · ")}</p>}
      {agent.status !== "online" && <p className="mt-2 text-13 text-ink-2">{means}</p>}
      {code !== null && agent.status !== "online" && <JoinCommand code={code} />}
      <Trouble problem={problem === null ? null : asProblem(problem)} />
      <Dialog open={asking} onClose={() => setAsking(false)} label={`Delete ${connection.name}`}>
        <div className="p-6">
          <h2 className="text-18 font-semibold">Delete {connection.name}?</h2>
          <p className="mt-2 text-ink-2">
            Its agent is cut off, its conversations go. The database itself is not touched.
          </p>
          <Trouble problem={remove.error} />
          <div className="mt-6 flex justify-end gap-2">
            <Button onClick={() => setAsking(false)}>Keep</Button>
            <Button look="danger" disabled={remove.isPending} onClick={() => remove.mutate(connection.connection_id)}>
              Delete
            </Button>
          </div>
        </div>
      </Dialog>
    </li>
  );
}

function JoinCommand({ code }: { code: JoinCode }) {
  return (
    <div className="mt-3">
      <p className="text-13">Run this beside the database. The code works once, until {clock(code.expires_at)}.</p>
      <Command text={code.join_command} />
    </div>
  );
}

function AddForm({ onClose }: { onClose: () => void }) {
  const create = useCreateConnection();
  const connections = useConnections();
  const made = create.data;
  const status = connections.data?.find((one) => one.connection_id === made?.connection_id)?.agent.status ?? "waiting";
  if (made !== undefined) {
    return (
      <div className="p-6">
        <h2 className="text-18 font-semibold wrap-anywhere">{made.name}</h2>
        <JoinCommand code={made} />
        <p role="status" data-testid="join-status" className="mt-4 flex items-center gap-2 text-13">
          <Led status={status} />
          {status === "online" ? "The agent is online." : "Waiting for the agent. This turns green by itself."}
        </p>
        <div className="mt-6 flex justify-end">
          <Button look={status === "online" ? "primary" : "plain"} onClick={onClose}>
            Done
          </Button>
        </div>
      </div>
    );
  }
  return (
    <form
      className="p-6"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const name = String(form.get("name") ?? "").trim();
        if (name !== "") create.mutate({ name, description: String(form.get("description") ?? "").trim() });
      }}
    >
      <h2 className="text-18 font-semibold">Add a database</h2>
      <label className="mt-4 block text-12 text-ink-2" htmlFor="connection-name">
        Name
      </label>
      <input
        id="connection-name"
        name="name"
        required
        maxLength={120}
        placeholder="prod-replica"
        className="mt-1 h-11 w-full rounded-input border border-control bg-surface px-3"
      />
      <label className="mt-4 block text-12 text-ink-2" htmlFor="connection-description">
        What it holds (optional)
      </label>
      <input
        id="connection-description"
        name="description"
        maxLength={4000}
        className="mt-1 h-11 w-full rounded-input border border-control bg-surface px-3"
      />
      <Trouble problem={create.error} />
      <div className="mt-6 flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look="primary" disabled={create.isPending}>
          Add
        </Button>
      </div>
    </form>
  );
}
