"""Where everything of a run lies, relative to the working folder."""

from __future__ import annotations

from dataclasses import dataclass

from workflow_scripts.direction import Direction

DEFAULT_SET = "test"
"""The name of the test set whose files lie directly below the system's folder."""
UNMASKED = "unmasked"
"""What stands in place of a donor where there are no masks."""
TEXTS = ("hyp.txt", "ref.txt", "src.txt")


@dataclass(frozen=True)
class Paths:
    """The files of the run called `run`; `{system}` and the like are passed through, so that rules can use them."""

    run: str

    @property
    def results(self) -> str:
        """All that a run makes."""
        return f"results/{self.run}"

    @property
    def logs(self) -> str:
        """What every job said."""
        return f"logs/{self.run}"

    @property
    def benchmarks(self) -> str:
        """Time and memory of every job."""
        return f"benchmarks/{self.run}"

    @property
    def record(self) -> str:
        """The configuration that the run was last made with."""
        return f"{self.results}/configuration.json"

    @property
    def manifest(self) -> str:
        """The prepared training data: train, valid and vocabulary."""
        return f"{self.results}/data/manifest.json"

    @property
    def pretrained(self) -> str:
        """The downloaded model of `transformers` that the baseline is."""
        return f"{self.results}/pretrained/files"

    @property
    def sentencepiece(self) -> str:
        """The SentencePiece model of the run's text."""
        return f"{self.results}/data/sentencepiece.model"

    @property
    def dictionary(self) -> str:
        """The dictionary of its pieces."""
        return f"{self.results}/data/dict.txt"

    @property
    def vocabulary(self) -> str:
        """What is known of a pretrained model's vocabulary."""
        return f"{self.results}/data/vocabulary.json"

    @property
    def vocabulary_changes(self) -> str:
        """What keeping only what is used of it changes in validation and test text."""
        return f"{self.results}/tables/vocabulary.csv"

    @property
    def baseline(self) -> str:
        """The multilingual baseline."""
        return f"{self.results}/baseline/checkpoint.pt"

    @property
    def baseline_curve(self) -> str:
        """The baseline's training curves."""
        return f"{self.results}/baseline/training.csv"

    def work(self, name: str) -> str:
        """The folder of a training: what an interruption must not lose."""
        return f"{self.results}/{'baseline' if name == 'baseline' else f'systems/{name}'}/run"

    def test_set(self, name: str) -> str:
        """The manifest of a test set."""
        return f"{self.results}/data/tests/{name}/manifest.json"

    def activations(self, pair: Direction | str) -> str:
        """Statistics of every neuron for one direction."""
        return f"{self.results}/activations/{pair}.parquet"

    def masks(self, system: str) -> str:
        """Which neurons each direction keeps."""
        return f"{self.results}/masks/{system}.parquet"

    def checkpoint(self, system: str) -> str:
        """The weights of a system that is trained or given."""
        return f"{self.results}/systems/{system}/checkpoint.pt"

    def curve(self, system: str) -> str:
        """The training curves of a system."""
        return f"{self.results}/systems/{system}/training.csv"

    def translations(self, system: str, test_set: str = DEFAULT_SET) -> str:
        """Folder of a system's translations of a test set; further sets lie one folder deeper."""
        return f"{self.results}/translations/{system}{_below(test_set)}"

    def translation(self, system: str, test_set: str, pair: Direction | str) -> list[str]:
        """The files of one direction, the one that vouches for the others first."""
        folder = self.translations(system, test_set)
        return [f"{folder}/{pair}.{end}" for end in ("parquet", *TEXTS)]

    def crossed(self, system: str, donor: Direction | str) -> str:
        """The baseline's translations under the masks that a system has for `donor`."""
        return f"{self.results}/crossed/{system}/{donor}.parquet"

    @property
    def unmasked(self) -> str:
        """Its translations of the same lines under no masks."""
        return f"{self.results}/crossed/{UNMASKED}.parquet"

    def crossed_table(self, system: str) -> str:
        """The scores of both."""
        return f"{self.results}/tables/crossed-{system}.csv"

    def scores(self, system: str, test_set: str = DEFAULT_SET) -> str:
        """Folder of a system's scores on a test set."""
        return f"{self.results}/scores/{system}{_below(test_set)}"

    def score(self, system: str, test_set: str, pair: Direction | str, ends: tuple[str, str]) -> list[str]:
        """Scores of one direction, and what is known of its segments; `ends` are those of a metric's files."""
        folder = self.scores(system, test_set)
        return [f"{folder}/{pair}.{end}" for end in ends]

    def ceilings(self, test_set: str = DEFAULT_SET) -> str:
        """Folder of what the run's cleaning lets be reached on a test set."""
        return f"{self.results}/ceilings{_below(test_set)}"

    def ceiling(self, test_set: str, pair: Direction | str) -> str:
        """What can be reached in one direction."""
        return f"{self.ceilings(test_set)}/{pair}.json"

    @property
    def identifier(self) -> str:
        """What was learned of the run's languages, to tell them."""
        return f"{self.results}/data/identifier.json"

    def off_target(self, system: str, test_set: str, pair: Direction | str) -> str:
        """The languages of one direction's hypotheses."""
        return f"{self.scores(system, test_set)}/{pair}.language.json"

    def tests(self, against: str, system: str, test_set: str = DEFAULT_SET) -> str:
        """Folder of the significance tests of a system against another."""
        return f"{self.results}/significance/{against}/{system}{_below(test_set)}"

    def test(self, against: str, system: str, test_set: str, pair: Direction | str) -> str:
        """The significance tests of one direction."""
        return f"{self.tests(against, system, test_set)}/{pair}.json"

    @property
    def figures(self) -> str:
        """Folder of the figures."""
        return f"{self.results}/figures"

    def figure(self, name: str) -> list[str]:
        """A figure as SVG and PNG, and the table behind it."""
        return [f"{self.figures}/{name}.{end}" for end in ("svg", "pdf", "csv")]

    def overlap(self, selection: str) -> list[str]:
        """The tables of what the neuron sets of a selection share."""
        names = ("overlap", "families", "sparsity", "shared", "neurons")
        return [f"{self.results}/tables/overlap-{selection}/{table}.csv" for table in names]

    @property
    def report(self) -> str:
        """The report, one page."""
        return f"{self.results}/report.html"


def figure_name(group: str, metric: str, against: str = "") -> str:
    """The name of a figure of score differences; that against the primary system goes without it."""
    return f"scores-by-{group}-{metric}" + (f"-against-{against}" if against else "")


def _below(test_set: str) -> str:
    return "" if test_set == DEFAULT_SET else f"/{test_set}"
