"""Beam search without fairseq: one interface, CTranslate2 behind it."""
