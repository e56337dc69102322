"""What a trace may carry."""

from langchain_core.runnables import RunnableConfig

from graph.ports import Ports
from graph.state import Asked


def tracing_config(ports: Ports, asked: Asked) -> RunnableConfig:
    """Names and tags of a run's trace."""
    return {"run_name": "custard.run", "tags": ["custard"], "metadata": {"run_id": asked.get("run_id", "")}}
