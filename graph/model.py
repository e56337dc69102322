"""Asking the language model: streaming, bounded in time, with every failure under a name of ours."""

import asyncio
import weakref
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig

from graph.errors import (
    ModelDenied,
    ModelError,
    ModelTimedOut,
    ModelUnavailable,
    PromptTooLong,
)
from graph.record import Usage
from prompts import Prompt

SQL_STOPS = [";", "```\n"]
"""Where a reply that holds one query is cut off by the server, so that no explanation is paid for."""
_WEIGHING = ("logprobs", "top_logprobs")
_OPTIONAL = ("stop", "temperature", "seed", *_WEIGHING)
"""Parameters that some hosted models refuse and that a run can do without."""

_BROKE_OFF = "The language model's server broke off, or sent what is no answer."


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a reply."""

    text: str
    logprob: float
    """Natural logarithm of the probability that the model gave it; 0 when it was certain."""


@dataclass(slots=True)
class Reply:
    """One reply of the model, read piece by piece with ``pieces``."""

    model: BaseChatModel
    prompt: Prompt
    max_tokens: int
    seconds: float
    """From request to last token."""
    name: str
    """Of the call in traces."""
    temperature: float | None = None
    """None keeps the model's own."""
    stop: list[str] = field(default_factory=list)
    seed: int | None = None
    """None keeps the model's own."""
    weighed: bool = False
    """Whether the server is asked how probable each token was."""
    usage: Usage = field(default_factory=Usage)
    """Known once the reply has ended."""
    tokens: list[Token] = field(default_factory=list)
    """As the server has weighed them; empty when it was not asked, or does not tell."""

    async def pieces(self) -> AsyncGenerator[str, None]:
        """The reply's text as it comes.

        Raises:
            ModelUnavailable, ModelTimedOut, ModelDenied, PromptTooLong: no (whole) reply.
        """
        options: dict[str, Any] = {"max_tokens": self.max_tokens}
        if self.stop:
            options["stop"] = self.stop
        if self.temperature is not None:
            options["temperature"] = self.temperature
        if self.seed is not None:
            options["seed"] = self.seed
        if self.weighed:
            # The most probable token of each place is one too many, but 0 means twenty to llama.cpp.
            options |= {"logprobs": True, "top_logprobs": 1}
        refused_before = _refused_by(self.model)
        options = {name: value for name, value in options.items() if name not in refused_before}
        try:
            async with asyncio.timeout(self.seconds):
                while True:
                    try:
                        async with aclosing(self._stream(options)) as stream:
                            async for piece in stream:
                                yield piece
                    except Exception as error:
                        if (refused := _refused_option(error)) is None or refused not in options:
                            raise
                        for name in _WEIGHING if refused in _WEIGHING else (refused,):
                            refused_before.add(name)
                            options.pop(name, None)
                        continue
                    return
        except TimeoutError as error:
            raise _timed_out(self.seconds) from error
        except ModelError:
            raise
        except Exception as error:
            raise _named(error, self.seconds) from error

    async def text(self) -> str:
        """The whole reply. Raises as ``pieces`` does."""
        return "".join([piece async for piece in self.pieces()])

    async def _stream(self, options: dict[str, Any]) -> AsyncGenerator[str, None]:
        messages = [SystemMessage(self.prompt.system), HumanMessage(self.prompt.user)]
        config = RunnableConfig(run_name=self.name, tags=["custard", "model"])
        written = 0
        self.tokens.clear()
        counted: Usage | None = None
        ended: bool | None = None
        try:
            async with aclosing(_chunks(self.model, messages, config, options)) as chunks:
                async for chunk in chunks:
                    ended = _ended(chunk, ended)
                    self.tokens += _weighed(chunk)
                    if told := chunk.usage_metadata:
                        counted = Usage(
                            input_tokens=told["input_tokens"], output_tokens=told["output_tokens"]
                        )
                    if piece := str(chunk.text):
                        written += 1
                        yield piece
            if ended is False:
                # A closed connection looks like a reply that is over, and half a query may be valid SQL.
                raise _unavailable(_BROKE_OFF)
        finally:
            # A server that counts nothing, or a reply left early: a chunk is about a token.
            counted = counted or Usage(
                input_tokens=sum(len(part) for part in self.prompt) // 4, output_tokens=written
            )
            self.usage = self.usage.plus(counted.model_copy(update={"model_calls": 1}))


def _weighed(chunk: AIMessageChunk) -> Iterator[Token]:
    """What a chunk tells of its tokens, in OpenAI's form; nothing where it has another."""
    told = chunk.response_metadata.get("logprobs")
    content = told.get("content") if isinstance(told, dict) else None
    for one in content or ():
        if isinstance(one, dict) and isinstance(logprob := one.get("logprob"), int | float):
            yield Token(str(one.get("token", "")), float(logprob))


def _ended(chunk: AIMessageChunk, before: bool | None) -> bool | None:
    """Whether the server has said that its reply is whole; None while it is not one that says so."""
    told = chunk.response_metadata
    if told.get("finish_reason"):
        return True
    return False if before is None and told.get("model_provider") == "openai" else before


async def _chunks(
    model: BaseChatModel, messages: list[Any], config: RunnableConfig, options: dict[str, Any]
) -> AsyncGenerator[AIMessageChunk, None]:
    stream = model.astream(messages, config, **options)
    try:
        async for chunk in stream:
            yield chunk
    finally:
        if closing := getattr(stream, "aclose", None):
            await closing()


def model_name(model: BaseChatModel) -> str:
    """What the model calls itself, for receipts; its class where it has no name."""
    for attribute in ("model_name", "model"):
        if isinstance(name := getattr(model, attribute, None), str) and name:
            return name
    return type(model).__name__


_REFUSED: dict[int, set[str]] = {}


def _refused_by(model: BaseChatModel) -> set[str]:
    """The options that this model's server has refused, so that it is not asked with them each time.

    By identity: chat models are not hashable.
    """
    if id(model) not in _REFUSED:
        _REFUSED[id(model)] = set()
        weakref.finalize(model, _REFUSED.pop, id(model), None)
    return _REFUSED[id(model)]


def _refused_option(error: Exception) -> str | None:
    """The optional parameter that a server answered 400 about, as OpenAI's errors name it."""
    if getattr(error, "status_code", None) not in (400, 422):
        return None
    named = getattr(error, "param", None)
    if named in _OPTIONAL:
        return str(named)
    text = str(error).lower()
    if "logprobs" in text:
        return "logprobs"  # no everyday word, and servers refuse it in many
    return next((option for option in _OPTIONAL if f"'{option}'" in text and "support" in text), None)


def _named(error: Exception, seconds: float) -> ModelError:
    """The error of ours that says the same. The server's words stay out: they may repeat the prompt."""
    status = getattr(error, "status_code", None)
    if "timeout" in type(error).__name__.lower():
        return _timed_out(seconds)
    if status in (401, 403):
        return ModelDenied(
            "The language model's server refuses our key.",
            "Check OPENAI_API_KEY (or CUSTARD_MODEL_API_KEY), then ask again.",
        )
    if status == 404:
        return ModelDenied(
            "The language model's server does not have this model.",
            "Check the model's name and base URL in the settings, then ask again.",
        )
    if status == 429:
        return ModelUnavailable(
            "The language model's server has too many requests or no credit left.",
            "Wait a minute and ask again; if it stays, look at the provider's quota.",
        )
    if status in (400, 413, 422):
        if "context" in str(error).lower() or status == 413:
            return PromptTooLong(
                "The question with its schema does not fit into the language model's context.",
                "Use a model with a longer context, or let the policy show fewer tables.",
            )
        return ModelError(
            f"The language model's server refused the request (HTTP {status}).",
            "The server's log says why; check that the model is a chat model.",
        )
    if status is not None:
        said = f"The language model's server failed (HTTP {status})."
    elif "connect" in type(error).__name__.lower():
        said = "The language model's server cannot be reached."
    else:
        said = _BROKE_OFF
    return _unavailable(said)


def _unavailable(said: str) -> ModelUnavailable:
    return ModelUnavailable(said, "Check that its server runs (`custard doctor` tests it), then ask again.")


def _timed_out(seconds: float) -> ModelTimedOut:
    return ModelTimedOut(
        f"The language model took longer than {seconds:g} s.",
        "Ask again in a moment; if it stays slow, use a smaller model or a faster server.",
    )
