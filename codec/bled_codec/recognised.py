"""Fields that other documents define: kept and mirrored like any unknown record, and known here by name alone.

Nothing is checked in them (bLIP 42 has its own module): their documents are drafts, or one implementation's own.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Recognised(NamedTuple):
    """Name of a field outside BOLT 12 as merged, and the document it comes from."""

    name: str
    document: str


_RECURRENCE: Final = "recurrence, open proposal 1240 for BOLT 12"
_CLN_RECURRENCE: Final = "recurrence as Core Lightning ships it"
_STATIC: Final = "static invoices, open proposal 1149 for BOLT 12"
_ACCOUNTABLE: Final = "accountable payments, open proposal 1280 for BOLT 12"
_CONTACTS: Final = "bLIP 42, contacts"

RECOGNISED: Final[Mapping[int, Recognised]] = {
    24: Recognised("offer_recurrence_compulsory", _RECURRENCE),
    25: Recognised("offer_recurrence_optional", _RECURRENCE),
    26: Recognised("offer_recurrence_base", _RECURRENCE),
    27: Recognised("offer_recurrence_paywindow", _RECURRENCE),
    29: Recognised("offer_recurrence_limit", _RECURRENCE),
    92: Recognised("invreq_recurrence_counter", _RECURRENCE),
    93: Recognised("invreq_recurrence_start", _RECURRENCE),
    94: Recognised("invreq_recurrence_cancel", _RECURRENCE),
    161: Recognised("invoice_accountable", _ACCOUNTABLE),
    177: Recognised("invoice_recurrence_basetime", _RECURRENCE),
    178: Recognised("static_invoice_message_paths", _STATIC),
    1_000_000_024: Recognised("offer_recurrence_compulsory", _CLN_RECURRENCE),
    1_000_000_025: Recognised("offer_recurrence_optional", _CLN_RECURRENCE),
    1_000_000_026: Recognised("offer_recurrence_base", _CLN_RECURRENCE),
    1_000_000_027: Recognised("offer_recurrence_paywindow", _CLN_RECURRENCE),
    1_000_000_029: Recognised("offer_recurrence_limit", _CLN_RECURRENCE),
    2_000_000_092: Recognised("invreq_recurrence_counter", _CLN_RECURRENCE),
    2_000_000_093: Recognised("invreq_recurrence_start", _CLN_RECURRENCE),
    2_000_000_094: Recognised("invreq_recurrence_cancel", _CLN_RECURRENCE),
    2_000_001_729: Recognised("invreq_contact_secret", _CONTACTS),
    2_000_001_731: Recognised("invreq_payer_offer", _CONTACTS),
    2_000_001_733: Recognised("invreq_payer_bip_353_name", _CONTACTS),
    2_000_001_735: Recognised("invreq_payer_bip_353_signature", _CONTACTS),
    3_000_000_177: Recognised("invoice_recurrence_basetime", _CLN_RECURRENCE),
}
"""By TLV type. An even one still makes a reader refuse the message: BOLT 1 has it so for types not yet in force."""
