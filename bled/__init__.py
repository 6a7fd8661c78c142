"""bled: pay with BOLT12 over Bluetooth LE from a device that has no internet."""
