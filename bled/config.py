"""Settings of this machine: files, then the environment, then the flags of the command, the later above the earlier.

Files are TOML with flat keys: `/etc/bled/bled.toml`, then `bled/bled.toml` of the user's configuration folder (XDG).
In the environment a key is upper case after `BLED_`. A key that is not a setting is refused, wherever it stands: a
mistyped limit must not turn into the default.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from bled.codes import Code
from bled.errors import ConfigurationError
from bled_codec.chains import CHAIN_NAMES
from bled_codec.units import Msat

SYSTEM_FILE: Final = Path("/etc/bled/bled.toml")
"""Settings for every user of this machine; a package or its administrator owns it."""

_PREFIX: Final = "BLED_"
_NOT_SETTINGS: Final = frozenset({"BLED_FAILPOINT"})
"""Variables of ours that are no settings: they arm a test, and no file may do so."""


class ChainName(StrEnum):
    """Networks by the names that Core Lightning uses."""

    BITCOIN = "bitcoin"
    TESTNET = "testnet"
    SIGNET = "signet"
    REGTEST = "regtest"


def _only_whole_numbers(value: object) -> object:
    """Refuse `true` and `1.0`, which would pass for 1: an amount of money is a whole number."""
    if isinstance(value, bool | float):
        raise ValueError("must be a whole number of millisatoshi")  # noqa: TRY004 (what pydantic wants of a validator)
    return value


def _without_spaces(value: str) -> str:
    if not value or any(character.isspace() for character in value):
        raise ValueError("must not be empty or contain spaces")
    return value


def _credentials_of_systemd() -> Path | None:
    """Return where `LoadCredential=` put its files, which only this service can read."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(folder) if folder else None


Text = Annotated[str, AfterValidator(_without_spaces)]
Folder = Annotated[Path, AfterValidator(Path.expanduser)]
"""A path; `~` is the user's home. A relative one counts from where the command was started."""


class Settings(BaseSettings):
    """Everything that can be set today. `load_settings` makes it and says what is wrong."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        validate_default=True,
    )

    data_dir: Folder = Field(default_factory=lambda: platformdirs.user_data_path("bled"))
    """Folder of what must not be lost: the buyer's vault, the till's ledger of sales."""

    chain: ChainName = ChainName.BITCOIN
    """Chain of the coins. Everything for another one is refused."""

    radio: Text | None = None
    """Radio to use, such as `virtual:ADDRESS`; see `bled.link.radio`."""

    node: Text | None = None
    """Address of the merchant's node's gRPC: HOST:PORT or cln://HOST:PORT, lnd://HOST:PORT for LND."""

    credentials: Folder | None = Field(default_factory=_credentials_of_systemd)
    """Folder with the node's ca.pem, client.pem and client-key.pem, or LND's tls.cert and bled.macaroon.

    Under systemd what `LoadCredential=` brought.
    """

    lnd_tls_cert: Folder | None = None
    """LND's tls.cert, when it does not lie in `credentials`."""

    lnd_macaroon: Folder | None = None
    """The till's macaroon for LND, when it does not lie in `credentials`."""

    lightning_rpc: Folder | None = None
    """The home node's unix socket `lightning-rpc`."""

    database: SecretStr | None = None
    """PostgreSQL database of a home with workers, `postgresql://...`; it may hold a password."""

    rate_url: Text | None = None
    """Where a till gets rates: an https address with `{currency}` in it that answers JSON. None: from the cashier."""

    rate_field: Text = "data.amount"
    """Where in that answer the price of one bitcoin is: names and list positions, with points between."""

    rate_max_age_seconds: Annotated[int, Field(ge=1, le=3600)] = 300
    """Age at which a rate is not used any more."""

    tip: Text | None = None
    """What a till lets buyers add to a price: a share as `15%`, an amount as `500sat`, or `none`."""

    auto_approve_below_msat: Annotated[Msat, BeforeValidator(_only_whole_numbers)] = Field(default=Msat(0), ge=0)
    """Purchases of less than this are approved without asking, in millisatoshi. 0 asks always."""

    allow_refund: bool = False
    """Requests of the buyer's device carry a refund offer: tills can give money back to home by themselves."""

    @property
    def chain_hash(self) -> bytes:
        """The chain's hash as BOLT 12 messages carry it, 32 bytes."""
        return CHAIN_NAMES[self.chain.value]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (pydantic-settings calls it with these names)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (as above)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Name the sources, the strongest first. pydantic-settings merges them."""
        files = tuple(TomlConfigSettingsSource(settings_cls, path) for path in reversed(settings_files()))
        return (init_settings, env_settings, *files)


def settings_files() -> tuple[Path, ...]:
    """Return where settings may stand, the weakest first, whether the files exist or not."""
    return (SYSTEM_FILE, platformdirs.user_config_path("bled") / "bled.toml")


def load_settings(flags: Mapping[str, object] | None = None) -> Settings:
    """Return the settings of this machine with `flags` above them; a flag that is `None` was not given.

    Raises `ConfigurationError` (`CONFIG_BAD`) that names the file or variable and the key, and what is wrong.
    """
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    files = {path: _read(path) for path in settings_files()}
    problems = [f"{name}: {_unknown(name[len(_PREFIX) :].lower())}" for name in _unknown_variables()]
    settings: Settings | None = None
    try:
        settings = Settings(**given)  # type: ignore[arg-type]  # values of the command line, checked right here
    except ValidationError as error:
        problems += [_describe(details, given, files) for details in error.errors(include_url=False)]
    if settings is None or problems:
        raise ConfigurationError(Code.CONFIG_BAD, detail="; ".join(problems))
    return settings


def _read(path: Path) -> dict[str, Any]:
    """Return the file's keys, none if it does not exist."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path}: is not TOML: {error}") from error


def _unknown_variables() -> Iterator[str]:
    known = {f"{_PREFIX}{key.upper()}" for key in Settings.model_fields} | _NOT_SETTINGS
    return (name for name in sorted(os.environ) if name.startswith(_PREFIX) and name not in known)


def _describe(details: ErrorDetails, flags: Mapping[str, object], files: Mapping[Path, Mapping[str, Any]]) -> str:
    key = str(details["loc"][0])
    what = _unknown(key) if details["type"] == "extra_forbidden" else f"{key}: {details['msg']}"
    return f"{_origin(key, flags, files)}: {what}"


def _unknown(key: str) -> str:
    near = difflib.get_close_matches(key, Settings.model_fields, n=1, cutoff=0.0)
    return f"{key} is not a setting; the nearest is {near[0]}"


def _origin(key: str, flags: Mapping[str, object], files: Mapping[Path, Mapping[str, Any]]) -> str:
    """Return what a person has to mend: the strongest source that has the key."""
    if key in flags:
        return "command line"
    variable = f"{_PREFIX}{key.upper()}"
    if os.environ.get(variable):
        return variable
    return next((str(path) for path in reversed(tuple(files)) if key in files[path]), "default")
