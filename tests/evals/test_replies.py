from pathlib import Path

import httpx2

from evals.replies import REPLAYED_SECONDS, CachingTransport, ReplyCache


async def test_the_same_request_is_asked_once(tmp_path: Path) -> None:
    asked: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.content)
        body = b"data: half" if b"broken" in request.content else b"data: {}\n\ndata: [DONE]\n\n"
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    cache = ReplyCache(tmp_path / "replies.db")
    transport = CachingTransport(cache, httpx2.MockTransport(answer))
    noted: list[float] = []
    REPLAYED_SECONDS.set(noted)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        first = await client.post("/chat", content=b"one")
        again = await client.post("/chat", content=b"one")
        await client.post("/chat", content=b"two")
        assert first.text == again.text
        assert again.headers["content-type"] == "text/event-stream"
        assert asked == [b"one", b"two"]
        assert len(noted) == 1
        # A stream that was cut off is not kept.
        await client.post("/chat", content=b"broken")
        await client.post("/chat", content=b"broken")
        assert len(asked) == 4
    cache.close()


async def test_errors_are_not_kept(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path / "replies.db")
    transport = CachingTransport(cache, httpx2.MockTransport(lambda request: httpx2.Response(503)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert [(await client.post("/", content=b"x")).status_code for _ in range(2)] == [503, 503]
    assert cache.get("x") is None
    cache.close()
