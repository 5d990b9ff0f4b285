# Own parallel text.
TEXT = RUN.config["text"]
TEXT_FILES = parallel.existing(TEXT, list(map(str, RUN.corpora)))


include: "data_text_to_bin.smk"
