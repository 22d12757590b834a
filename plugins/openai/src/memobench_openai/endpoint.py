"""What the judge and the generator have in common: the endpoint that they ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness import RemoteError
from harness.remote import Remote
from memobench_openai.proxies import find_proxy
from memobench_openai.replicas import Replicas
from memobench_openai.served import ServedModel
from memobench_openai.servers import describe_endpoint, replica_key


class Endpoint(Remote):
    """A component that asks an OpenAI-compatible endpoint, or several servers of the same model."""

    asks: ClassVar[str]
    """The kind of its endpoint: "chat" or "image"."""
    advice: ClassVar[Mapping[str, str]] = {
        "bad_reply": "Does base_url name an API of OpenAI's kind (most end in /v1)?",
        "too_large": "Raise the limit of the server or of the proxy in front of it, or use smaller pictures.",
    }
    _transport: Replicas

    def identity(self) -> Mapping[str, str]:
        """The endpoint's host, port and path, and the model's name: all that a client can know."""
        return {"endpoint": self.options.address.name, "model": self.options.ref}

    def contacts(self) -> Sequence[str]:
        return [describe_endpoint(self.options)]

    def secrets(self) -> Sequence[str]:
        """Those of the address, and of the proxy on the way."""
        found = list(super().secrets())
        for address in self.options.address.all:
            proxy = find_proxy(address.scheme, address.host, self.options.proxy, look_up=False)
            found += [
                *address.secrets,
                f"{address.user}:{address.password}",
                *(proxy.secrets if proxy else ()),
            ]
        return tuple(found)

    def connect(self, **settings: Any) -> None:
        """Create the client, with `settings` of a `Transport`. Sends no request yet."""
        # Imported here: the client takes a second to load, and planning a run does not need it.
        from memobench_openai.transport import Transport

        options = self.options
        self._transport = Replicas(
            [
                Transport(
                    address,
                    replica_key(options, address) if number else self.key,
                    timeout=options.timeout,
                    proxy=options.proxy,
                    **settings,
                )
                for number, address in enumerate(options.address.all)
            ],
            lambda transport: ServedModel(transport, options.ref, options.fingerprint),
            self.context.logger.info,
        )

    async def finish(self) -> None:
        await self._transport.close()

    async def models(self) -> Sequence[str]:
        """The models that the endpoint lists."""
        listed = (await self._transport.get("/models")).get("data")
        entries = listed if isinstance(listed, list) else []
        return [str(m["id"]) for m in entries if isinstance(m, dict) and "id" in m]

    async def explain(self, error: RemoteError) -> tuple[str, str]:
        if error.fatal == "path":
            message = f"{self.service} has no {self.asks} endpoint ({error.message})"
            return message, "Check base_url; most base URLs end in /v1."
        return await super().explain(error)
