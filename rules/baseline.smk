# The multilingual baseline: trained here, or a given checkpoint (a path, or a verified download).
include: f"baseline_{'trained' if RUN.baseline_is_trained else 'given'}.smk"
