"""Which versions of lightningd home works with, and what it says about each."""

import pytest

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.home.version import NodeVersion


@pytest.mark.parametrize("text", ["v24.11", "v24.11.1-modded", "24.08", "v23.05rc2"])
def test_what_cannot_pay_safely_is_refused_with_a_sentence(text) -> None:
    with pytest.raises(ConfigurationError, match=f"lightningd {text} is too old.*v25.02") as caught:
        NodeVersion(text=text).check()
    assert caught.value.code is Code.CONFIG_BAD


@pytest.mark.parametrize("text", ["v25.02", "v25.02.1", "v25.12", "v26.04.3"])
def test_what_keeps_no_labels_works_and_says_what_is_missing(text) -> None:
    version = NodeVersion(text=text)
    version.check()
    assert not version.has_labels
    (sentence,) = version.lacks
    assert text in sentence
    assert "issue new books after a restore" in sentence


@pytest.mark.parametrize(
    "text", ["v26.06", "v26.06.6-sandbox", "v27.02", "v26.06-258-g090f4b0", "deadbee-modded", "", None]
)
def test_newer_and_unknown_versions_lack_nothing(text) -> None:
    version = NodeVersion(text=text)
    version.check()
    assert version.has_labels
    assert version.lacks == ()
