"""The model under test: one that is named and served, or the local one when nothing is configured."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2

from evals.errors import HarnessError
from evals.replies import CachingTransport, ReplyCache

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

OPENAI_BASE_URL = "https://api.openai.com/v1"
SEED = 7
"""Sent with every request; most servers then repeat a reply at temperature 0 exactly."""
REQUEST_SECONDS = 900.0
"""For one reply. A suite measures what is right, on whatever machine: it waits where a person would not."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model answers, and where. Without ``base_url`` the local one is started."""

    name: str | None = None
    base_url: str | None = None
    api_key: str | None = None

    @classmethod
    def from_environment(cls, name: str | None = None) -> "ModelChoice":
        """What ``CUSTARD_MODEL_*`` and ``OPENAI_API_KEY`` say; ``name`` wins over the environment's."""
        base_url = os.environ.get("CUSTARD_MODEL_BASE_URL") or None
        key = os.environ.get("CUSTARD_MODEL_API_KEY") or os.environ.get("OPENAI_API_KEY") or None
        if base_url is None and os.environ.get("OPENAI_API_KEY"):
            base_url = os.environ.get("OPENAI_BASE_URL") or OPENAI_BASE_URL
        return cls(name or os.environ.get("CUSTARD_MODEL_NAME") or None, base_url, key)


@asynccontextmanager
async def open_model(choice: ModelChoice, cache_file: Path | None) -> AsyncIterator["BaseChatModel"]:
    """A chat model at temperature 0, its replies kept in ``cache_file`` (None: never kept).

    Raises:
        HarnessError: the server does not answer, or serves no such model.
    """
    async with _served(choice) as (base_url, name):
        inner: httpx2.AsyncBaseTransport = httpx2.AsyncHTTPTransport(retries=1)
        cache = ReplyCache(cache_file) if cache_file is not None else None
        transport = CachingTransport(cache, inner, salt=name) if cache is not None else inner
        client = httpx2.AsyncClient(transport=transport, timeout=REQUEST_SECONDS)
        try:
            from langchain_openai import ChatOpenAI
            from pydantic import SecretStr

            yield ChatOpenAI(
                model=name,
                base_url=base_url,
                api_key=SecretStr(choice.api_key or "none"),
                temperature=0,
                seed=SEED,
                timeout=REQUEST_SECONDS,
                stream_usage=True,
                max_retries=1,
                http_async_client=client,
            )
        finally:
            await client.aclose()
            if cache is not None:
                cache.close()


@asynccontextmanager
async def _served(choice: ModelChoice) -> AsyncIterator[tuple[str, str]]:
    """Base URL and name of a model that is being served, started for the purpose when need be."""
    if choice.base_url is not None:
        yield choice.base_url, choice.name or await _first_model(choice)
        return
    from embedded.errors import EmbeddedError
    from embedded.model import LocalModelServer

    try:
        with LocalModelServer(_weights(choice.name)) as server:
            yield server.base_url, server.model_name
    except EmbeddedError as error:
        raise HarnessError(str(error), error.hint) from error


def _weights(name: str | None) -> Path:
    """The file of a local model: the default one, ``small``, one by its name, or a GGUF file by its path."""
    from embedded.weights import DEFAULT_MODEL, SMALL_MODEL, ensure_model

    if name is not None and name.endswith(".gguf"):
        return Path(name)
    return ensure_model({None: DEFAULT_MODEL, "small": SMALL_MODEL}.get(name, name or DEFAULT_MODEL))


async def _first_model(choice: ModelChoice) -> str:
    headers = {"Authorization": f"Bearer {choice.api_key}"} if choice.api_key else {}
    base_url = (choice.base_url or "").rstrip("/")
    try:
        async with httpx2.AsyncClient(timeout=10) as client:
            answer = await client.get(f"{base_url}/models", headers=headers)
            answer.raise_for_status()
            return str(answer.json()["data"][0]["id"])
    except (httpx2.HTTPError, ValueError, LookupError) as error:
        raise HarnessError(
            f"The model's server at {base_url} does not say what it serves ({type(error).__name__}).",
            "Start it, mend CUSTARD_MODEL_BASE_URL, or name the model with --model.",
        ) from error
