"""One registry of outcomes and failpoints (interfaces: every refusal, error and result maps to a row here)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from bled.failpoint_names import Failpoint as Failpoint  # noqa: PLC0414 - told on, for everybody who arms one

EXIT_OK: Final = 0
EXIT_USAGE: Final = 64
EXIT_DATA: Final = 65
EXIT_UNAVAILABLE: Final = 69
EXIT_INTERNAL: Final = 70
EXIT_TEMPORARY: Final = 75
EXIT_REFUSED: Final = 77
EXIT_CONFIG: Final = 78
EXIT_INTERRUPTED: Final = 130


class MoneyMoved(Enum):
    """Whether value left the buyer, as far as the one who reports can know."""

    NO = "no"
    UNKNOWN = "unknown"
    YES = "yes"


class Code(StrEnum):
    """Name of an outcome: stable, shown in `--json`, last part of the problem type."""

    # Results
    PAID = "paid"
    CANCELLED = "cancelled"
    OUTCOME_UNKNOWN = "outcome-unknown"
    PAYMENT_FAILED = "payment-failed"
    NOT_CONFIRMED = "not-confirmed"
    PAID_UNPROVEN = "paid-unproven"

    # What home refuses (bled/home/policy.py); verified before anything is written
    BAD_INVOICE = "bad-invoice"
    PAYER_ID_NOT_ISSUED = "payer-id-not-issued"
    WRONG_PATH = "wrong-path"
    REQUEST_SIGNATURE_ABSENT = "request-signature-absent"
    REQUEST_SIGNATURE_INVALID = "request-signature-invalid"
    AMOUNT_MISMATCH = "amount-mismatch"
    PAYEE_MISMATCH = "payee-mismatch"
    REQUEST_EXPIRED = "request-expired"
    REQUEST_WITHOUT_EXPIRY = "request-without-expiry"
    INVOICE_EXPIRED = "invoice-expired"
    INVOICE_NOT_YET = "invoice-not-yet"
    TOO_LATE_TO_PAY = "too-late-to-pay"
    WRONG_CHAIN = "wrong-chain"
    REVOKED = "revoked"
    GRANT_EXPIRED = "grant-expired"
    GRANT_NOT_YET_VALID = "grant-not-yet-valid"
    PAYER_ID_USED = "payer-id-used"
    PAYMENT_HASH_USED = "payment-hash-used"
    OVER_BUDGET = "over-budget"
    OVER_PAYMENT_LIMIT = "over-payment-limit"
    OVER_DAILY_LIMIT = "over-daily-limit"
    TOO_MANY_PAYMENTS = "too-many-payments"
    FEE_TOO_HIGH = "fee-too-high"
    CLOCK_WRONG = "clock-wrong"

    # What the buyer's device refuses
    OFFER_BAD = "offer-bad"
    OFFER_WITHOUT_EXPIRY = "offer-without-expiry"
    OFFER_EXPIRES_TOO_SOON = "offer-expires-too-soon"
    OFFER_EXPIRES_TOO_LATE = "offer-expires-too-late"
    OFFER_CURRENCY = "offer-currency"
    OFFER_NOT_FIXED = "offer-not-fixed"
    BUYER_DECLINED = "buyer-declined"
    NOT_APPROVED_IN_TIME = "not-approved-in-time"
    NO_GRANT_LEFT = "no-grant-left"
    PROOF_MISMATCH = "proof-mismatch"

    # Grant books
    BOOK_DAMAGED = "book-damaged"
    BOOK_VERSION = "book-version"
    BOOK_SIGNATURE = "book-signature"
    BOOK_CHAIN = "book-chain"
    BOOK_ALREADY_IMPORTED = "book-already-imported"
    BOOK_EXPIRED = "book-expired"
    BOOK_OTHER_HOME = "book-other-home"
    BOOK_KEYS_ELSEWHERE = "book-keys-elsewhere"
    BOOK_FRAMES_MIXED = "book-frames-mixed"
    BOOK_FRAMES_MISSING = "book-frames-missing"
    BOOK_UNKNOWN = "book-unknown"
    BOOK_NEWER_HERE = "book-newer-here"
    BOOK_REQUEST_DAMAGED = "book-request-damaged"
    BOOK_PASSPHRASE = "book-passphrase"  # noqa: S105 (a name, not a secret)

    # The till
    REQUEST_BAD = "request-bad"
    REQUEST_MISMATCH = "request-mismatch"
    SALE_EXPIRED = "sale-expired"
    SALE_OPEN = "sale-open"
    NO_RATE = "no-rate"
    NO_BUYER = "no-buyer"
    BUYER_LEFT = "buyer-left"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund-failed"
    REFUND_UNKNOWN = "refund-unknown"
    REFUND_REFUSED = "refund-refused"
    REFUND_BY_HAND = "refund-by-hand"

    # The radio
    FRAMING = "framing"
    MESSAGE_UNKNOWN = "message-unknown"
    MESSAGE_TOO_LARGE = "message-too-large"
    BAD_STATE = "bad-state"
    LINK_LOST = "link-lost"
    PEER_TIMEOUT = "peer-timeout"
    RADIO_UNAVAILABLE = "radio-unavailable"

    # The secure channel
    HANDSHAKE_MALFORMED = "handshake-malformed"
    HANDSHAKE_FAILED = "handshake-failed"
    HANDSHAKE_WEAK_KEY = "handshake-weak-key"
    HANDSHAKE_VERSION = "handshake-version"
    HANDSHAKE_FEATURES = "handshake-features"
    COMMITMENT_BROKEN = "commitment-broken"
    READER_MISMATCH = "reader-mismatch"
    CHANNEL_BROKEN = "channel-broken"
    ENGAGEMENT_BAD = "engagement-bad"
    ENGAGEMENT_EXPIRED = "engagement-expired"
    ENGAGEMENT_NOT_SEEN = "engagement-not-seen"
    ENGAGEMENTS_DIFFER = "engagements-differ"
    PICTURE_BAD = "picture-bad"
    OPEN_TRIES_SPENT = "open-tries-spent"
    CODE_NEEDS_TAP = "code-needs-tap"
    SALE_CODES_SPENT = "sale-codes-spent"
    CODES_DIFFER = "codes-differ"

    # Lightning nodes
    NODE_UNREACHABLE = "node-unreachable"
    NODE_TLS = "node-tls"
    NODE_DIED = "node-died"
    NODE_REFUSED = "node-refused"
    NODE_PROTOCOL = "node-protocol"

    # This machine
    CONFIG_BAD = "config-bad"
    STORE_LOCKED = "store-locked"
    STORE_BROKEN = "store-broken"
    STORE_UNREACHABLE = "store-unreachable"
    STORE_VERSION = "store-version"
    USAGE = "usage"
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"
    EXTRA_MISSING = "extra-missing"
    HOME_UNREACHABLE = "home-unreachable"
    HOME_REFUSED = "home-refused"
    INTERNAL = "internal"
    FAILPOINT = "failpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One row. Sentences are whole, plain, and say what to do; `air` is the ERROR code of gatt_profile.md."""

    code: Code
    exit_code: int
    cashier: str
    buyer: str
    money_moved: MoneyMoved
    safe_to_retry: bool
    air: int | None

    @property
    def problem_type(self) -> str:
        """The `type` of an RFC 9457 problem document."""
        return f"urn:bled:problem:{self.code.value}"


def _row(
    code: Code,
    exit_code: int,
    cashier: str,
    buyer: str,
    *,
    moved: MoneyMoved = MoneyMoved.NO,
    retry: bool = False,
    air: int | None = None,
) -> Outcome:
    return Outcome(
        code=code,
        exit_code=exit_code,
        cashier=cashier,
        buyer=buyer,
        money_moved=moved,
        safe_to_retry=retry,
        air=air,
    )


_HOME_CASHIER: Final = "The buyer's node did not pay. Cancel the sale and ask for another way to pay."


def _refusal(code: Code, buyer: str) -> Outcome:
    return _row(code, EXIT_REFUSED, _HOME_CASHIER, buyer)


_ROWS: Final = (
    _row(Code.PAID, EXIT_OK, "Paid.", "Paid.", moved=MoneyMoved.YES),
    _row(Code.CANCELLED, EXIT_TEMPORARY, "Cancelled; nothing can be paid any more.", "The sale was cancelled. You paid nothing.", retry=True),
    _row(Code.OUTCOME_UNKNOWN, EXIT_TEMPORARY, "Not known yet whether it was paid. Run `bled merchant resume` before you charge again.", "Not known yet whether it was paid. Your home node knows (`bled home decisions` there): look before you pay again.", moved=MoneyMoved.UNKNOWN),
    _row(Code.PAYMENT_FAILED, EXIT_TEMPORARY, "The payment failed; nothing was received. Start the sale again.", "Your node could not pay. Nothing was spent.", retry=True, air=0x000B),
    _row(Code.NOT_CONFIRMED, EXIT_TEMPORARY, "Not paid.", "The till says that nothing was paid. That is its word only: ask your home node before you pay in another way.", moved=MoneyMoved.UNKNOWN),
    _row(Code.PAID_UNPROVEN, EXIT_TEMPORARY, "Paid.", "The till says that it was paid, but sent no proof. Your home node knows.", moved=MoneyMoved.UNKNOWN),
    _refusal(Code.BAD_INVOICE, "The invoice that came home breaks BOLT 12. Nothing was paid."),
    _refusal(Code.PAYER_ID_NOT_ISSUED, "The invoice names a payer id that your home never issued. Nothing was paid."),
    _refusal(Code.WRONG_PATH, "The invoice came over a path that was not made for its payer id. Nothing was paid."),
    _refusal(Code.REQUEST_SIGNATURE_ABSENT, "The invoice does not carry your device's signature. Nothing was paid."),
    _refusal(Code.REQUEST_SIGNATURE_INVALID, "The invoice is not what your device signed. Nothing was paid."),
    _refusal(Code.AMOUNT_MISMATCH, "The invoice asks for another amount than your device signed. Nothing was paid."),
    _refusal(Code.PAYEE_MISMATCH, "The invoice is by another node than the one in the signed offer. Nothing was paid."),
    _refusal(Code.REQUEST_EXPIRED, "The invoice came after the expiry that your device signed. Nothing was paid."),
    _refusal(Code.REQUEST_WITHOUT_EXPIRY, "The signed request has no near expiry. Nothing was paid."),
    _refusal(Code.INVOICE_EXPIRED, "The invoice had expired when it came. Nothing was paid."),
    _refusal(Code.INVOICE_NOT_YET, "The invoice says that it was made minutes from now. Nothing was paid. A clock is wrong."),
    _refusal(Code.TOO_LATE_TO_PAY, "Too little time was left to pay safely. Nothing was paid."),
    _refusal(Code.WRONG_CHAIN, "The invoice is for another chain. Nothing was paid."),
    _refusal(Code.REVOKED, "This payer id or its book was revoked. Nothing was paid."),
    _refusal(Code.GRANT_EXPIRED, "The payer id's time had run out. Nothing was paid."),
    _refusal(Code.GRANT_NOT_YET_VALID, "The payer id's time has not begun. Nothing was paid."),
    _refusal(Code.PAYER_ID_USED, "This payer id has been used already; each pays once. Nothing more was paid."),
    _refusal(Code.PAYMENT_HASH_USED, "An invoice with this payment hash was paid already. Nothing more was paid."),
    _refusal(Code.OVER_BUDGET, "The budget of this book does not cover the payment. Nothing was paid."),
    _refusal(Code.OVER_PAYMENT_LIMIT, "The amount is above the limit for one payment. Nothing was paid."),
    _refusal(Code.OVER_DAILY_LIMIT, "The limit for one day does not cover the payment. Nothing was paid."),
    _refusal(Code.TOO_MANY_PAYMENTS, "This book has made as many payments as it may. Nothing was paid."),
    _refusal(Code.FEE_TOO_HIGH, "The payee's path asks for more fees than the book allows. Nothing was paid."),
    _refusal(Code.CLOCK_WRONG, "Home's clock went back or nothing keeps it in step, so it cannot tell what has expired. Nothing was paid. Set its clock."),
    _row(Code.OFFER_BAD, EXIT_DATA, "The buyer's device refused the offer as malformed.", "The till sent an offer that breaks BOLT 12. You signed nothing.", air=0x0006),
    _row(Code.OFFER_WITHOUT_EXPIRY, EXIT_REFUSED, "The offer has no expiry; make one that ends in five minutes.", "The till's offer never expires, so it could be charged weeks later. You signed nothing.", air=0x0006),
    _row(Code.OFFER_EXPIRES_TOO_SOON, EXIT_REFUSED, "The offer had too little time left. Make a new one.", "The till's offer has too little time left. You signed nothing.", retry=True, air=0x0007),
    _row(Code.OFFER_EXPIRES_TOO_LATE, EXIT_REFUSED, "The offer lives too long; it must end within ten minutes.", "The till's offer stays open too long. You signed nothing.", air=0x0006),
    _row(Code.OFFER_CURRENCY, EXIT_REFUSED, "The offer's amount is not in millisatoshi; the buyer cannot check a rate.", "The till's offer is in a currency that your device cannot check. You signed nothing.", air=0x0006),
    _row(Code.OFFER_NOT_FIXED, EXIT_REFUSED, "The offer has no fixed amount; a sale needs one.", "The till's offer has no fixed amount. You signed nothing.", air=0x0006),
    _row(Code.BUYER_DECLINED, EXIT_REFUSED, "The buyer declined.", "You declined. You signed nothing.", retry=True),
    _row(Code.NOT_APPROVED_IN_TIME, EXIT_TEMPORARY, "The buyer did not decide in time. Start the sale again.", "You did not answer in time. You signed nothing.", retry=True),
    _row(Code.NO_GRANT_LEFT, EXIT_REFUSED, "The buyer's device declined. Ask for another way to pay.", "No payer id is left for this amount. Go home and issue a new book."),
    _row(Code.PROOF_MISMATCH, EXIT_DATA, "The receipt that was sent does not prove the payment.", "The till says paid, but its proof does not match. Ask your home node.", moved=MoneyMoved.UNKNOWN),
    _row(Code.BOOK_DAMAGED, EXIT_DATA, "", "The grant book is damaged. Copy it again from home."),
    _row(Code.BOOK_VERSION, EXIT_DATA, "", "The grant book has a version that this program does not know. Update bled."),
    _row(Code.BOOK_SIGNATURE, EXIT_DATA, "", "The grant book was changed after home signed it. Do not use it."),
    _row(Code.BOOK_CHAIN, EXIT_DATA, "", "The grant book is for another chain than this device."),
    _row(Code.BOOK_ALREADY_IMPORTED, EXIT_DATA, "", "This grant book is on the device already. Nothing was changed."),
    _row(Code.BOOK_EXPIRED, EXIT_DATA, "", "The grant book's time has run out. Issue a new one at home."),
    _row(Code.BOOK_OTHER_HOME, EXIT_REFUSED, "", "The grant book is from another home than the one this device trusts."),
    _row(Code.BOOK_KEYS_ELSEWHERE, EXIT_DATA, "", "The secret keys of this grant book were made on another device. Nothing was changed."),
    _row(Code.BOOK_FRAMES_MIXED, EXIT_DATA, "", "The pictures are of different grant books. Give those of one. Nothing was changed."),
    _row(Code.BOOK_FRAMES_MISSING, EXIT_DATA, "", "Pictures of the grant book are missing. Give all of them. Nothing was changed.", retry=True),
    _row(Code.BOOK_UNKNOWN, EXIT_DATA, "", "The limits are of a book that is not on this device. Nothing was changed."),
    _row(Code.BOOK_NEWER_HERE, EXIT_DATA, "", "Newer limits of this book are on the device already. Nothing was changed."),
    _row(Code.BOOK_REQUEST_DAMAGED, EXIT_DATA, "", "The file of public keys is damaged. Copy it again from the device."),
    _row(Code.BOOK_PASSPHRASE, EXIT_DATA, "", "The passphrase does not open this grant book.", retry=True),
    _row(Code.REQUEST_BAD, EXIT_DATA, "The buyer's request breaks BOLT 12. Start the sale again.", "The till refused your device's request.", air=0x0009, retry=True),
    _row(Code.REQUEST_MISMATCH, EXIT_DATA, "The buyer's request is not for this offer. Start the sale again.", "The till says that your request is not for its offer.", air=0x0008, retry=True),
    _row(Code.SALE_EXPIRED, EXIT_TEMPORARY, "The sale's time ran out and nothing was received.", "The sale's time ran out. Nothing was paid.", retry=True, air=0x0007),
    _row(Code.SALE_OPEN, EXIT_TEMPORARY, "A sale is open already. Finish or cancel it first.", "The till is busy.", retry=True),
    _row(Code.NO_RATE, EXIT_UNAVAILABLE, "There is no fresh rate, so the price cannot be charged. Charge in satoshi, or give the rate with --rate.", "The till has no rate. Nothing was paid.", retry=True),
    _row(Code.NO_BUYER, EXIT_TEMPORARY, "No buyer's device was found. Ask the buyer to open the pay screen.", "No till came. Try again closer to it.", retry=True),
    _row(Code.BUYER_LEFT, EXIT_TEMPORARY, "The buyer's device went away before it signed. The sale was cancelled.", "The connection broke before you signed. Nothing was paid.", retry=True),
    _row(Code.REFUNDED, EXIT_OK, "Refunded.", "The till gave the money back.", moved=MoneyMoved.YES),
    _row(Code.REFUND_FAILED, EXIT_TEMPORARY, "The refund was not paid; nothing left the till's node. It may be tried again.", "The till could not give the money back.", retry=True),
    _row(Code.REFUND_UNKNOWN, EXIT_TEMPORARY, "Not known yet whether the refund was paid. Give nothing back in another way. Run the command again: it looks, and pays nothing twice.", "The till does not know yet whether it gave the money back.", moved=MoneyMoved.UNKNOWN),
    _row(Code.REFUND_REFUSED, EXIT_REFUSED, "This sale cannot be refunded like that. Nothing was paid.", "The till does not give this back."),
    _row(Code.REFUND_BY_HAND, EXIT_REFUSED, "Refund it by hand: ask the buyer for an invoice over the amount, and pay it from your node.", "The till gives money back to an invoice of yours alone."),
    _row(Code.FRAMING, EXIT_DATA, "The buyer's device sent broken frames.", "The till sent broken frames.", retry=True, air=0x0002),
    _row(Code.MESSAGE_UNKNOWN, EXIT_DATA, "The buyer's device speaks a newer protocol.", "The till speaks a newer protocol.", air=0x0003),
    _row(Code.MESSAGE_TOO_LARGE, EXIT_DATA, "The buyer's device sent too much.", "The till sent too much.", air=0x0004),
    _row(Code.BAD_STATE, EXIT_DATA, "The buyer's device spoke out of turn.", "The till spoke out of turn.", retry=True, air=0x0005),
    _row(Code.LINK_LOST, EXIT_TEMPORARY, "The radio link broke.", "The radio link broke.", retry=True),
    _row(Code.PEER_TIMEOUT, EXIT_TEMPORARY, "The buyer's device did not answer in time.", "The till did not answer in time.", retry=True),
    _row(Code.RADIO_UNAVAILABLE, EXIT_UNAVAILABLE, "The radio cannot be used. Check the adapter.", "The radio cannot be used. Check that Bluetooth is on.", retry=True),
    _row(Code.HANDSHAKE_MALFORMED, EXIT_DATA, "The buyer's device sent a broken handshake.", "The till sent a broken handshake. Your device told it nothing.", retry=True),
    _row(Code.HANDSHAKE_FAILED, EXIT_DATA, "No private connection came about: the buyer's device read another code, or somebody is in between.", "No private connection came about: this is not the till whose code you read, or somebody is in between. Your device told it nothing.", retry=True),
    _row(Code.HANDSHAKE_WEAK_KEY, EXIT_DATA, "The buyer's device sent a key that hides nothing.", "The till sent a key that hides nothing. Your device told it nothing.", retry=True),
    _row(Code.HANDSHAKE_VERSION, EXIT_DATA, "The buyer's device and this till share no version of the protocol. Update bled.", "The till and this device share no version of the protocol. Update bled. Your device told it nothing."),
    _row(Code.HANDSHAKE_FEATURES, EXIT_DATA, "The buyer's device lacks something that this till needs. Update bled.", "The till lacks something that your device needs. Your device told it nothing."),
    _row(Code.COMMITMENT_BROKEN, EXIT_DATA, "The buyer's device says that this till broke its word in the handshake.", "The till broke its word in the handshake: somebody may be in between. Your device told it nothing."),
    _row(Code.READER_MISMATCH, EXIT_DATA, "The buyer's device expected another till.", "This is another till than the one that you chose. Your device told it nothing."),
    _row(Code.CHANNEL_BROKEN, EXIT_DATA, "A message of the buyer's device was changed or lost on the way.", "A message of the till was changed or lost on the way.", retry=True, air=0x0002),
    _row(Code.ENGAGEMENT_BAD, EXIT_DATA, "The text is no code of a till.", "The text is no code of a till. Read it again from the till's screen.", retry=True),
    _row(Code.ENGAGEMENT_EXPIRED, EXIT_REFUSED, "The code on the screen is used or too old. Show a new one.", "The till's code is used or too old. Read a new one from its screen.", retry=True),
    _row(Code.ENGAGEMENT_NOT_SEEN, EXIT_DATA, "", "No code of a till can be seen. Take the picture nearer, or paste the text below the code.", retry=True),
    _row(Code.ENGAGEMENTS_DIFFER, EXIT_DATA, "", "More than one till's code can be seen. Show your device the one that you pay at.", retry=True),
    _row(Code.PICTURE_BAD, EXIT_DATA, "", "The picture cannot be read. Take another one, as PNG or JPEG.", retry=True),
    _row(Code.OPEN_TRIES_SPENT, EXIT_REFUSED, "The buyer's device waits before it compares codes again. Show it a QR code.", "Three tries without the till's QR code were made in ten minutes. Read the QR code, or wait."),
    _row(Code.CODE_NEEDS_TAP, EXIT_REFUSED, "This sale has shown a code already. Tap for another, or show the QR code.", "The till has shown a code already. The cashier must allow another."),
    _row(Code.SALE_CODES_SPENT, EXIT_REFUSED, "This sale has shown three codes. Show the QR code, or start the sale again.", "The till shows no more codes for this sale. Read its QR code."),
    _row(Code.CODES_DIFFER, EXIT_REFUSED, "The two codes differ: somebody may be in between. Show the QR code.", "The two codes differ: somebody may be in between. You signed nothing. Read the till's QR code."),
    _row(Code.NODE_UNREACHABLE, EXIT_UNAVAILABLE, "The node cannot be reached. Check that it runs and its address. Nothing was charged.", "The till's node cannot be reached. Nothing was paid.", retry=True, air=0x000C),
    _row(Code.NODE_TLS, EXIT_CONFIG, "The node's certificate or ours was refused. Copy the node's certificate files again.", "The till's node cannot be reached. Nothing was paid.", air=0x000C),
    _row(Code.NODE_DIED, EXIT_TEMPORARY, "The node stopped answering in the middle of the sale. Run `bled merchant resume` when it is back.", "The till's node stopped answering. Your home node knows whether it paid.", moved=MoneyMoved.UNKNOWN, air=0x000C),
    _row(Code.NODE_REFUSED, EXIT_UNAVAILABLE, "The node refused the call.", "The till's node refused the sale. Nothing was paid.", air=0x000C),
    _row(Code.NODE_PROTOCOL, EXIT_UNAVAILABLE, "The node answered something that bled does not understand.", "The till's node cannot be used.", air=0x000C),
    _row(Code.CONFIG_BAD, EXIT_CONFIG, "A setting or file is wrong or missing.", "A setting or file is wrong or missing."),
    _row(Code.STORE_LOCKED, EXIT_TEMPORARY, "Another bled process has the ledger open: a sale is under way here. Try again when it has ended.", "Another bled process has the vault open: a payment is under way here. Try again when it has ended.", retry=True),
    _row(Code.STORE_BROKEN, EXIT_INTERNAL, "The ledger cannot be read or written. Check the disk.", "The vault cannot be read or written. Check the disk."),
    _row(Code.STORE_UNREACHABLE, EXIT_UNAVAILABLE, "The database does not answer. Check that it runs, and its address.", "Home's database does not answer. Check that PostgreSQL runs, and its address.", retry=True),
    _row(Code.STORE_VERSION, EXIT_CONFIG, "The ledger was written by another version of bled.", "The vault was written by another version of bled."),
    _row(Code.USAGE, EXIT_USAGE, "The command was not understood.", "The command was not understood."),
    _row(Code.INTERRUPTED, EXIT_INTERRUPTED, "Stopped. `bled merchant resume` tells how the sale ended, and closes it.", "Stopped. `bled buyer history` shows whether anything was signed.", moved=MoneyMoved.UNKNOWN),
    _row(Code.STOPPED, EXIT_INTERRUPTED, "Stopped. The sale is closed: nothing was paid, and nothing can be paid any more.", "The till was stopped. You paid nothing.", retry=True),
    _row(Code.EXTRA_MISSING, EXIT_CONFIG, "A package that this command needs is not installed.", "A package that this command needs is not installed."),
    _row(Code.HOME_UNREACHABLE, EXIT_UNAVAILABLE, "", "The home node does not answer. Check that lightningd runs, and the path of its lightning-rpc.", retry=True),
    _row(Code.HOME_REFUSED, EXIT_DATA, "", "Home did not do it. Nothing was changed."),
    _row(Code.INTERNAL, EXIT_INTERNAL, "A defect in bled. Please report it.", "A defect in bled. Please report it.", moved=MoneyMoved.UNKNOWN, air=0x000E),
    _row(Code.FAILPOINT, EXIT_INTERNAL, "A test made this step fail.", "A test made this step fail.", moved=MoneyMoved.UNKNOWN),
)  # fmt: skip

OUTCOMES: Final[Mapping[Code, Outcome]] = {row.code: row for row in _ROWS}
