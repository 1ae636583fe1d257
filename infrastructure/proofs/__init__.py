"""Checkpoints of the log, proofs against them, and the audit that recomputes everything."""
