"""A file as an answer, whole or in ranges, whose errors are problems like all others."""

from contextlib import suppress
from pathlib import Path

from fastapi.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from api.errors import BadRange
from api.problem import api_problem

_BAD_RANGES = {
    400: "The Range header cannot be read.",
    416: "The file has no bytes in that range.",
}


class FileAnswer(FileResponse):
    """As its base, which leaves early, in plain text, where a range cannot be served.

    Args:
        ranges: whether parts may be asked for; otherwise the whole file is sent.
        temporary: the file is removed when it has been sent, or could not be.
    """

    def __init__(
        self, path: Path, headers: dict[str, str], media_type: str, *, ranges: bool, temporary: bool
    ) -> None:
        super().__init__(path, headers=headers, media_type=media_type)
        self._file = path
        self._ranges = ranges
        self._temporary = temporary

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused: Message | None = None

        async def unless_refused(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] in _BAD_RANGES:
                refused = message
            elif refused is None:
                await send(message)

        if not self._ranges:
            unasked = [(name, value) for name, value in scope["headers"] if name.lower() != b"range"]
            scope = {**scope, "headers": unasked}
        try:
            await super().__call__(scope, receive, unless_refused)
            if refused is not None:
                problem = api_problem(BadRange(_BAD_RANGES[refused["status"]], "Ask without a Range header."))
                # Of the refusal it says how long the file is.
                length = [pair for pair in refused["headers"] if pair[0].lower() == b"content-range"]
                problem.raw_headers.extend(length)
                await problem(scope, receive, send)
        finally:
            if self._temporary:
                with suppress(OSError):
                    self._file.unlink(missing_ok=True)
