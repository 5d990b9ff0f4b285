"""From text to fairseq data: the synthetic corpus, checks, cleaning, SentencePiece, data-bins, verified downloads."""
