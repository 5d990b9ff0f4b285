"""Translating without fairseq: the small model of one direction, and CTranslate2 as its engine."""
