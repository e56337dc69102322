"""The sessions that are attached to this process, found by agent and by connection."""

from collections.abc import Iterator

from api.session import AgentSession


class Sessions:
    """One session of each agent. What is asked of one connection costs what that connection has."""

    def __init__(self) -> None:
        self._of_agent: dict[str, AgentSession] = {}
        self._of_connection: dict[str, dict[str, AgentSession]] = {}

    def __len__(self) -> int:
        return len(self._of_agent)

    def __iter__(self) -> Iterator[AgentSession]:
        """As they are now: those that come and go meanwhile change nothing."""
        return iter([*self._of_agent.values()])

    @property
    def connections(self) -> list[str]:
        """That have a session which can be asked."""
        found = self._of_connection.items()
        return [name for name, ours in found if not all(one.lost for one in ours.values())]

    def get(self, agent_id: str) -> AgentSession | None:
        """The agent's."""
        return self._of_agent.get(agent_id)

    def of(self, connection_id: str) -> list[AgentSession]:
        """Of every agent of a connection."""
        return [*self._of_connection.get(connection_id, {}).values()]

    def newest(self, connection_id: str, agent_id: str | None = None) -> AgentSession | None:
        """Of this agent, if it is the connection's, or the newest of any of its agents.

        A session whose socket was found lost is nobody's to ask, though it has yet to be taken out.
        """
        ours = self._of_connection.get(connection_id, {})
        able = [one for name, one in ours.items() if not one.lost and agent_id in (None, name)]
        return max(able, key=lambda session: session.since, default=None)

    def put(self, session: AgentSession) -> None:
        """In place of the agent's last one."""
        self._of_agent[session.agent_id] = session
        self._of_connection.setdefault(session.connection_id, {})[session.agent_id] = session

    def remove(self, session: AgentSession) -> bool:
        """Whether it was the agent's session until now; another one stays."""
        if self._of_agent.get(session.agent_id) is not session:
            return False
        del self._of_agent[session.agent_id]
        ours = self._of_connection[session.connection_id]
        del ours[session.agent_id]
        if not ours:
            del self._of_connection[session.connection_id]
        return True
