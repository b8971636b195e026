"""Alembic's entry; the migrations are run by `ledger.migrate` on a connection of its own."""
