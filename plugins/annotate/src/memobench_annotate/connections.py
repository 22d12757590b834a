"""Connections that send nothing are closed: a few hundred of them would keep everybody else out."""

from __future__ import annotations

from typing import Any

SILENCE = 20.0
"""Seconds in which the head of a request must have arrived."""


def patient_protocol() -> type[Any]:
    """The protocol of a server that waits for requests, though not for ever."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Patient(H11Protocol):
        """Closes a connection that does not complete the head of a request in time."""

        _waiting: Any = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._end()
            super().connection_lost(exc)

        def _wait(self) -> None:
            """The time runs while no request is being answered, from the first byte, or from the connection, on."""
            idle = self.cycle is None or self.cycle.response_complete
            if not idle:
                self._end()
            elif self._waiting is None:
                self._waiting = self.loop.call_later(SILENCE, self._late)

        def _late(self) -> None:
            self._waiting = None
            if (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing():
                self.transport.close()

        def _end(self) -> None:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None

    return Patient
