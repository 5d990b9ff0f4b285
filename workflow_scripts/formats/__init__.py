"""Checkpoints read and written: fairseq's, the published naming, CTranslate2's, the small ones of one direction."""
