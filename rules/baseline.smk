# The multilingual baseline: trained here, or a given checkpoint (a path, or a verified download).
include: f"baseline_{'given' if RUN.config['baseline'].get('checkpoint') else 'trained'}.smk"
