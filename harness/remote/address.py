"""The address of a service that is safe to show and store: the secret parts of the URL are kept separately."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from harness.errors import BadOption

_HINT = "For example https://api.example.org/v1 or http://127.0.0.1:8000/v1."


if TYPE_CHECKING:
    from typing_extensions import Self


class Address(str):
    """A URL without user, password and query, which are attributes.

    Raises `BadOption`, which never repeats the input, for anything but an http(s) URL with a host.
    """

    user: str
    password: str
    query: str
    host: str
    port: int | None
    path: str
    endings: ClassVar[tuple[str, ...]] = ()
    """What is cut off the end of a path, for a URL that names one function of an API instead of the API."""

    def __new__(cls, text: str) -> Self:
        """Split a URL. A path that ends in one of `endings` is shortened."""
        try:
            parts = urlsplit(text.strip())
            port = parts.port
        except ValueError:
            raise BadOption("base_url is not a URL.", _HINT) from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadOption("base_url is not an http or https URL with a host.", _HINT)
        path = parts.path.rstrip("/")
        for ending in cls.endings:
            path = path.removesuffix(ending)
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        made = super().__new__(cls, f"{parts.scheme}://{host}{f':{port}' if port else ''}{path}")
        made.user, made.password = unquote(parts.username or ""), unquote(parts.password or "")
        made.query, made.host, made.port, made.path = parts.query, parts.hostname, port, path
        return made

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """As the type of an option: a text becomes an address."""
        from pydantic_core import core_schema

        def made(value: Any, inner: Callable[[Any], str]) -> Address:
            return value if isinstance(value, cls) else cls(inner(value))

        return core_schema.no_info_wrap_validator_function(made, core_schema.str_schema())

    @property
    def scheme(self) -> str:
        """http or https."""
        return self.partition("://")[0]

    @property
    def name(self) -> str:
        """Host, port and path: identifies the service in a run's record."""
        return self.partition("://")[2]

    @property
    def full(self) -> str:
        """The URL with its query. Use it only to connect."""
        return f"{self}?{self.query}" if self.query else str(self)

    @property
    def local(self) -> bool:
        """Whether the server runs on this machine."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    @property
    def secrets(self) -> tuple[str, ...]:
        """User, password and the query values, which must not be shown."""
        values = (self.user, self.password, *(value for _, value in parse_qsl(self.query)))
        return tuple(v for v in values if v)
