# Own parallel text.
TEXT = config["text"]
TEXT_FILES = parallel.existing(TEXT, CORPUS)


include: "data_text_to_bin.smk"
