"""What goes over the radio: the GATT profile's names, frames, channel and messages. Pure: bytes in, bytes out.

The text that binds is `gatt_profile.md`.
"""
