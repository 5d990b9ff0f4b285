# From text or a ready data-bin to data/manifest.json, which later stages read. The source decides the first rules.
from workflow_scripts.corpus import parallel

# Pairs as they lie on disk: one set of files serves both directions.
CORPUS = parallel.on_disk(DIRECTIONS, config["languages"]["pivot"])


wildcard_constraints:
    first="[^-./]+",
    second="[^-./]+",


include: f"data_{config['data']['source']}.smk"
