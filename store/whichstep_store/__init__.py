"""The store: tables and public views in one DuckDB file, Parquet segments, and the ledger of decisions."""
