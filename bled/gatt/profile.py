"""Names and sizes of the GATT profile (gatt_profile.md, sections 3, 4 and 13)."""

from typing import Final
from uuid import UUID

SERVICE_UUID: Final = UUID("8d5828fc-0742-4151-a3f6-08353fb7ff7b")
"""The buyer's service. Never change the table under one UUID: centrals cache it. A new table is a new UUID."""

M2B_UUID: Final = UUID("8d5828fd-0742-4151-a3f6-08353fb7ff7b")
"""Characteristic that the merchant writes, with or without response."""

B2M_UUID: Final = UUID("8d5828fe-0742-4151-a3f6-08353fb7ff7b")
"""Characteristic by which the buyer notifies. Last in the service, so that its one descriptor is found at once."""

ADVERTISEMENT: Final = bytes([2, 0x01, 0x06, 17, 0x07]) + SERVICE_UUID.bytes[::-1]
"""All that a buyer's beacon says: flags (general discoverable, no BR/EDR) and the service UUID, little endian."""

MIN_ATT_MTU: Final = 23
"""Smallest ATT_MTU of Bluetooth LE; some stacks never exchange another."""

MAX_ATT_MTU: Final = 517
"""Largest that is worth asking for: an attribute value has 512 bytes at most."""

MAX_VALUE_BYTES: Final = 512
"""Longest attribute value of the Core specification, and so the longest frame that may arrive."""

MAX_FRAGMENT_BYTES: Final = 495
"""Longest frame that we send: 495 and its headers fill two link-layer packets, 512 would need three."""

MIN_FRAGMENT_BYTES: Final = 18
"""Shortest limit for frames: what ATT_MTU 23 leaves."""

FRAGMENT_OVERHEAD_BYTES: Final = 5
"""ATT_MTU less this is the frame: some stacks cut longer notifications silently (Multiple Handle Value)."""

MAX_MESSAGE_BYTES: Final = 4096
"""Longest message before it is cut into frames."""

SURE_OFFER_BYTES: Final = 1200
"""Longest offer that everyone must accept; a sender stays at that."""

MAX_OFFER_BYTES: Final = 2048
"""Longest offer that we accept."""

SURE_REQUEST_BYTES: Final = 2500
"""Longest invoice_request that everyone must accept; a sender stays at that."""

MAX_REQUEST_BYTES: Final = 3900
"""Longest invoice_request that we accept."""

MAX_RECEIPT_TEXT_BYTES: Final = 200
"""Longest text of a STATUS, in UTF-8 bytes."""

MAX_ERROR_TEXT_BYTES: Final = 64
"""Longest text of an ERROR, in UTF-8 bytes."""

FRAME_GAP_SECONDS: Final = 2.0
"""Longest wait for the next frame of a message that has begun. There is no retransmission: the link is reliable."""

MESSAGE_SECONDS: Final = 8.0
"""Longest time from a message's first frame to its last."""

REORDER_WINDOW: Final = 16
"""How many frame numbers may be outstanding: BlueZ hosts can deliver notifications out of order."""
