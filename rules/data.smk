# From text or a ready data-bin to data/manifest.json, which later stages read. The source decides the first rules.
from workflow_scripts.corpus import parallel


wildcard_constraints:
    first="[A-Za-z0-9_]+",
    second="[A-Za-z0-9_]+",


include: f"data_{RUN.config['data']['source']}.smk"
