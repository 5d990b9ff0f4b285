# Own parallel text.
include: "data_text_to_bin.smk"
