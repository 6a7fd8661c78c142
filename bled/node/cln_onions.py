"""The two onion messages that a till hands to its own node. Pure: keys are arguments."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bled_codec.blinded_path import BlindedPath, EncryptedData, create_blinded_path
from bled_codec.crypto import SecretKey
from bled_codec.errors import OnionError
from bled_codec.onion_message import OnionPayload, create_onion_message
from bled_codec.units import Point

_SMALL: Final = 1300
_LARGE: Final = 32768


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedOnion:
    """What `InjectOnionMessage` takes: the onion, and the path key with which the node opens the first layer."""

    path_key: Point
    onion: bytes


def request_onion(
    node_id: Point,
    request: bytes,
    *,
    reply_path: BlindedPath,
    path_session: SecretKey,
    onion_session: SecretKey,
    path_id: bytes | None = None,
) -> InjectedOnion:
    """Return the message that asks the node itself to answer `request` over `reply_path`.

    Even a message to oneself goes to a blinded id. `path_id` (32 bytes) proves that it came over a path of the offer;
    for an offer without paths a node answers "Unknown offer" to a message that has one. Both session keys are fresh.
    """
    path = create_blinded_path([node_id], [EncryptedData(path_id=path_id).encode()], session_key=path_session)
    if path_id is None:  # real nodes were asked without any encrypted data
        path = replace(path, hops=(replace(path.hops[0], encrypted_recipient_data=b""),))
    return wrap_along(path, OnionPayload(reply_path=reply_path, invoice_request=request), onion_session)


def invoice_onion(
    node_id: Point,
    invoice: bytes,
    *,
    path: BlindedPath,
    path_session: SecretKey,
    onion_session: SecretKey,
    reply_path: BlindedPath | None = None,
) -> InjectedOnion:
    """Return the message that takes `invoice` along `path`, which begins at a connected peer or at the node itself.

    `reply_path` is where a refusal goes; a till gives none. Both session keys are fresh. Raises `ValueError` when only
    a channel names the introduction.
    """
    payload = OnionPayload(invoice=invoice, reply_path=reply_path)
    return _along(node_id, path, payload, path_session, onion_session)


def empty_onion(
    node_id: Point, *, path: BlindedPath, path_session: SecretKey, onion_session: SecretKey
) -> InjectedOnion:
    """Return a message along `path` with nothing in it: what arrives is the path's own secret.

    Both session keys are fresh. Raises `ValueError` when only a channel names the introduction.
    """
    return _along(node_id, path, OnionPayload(), path_session, onion_session)


def _along(
    node_id: Point, path: BlindedPath, payload: OnionPayload, path_session: SecretKey, onion_session: SecretKey
) -> InjectedOnion:
    introduction = path.introduction
    if introduction is None:
        raise ValueError("the introduction is not named by its key")
    if introduction != node_id:
        path = _through_own_node(node_id, introduction, path, path_session)
    return wrap_along(path, payload, onion_session)


def round_trip_onion(
    node_id: Point,
    request: bytes,
    *,
    through: Sequence[Point],
    path_id: bytes | None,
    path_sessions: tuple[SecretKey, SecretKey],
    onion_session: SecretKey,
) -> InjectedOnion:
    """Return a message with `request` that leaves the node, passes `through` peers and comes back to it.

    Its answer goes to the node itself. `path_id` as in `request_onion`; all session keys are fresh.
    """
    nodes = [node_id, *through, node_id] if through else [node_id]
    data = [EncryptedData(next_node_id=following) for following in nodes[1:]] + [EncryptedData(path_id=path_id)]
    path = create_blinded_path(nodes, [part.encode() for part in data], session_key=path_sessions[0])
    back = create_blinded_path([node_id], [EncryptedData(path_id=bytes(32)).encode()], session_key=path_sessions[1])
    return wrap_along(path, OnionPayload(reply_path=back, invoice_request=request), onion_session)


def _through_own_node(node_id: Point, introduction: Point, path: BlindedPath, session: SecretKey) -> BlindedPath:
    own = EncryptedData(next_node_id=introduction, next_path_key_override=path.first_path_key)
    first = create_blinded_path([node_id], [own.encode()], session_key=session)
    return BlindedPath(first_node_id=node_id, first_path_key=first.first_path_key, hops=(*first.hops, *path.hops))


def wrap_along(path: BlindedPath, payload: OnionPayload, session: SecretKey) -> InjectedOnion:
    """Return the message with `payload` along a path that begins at the node itself; `session` is fresh."""
    try:
        onion = create_onion_message(path, payload, session_key=session, size=_SMALL)
    except OnionError:
        onion = create_onion_message(path, payload, session_key=session, size=_LARGE)
    return InjectedOnion(path_key=path.first_path_key, onion=onion)
