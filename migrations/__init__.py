"""Plain SQL, NNNN_name.sql, applied in order and never edited after release."""
