"""The language model that the settings name, and whether it answers."""

import time
from typing import TYPE_CHECKING

import httpx2

from api.bodies import Check
from api.errors import ModelMissing
from api.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

OPENAI_BASE_URL = "https://api.openai.com/v1"
_CHECK_SECONDS = 2.0
_CHECK_KEPT_SECONDS = 10.0


class Models:
    """Makes the model once, when the first run needs it: its library takes seconds to import."""

    def __init__(self, settings: Settings, model: "BaseChatModel | None" = None) -> None:
        """``model`` None makes the one that the settings name."""
        self._settings = settings
        self._model = model
        self._checked: tuple[float, Check] | None = None

    def model(self) -> "BaseChatModel":
        """The chat model.

        Raises:
            ModelMissing: none is configured.
        """
        if self._model is None:
            self._model = self._make()
        return self._model

    async def check(self) -> Check:
        """Whether the model's server lists its models; asked at most every 10 seconds."""
        if self._settings.model_label is None:
            return Check(ok=False, detail="no model is configured")
        now = time.monotonic()
        if self._checked is None or now - self._checked[0] > _CHECK_KEPT_SECONDS:
            self._checked = (now, await self._ask())
        return self._checked[1]

    def _make(self) -> "BaseChatModel":
        settings = self._settings
        label = settings.model_label
        if label is None:
            raise ModelMissing(
                "No model is configured.",
                "Set CUSTARD_MODEL_BASE_URL to an OpenAI-compatible server, or OPENAI_API_KEY, or use "
                "`custard demo`, which serves a local model.",
            )
        from langchain_openai import ChatOpenAI
        from pydantic import SecretStr

        # A server of one's own asks for no key, but the client insists on some text.
        key = settings.model_api_key or SecretStr("none")
        return ChatOpenAI(
            model=label,
            base_url=settings.model_base_url or OPENAI_BASE_URL,
            api_key=key,
            temperature=0,
            timeout=settings.model_timeout_seconds,
            stream_chunk_timeout=settings.model_timeout_seconds,
            stream_usage=True,
            max_retries=1,
        )

    async def _ask(self) -> Check:
        settings = self._settings
        base = (settings.model_base_url or OPENAI_BASE_URL).rstrip("/")
        headers = {}
        if settings.model_api_key is not None:
            headers["Authorization"] = f"Bearer {settings.model_api_key.get_secret_value()}"
        try:
            async with httpx2.AsyncClient(timeout=_CHECK_SECONDS) as client:
                answer = await client.get(f"{base}/models", headers=headers)
        except httpx2.HTTPError as error:
            return Check(ok=False, detail=f"the model's server does not answer ({type(error).__name__})")
        if answer.status_code >= 400:
            return Check(ok=False, detail=f"the model's server answers {answer.status_code}")
        return Check(ok=True, detail=settings.model_label or "")
