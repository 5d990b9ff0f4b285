# From text or a ready data-bin to data/manifest.json, which training depends on, and to test sets, which it does not.
from workflow_scripts.corpus import parallel
from workflow_scripts.direction import Direction

DATA = RUN.data


wildcard_constraints:
    first="[A-Za-z0-9_]+",
    second="[A-Za-z0-9_]+",


include: f"data_{DATA.form}.smk"
