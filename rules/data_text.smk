# Own parallel text.
TEXT = config["data"]["text"]["folder"]
TEXT_FILES = parallel.existing(TEXT, CORPUS)


include: "data_text_to_bin.smk"
