"""How a node makes an offer out of the parameters of `offer`, with stock Core Lightning's refusals. Pure."""

import json
import re
from decimal import Decimal
from typing import Final

from bled.sandbox.books_rows import OfferArgs
from bled.sandbox.rpc_error import INVALID_PARAMS, OFFER_EXISTS, RpcError, bad_parameter
from bled_codec.blinded_path import BlindedPath
from bled_codec.bolt12_string import OFFER_PREFIX, format_string
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.fields import Field, encode_fields
from bled_codec.tlv import TlvRecord, join_records
from bled_codec.units import Point

_MSAT_PER_UNIT: Final = {"": 1, "msat": 1, "sat": 1_000, "btc": 100_000_000_000}
_AMOUNT: Final = re.compile(r"(?P<number>[0-9]{1,20}(?:\.[0-9]{1,11}(?=btc))?)(?P<unit>msat|sat|btc|)", re.ASCII)
_CURRENCY_AMOUNT: Final = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,9})?[A-Z]{3}", re.ASCII)
_LARGEST: Final = 2**64 - 1
_AMOUNT_WANTED: Final = "should be 'any', msatoshis or <amount>[.<amount>]<ISO-4217>"
_DESCRIPTION_WANTED: Final = "description is required for the user to know what it was they paid for"
_UNKNOWN_COMMAND: Final = -32601


def parse_amount(text: str) -> int | None:
    """Return an amount in millisatoshi, None for `any`.

    Raises `RpcError` for anything else. An amount in a currency is refused as by a node without a plugin for rates.
    """
    if text == "any":
        return None
    if _CURRENCY_AMOUNT.fullmatch(text):
        raise RpcError(_UNKNOWN_COMMAND, "Unknown command 'currencyconvert'")
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise _bad_amount(text)
    amount = Decimal(found["number"]) * _MSAT_PER_UNIT[found["unit"]]
    if amount > _LARGEST:
        raise _bad_amount(text)
    return int(amount)


def _bad_amount(text: str) -> RpcError:
    return bad_parameter("amount", _AMOUNT_WANTED, json.dumps(text, ensure_ascii=False))


def offer_records(args: OfferArgs, *, node_id: Point, chain: bytes) -> tuple[TlvRecord, ...]:
    """Return the records of the offer that `args` describe, before any path. Raises `RpcError`."""
    amount = parse_amount(args.amount)
    if amount is not None and args.description is None:
        raise bad_parameter("description", _DESCRIPTION_WANTED, parameters(args))
    fields = {
        "offer_chains": None if chain == BITCOIN_CHAIN else (chain,),
        "offer_amount": amount,
        "offer_description": args.description,
        "offer_absolute_expiry": args.absolute_expiry,
        "offer_issuer": args.issuer,
        "offer_quantity_max": args.quantity_max,
        "offer_issuer_id": node_id,
    }
    return encode_fields(fields)


def check_offer(records: tuple[TlvRecord, ...]) -> None:
    """Raise `RpcError` for an offer that the node's own reader would refuse."""
    if any(record.type == Field.OFFER_AMOUNT and not record.value for record in records):
        string = json.dumps(format_string(OFFER_PREFIX, join_records(records)))
        raise bad_parameter("bolt12", "Offer contains a zero amount", string)


def with_path(records: tuple[TlvRecord, ...], path: BlindedPath) -> tuple[TlvRecord, ...]:
    """Return the records of the same offer with `path` in it."""
    return encode_fields({"offer_paths": (path,)}, records)


def parameters(args: OfferArgs) -> str:
    """Return the parameters as the node repeats them in an error: JSON without spaces, by name."""
    values = {
        "absolute_expiry": args.absolute_expiry,
        "amount": args.amount,
        "description": args.description,
        "issuer": args.issuer,
        "label": args.label,
        "quantity_max": args.quantity_max,
        "single_use": args.single_use,
    }
    given = {name: value for name, value in values.items() if value is not None}
    return json.dumps(given, separators=(",", ":"), ensure_ascii=False)


def already_exists() -> RpcError:
    """Return the error for the terms of an offer that was closed."""
    return RpcError(OFFER_EXISTS, "Already exists, but isn't active")


def unusable_secret_request(*, both: bool) -> RpcError:
    """Return the error for `makesecret` with both of its parameters, or neither."""
    return RpcError(INVALID_PARAMS, "Cannot have both hex and string" if both else "Must have either hex or string")
