"""BOLT 12 for Python: offers, invoice requests, invoices, blinded paths and onion messages; pure, no I/O."""
