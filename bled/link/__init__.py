"""The radio: whole messages between a till (GATT central) and a buyer's device (GATT peripheral)."""
