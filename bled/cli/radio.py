"""Which radio a command uses."""

from bled.codes import Code
from bled.errors import ConfigurationError


def chosen_radio(radio: str | None) -> str:
    """Return the radio of the settings. Raises `ConfigurationError` (`CONFIG_BAD`) when none was chosen."""
    if radio is None:
        raise ConfigurationError(
            Code.CONFIG_BAD,
            detail="no radio is configured; give --radio bluetooth, or virtual:ADDRESS (see `bled sandbox run`)",
        )
    return radio
