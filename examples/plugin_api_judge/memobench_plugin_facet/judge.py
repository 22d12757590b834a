import base64

import httpx

from harness import AsyncJudge, Capability, JudgeReply, RemoteOptions, option
from harness.remote import Address


class Facet(AsyncJudge):
    """A model behind the JSON API of an imaginary service."""

    class Options(RemoteOptions):
        ref: str = option("facet-1", "Model name, as the service knows it.")
        base_url: Address = option(
            Address("https://api.facet.example/v1"), "Address of the service.", affects_answer=False
        )
        api_key_env: str = option(
            "FACET_API_KEY", "Name of the environment variable with the key.", affects_answer=False
        )

    capabilities = frozenset({Capability.TEXT, Capability.MULTI_IMAGE})

    def identity(self):
        return {"service": self.options.base_url.name, "model": self.options.ref}

    async def start(self):
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        # The core limits attempts in time, and how many are in flight.
        self.client = httpx.AsyncClient(
            base_url=str(self.options.base_url),
            headers=headers,
            timeout=None,
            limits=httpx.Limits(max_connections=None),
        )

    async def finish(self):
        await self.client.aclose()

    async def models(self):
        return (await self.client.get("/models")).json()["models"]

    async def ask(self, request):
        parts = [part for message in request.messages for part in message.parts]
        content = [
            part.text if part.image is None else {"picture": encoded(request.images[part.image])}
            for part in parts
        ]
        body = {"model": self.options.ref, "content": content, "max_tokens": request.sampling.max_tokens}
        response = await self.client.post("/answers", json=body)
        response.raise_for_status()
        found = response.json()
        return JudgeReply(
            request.id,
            text=found.get("answer"),
            refusal=found.get("refused"),
            usage=found.get("usage"),
            served={"model": found["model"]},
        )


def encoded(picture):
    return base64.b64encode(picture.data).decode()
