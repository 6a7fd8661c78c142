"""The one base of every error that bled reports: it carries a row of the registry of outcomes."""

from bled.codes import OUTCOMES, Code, Outcome
from bled_codec.errors import CodecError, Rule


class BledError(Exception):
    """Something that a person must be told about.

    Attributes:
        code: the row of `bled.codes.OUTCOMES`.
        detail: what happened here, one sentence, without secrets.
        rule: the codec's rule, when a peer's bytes broke one.
        tlv_type: the TLV record at fault, when one is.
    """

    def __init__(self, code: Code, *, detail: str = "", rule: Rule | None = None, tlv_type: int | None = None) -> None:
        self.code = code
        self.detail = detail
        self.rule = rule
        self.tlv_type = tlv_type
        super().__init__(code.value, detail)

    def __str__(self) -> str:
        return f"{self.code.value}: {self.detail}" if self.detail else self.code.value

    @property
    def outcome(self) -> Outcome:
        """The registry's row: exit code, sentences, whether money moved."""
        return OUTCOMES[self.code]

    @classmethod
    def from_codec(cls, code: Code, error: CodecError) -> "BledError":
        """Return the error for a codec rule that a peer broke."""
        return cls(code, detail=str(error), rule=error.rule, tlv_type=error.tlv_type)


class ConfigurationError(BledError):
    """Our own settings or files are wrong: the owner of this machine can mend it."""


class PeerError(BledError):
    """The other side broke the protocol or sent something that is not allowed."""


class Refused(BledError):
    """A rule of policy said no. Nothing was spent."""


class Unavailable(BledError):
    """Something that is needed cannot be reached just now."""
