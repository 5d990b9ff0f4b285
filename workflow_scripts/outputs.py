"""What a run is asked for: every table, figure and file that a user may open."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_scripts import sweeps
from workflow_scripts.direction import PAPER, Direction
from workflow_scripts.files import digest
from workflow_scripts.paths import DEFAULT_SET, figure_name

if TYPE_CHECKING:
    from workflow_scripts.run import Run

SELECTION_LENGTH = 100
"""Longest name of a selection's folder; longer ones end in a digest."""


@dataclass(frozen=True)
class Outputs:
    """The outputs of one run, and where the inputs of its figures come from."""

    run: Run

    @cached_property
    def selection(self) -> str:
        """Where the tables of the chosen directions go: those of a part must not overwrite the full ones."""
        if self.run.config["pairs"] == "all":
            return self.run.paths.results
        name = "+".join(map(str, sorted(self.run.pairs)))
        if len(name) > SELECTION_LENGTH:
            name = f"{name[: SELECTION_LENGTH - 20]}~{digest(name)[:16]}"
        return f"{self.run.paths.results}/selections/{name}"

    def means(self, against: str, system: str, test_set: str) -> str:
        """The significance tests of the means over the chosen directions."""
        folder = Path(self.run.paths.tests(against, system, test_set)).relative_to(self.run.paths.results)
        return f"{self.selection}/{folder}/means.json"

    @property
    def is_whole(self) -> bool:
        """Whether all directions are asked for, not a selection."""
        return self.selection == self.run.paths.results

    @property
    def comparable(self) -> tuple[str, ...]:
        """Components whose neurons can be compared between languages: with two directions where languages differ."""
        kinds = [pair.kind(self.run.pivot) for pair in self.run.directions]
        return tuple(part for part, kind in (("encoder", "x-en"), ("decoder", "en-x")) if kinds.count(kind) > 1)

    @cached_property
    def neuron_sets(self) -> dict[str, list[str]]:
        """Components by the name of the neuron sets to analyse: masks of systems, and what another k selects."""
        masks = {name: self.run.systems.components(name) for name in self.run.systems.masked}
        sets = {name: [part for part in self.comparable if part in parts] for name, parts in masks.items()}
        k = self.run.config["report"]["overlap_k"]
        if k and any(sets.values()):
            sets[f"k{k:g}"] = list(self.comparable)
        return {name: parts for name, parts in sets.items() if parts}

    def sets_of(self, selection: str) -> dict[str, Any]:
        """Where the neuron sets of a selection come from: a system's masks, or all activations and a threshold."""
        if selection in self.run.systems:
            return {"masks": [self.run.paths.masks(selection)]}
        activations = [self.run.paths.activations(pair) for pair in self.run.directions]
        return {"activations": activations, "k": self.run.config["report"]["overlap_k"]}

    def files_of(self, selection: str) -> list[str]:
        """The files that a selection of neuron sets is made from."""
        sets = self.sets_of(selection)
        return [*sets.get("masks", []), *sets.get("activations", [])]

    @cached_property
    def drawn_contrasts(self) -> list[str]:
        """The contrasts with figures of differences: those where another system shares a drawn direction."""
        found = self.run.rows[DEFAULT_SET]
        return [
            against
            for against in self.run.contrasts
            if any(
                pair in found.get(against, []) and PAPER[pair.kind(self.run.pivot)] != "X2Y"
                for name in found
                if name != against
                for pair in found[name]
            )
        ]

    @cached_property
    def compared(self) -> list[str]:
        """The two systems whose translations the report sets side by side: the first one's, and the first contrast's.

        None where no system shares a direction with it, or the report is to show no lines.
        """
        against, found = self.run.against, self.run.rows[DEFAULT_SET]
        if against not in found or not self.run.config["report"]["samples"]:
            return []
        others = [name for name in found if name not in self.run.contrasts and {*found[name]} & {*found[against]}]
        return [others[0], against] if others else []

    @cached_property
    def labelled_score_figures(self) -> dict[str, dict[str, str]]:
        """Labels of the figures of score differences, by their names in the order of the report."""
        labels = {}
        for place, against in enumerate(self.drawn_contrasts):
            for metric in self.run.scoring.names:
                for group in ("tier", "language"):
                    name = figure_name(group, metric, against if place else "")
                    labels[name] = {"metric": metric, "figure": f"by {group}", "against": against}
        if self.swept:
            labels |= {figure_name("k", one): {"metric": one, "figure": "by k"} for one in self.run.scoring.names}
        return labels

    @cached_property
    def swept(self) -> dict[str, dict[float, str]]:
        """Scored systems that differ in k alone (`sweeps.lines`), where there are at least three of one line."""
        scored = {
            name: [pair for pair in pairs if PAPER[pair.kind(self.run.pivot)] != "X2Y"]
            for name, pairs in self.run.rows[DEFAULT_SET].items()
        }
        known = sweeps.lines(self.run.config["systems"])
        found = {line: {k: name for k, name in points.items() if scored.get(name)} for line, points in known.items()}
        several = {line: points for line, points in found.items() if len(points) > 1}
        return several if max(map(len, several.values()), default=0) > 2 else {}

    @property
    def score_figures(self) -> list[str]:
        """Names of the figures of score differences; none where nothing is compared on a side that is drawn."""
        return list(self.labelled_score_figures)

    def mask_figures(self, selection: str) -> list[str]:
        """Names of the figures of one selection of neuron sets."""
        heat_maps = [f"overlap-{selection}-{part}" for part in self.neuron_sets[selection]]
        others = ("overlap-by-layer", "shared", "languages", "sparsity")
        return [*heat_maps, *(f"{name}-{selection}" for name in others)]

    @cached_property
    def shown_figures(self) -> list[str]:
        """Names of all figures in the order of the report."""
        masks = [name for selection in self.neuron_sets for name in self.mask_figures(selection)]
        crossed = [f"crossed-{system}" for system in self.run.crossed]
        return [*self.score_figures, *masks, *crossed, *(["training"] if self.run.curves else [])]

    @cached_property
    def tables_folder(self) -> str:
        """Where the tables of scores go."""
        return f"{self.selection}/tables"

    @cached_property
    def tables(self) -> list[str]:
        """The tables of scores, of all directions or of the selection."""
        names = ["directions.csv", "summary.csv", "summary.md", "summary.tex", "checks.csv"]
        names += ["readings.csv"] if self.run.tokenization == "moses" else []
        names += ["seeds.csv"] if self.run.config["score"]["replicates"] else []
        if any(map(any, map(dict.values, self.run.tested.values()))):
            names += ["significance.csv", "means.csv"]
            names += ["wins.csv"] if self.run.config["score"]["significance"]["randomization"] else []
        return [f"{self.tables_folder}/{name}" for name in names]

    @staticmethod
    def caption(table: str) -> str:
        """The name of a table's caption in Snakemake's report."""
        name = table.rpartition("/")[2].removesuffix(".csv")
        others = {"wins": "significance", "means": "significance", "seeds": "summary"}
        return (others | dict.fromkeys(("readings", "checks"), "directions")).get(name, name)

    @property
    def translations(self) -> list[str]:
        """Every translation, with its texts."""
        return [file for place in self._places() for file in self.run.paths.translation(*place)]

    @property
    def scores(self) -> list[str]:
        """Every score, with the statistics of its segments, what could be reached, and the languages of hypotheses."""
        reachable = [file for files in self.run.scoring.files_of_ceilings.values() for file in files]
        told = [self.run.paths.off_target(*place) for place in self._places() if self.run.scoring.identifier]
        scores = [file for place in self._places() for file in self.run.scoring.files(*place)]
        return [*scores, *reachable, *told, *self.run.scoring.learned]

    def crossed(self, system: str) -> list[str]:
        """What the baseline says under a system's masks for each direction."""
        return [self.run.paths.crossed(system, donor) for donor in self.run.directions]

    @property
    def tests(self) -> list[str]:
        """Every test of significance."""
        directions = [
            self.run.paths.test(against, name, one, pair)
            for against, sets in self.run.tested.items()
            for one, found in sets.items()
            for name, pairs in found.items()
            for pair in pairs
        ]
        return [*directions, *self.run.work.all_means]

    def _places(self) -> list[tuple[str, str, Direction]]:
        rows = self.run.rows
        return [(name, one, pair) for one, found in rows.items() for name in found for pair in found[name]]

    @cached_property
    def artefacts(self) -> list[str]:
        """Every file that a user may open."""
        whole = self._whole_run() if self.is_whole else []
        return [*self.translations, *self.scores, *self.tests, *self.tables, *whole]

    @property
    def wanted(self) -> list[str]:
        """What to ask Snakemake for so that every artefact is there at the end: the last ones, and all that is missing.

        The last ones need all others; but where they are current Snakemake does not miss what came before them.
        """
        last = [*self.tables, *(self._last_of_whole_run() if self.is_whole else [])]
        missing = [file for file in self.artefacts if not os.path.exists(file)]
        return [*last, *missing] if len(missing) < len(self.artefacts) else last

    def _last_of_whole_run(self) -> list[str]:
        paths = self.run.paths
        files = [paths.report]
        files += [file for selection in self.neuron_sets for file in paths.overlap(selection)]
        files += [paths.vocabulary_changes] if self.run.data.used else []
        return files + [file for name in self.shown_figures for file in paths.figure(name)]

    def _whole_run(self) -> list[str]:
        paths, files = self.run.paths, self._last_of_whole_run()
        if not self.run.has_data:
            return files
        files += [paths.manifest, *(paths.test_set(one.name) for one in self.run.test_sets), paths.baseline]
        systems = self.run.systems
        files += [systems[name].checkpoint for name in (*systems.trained, *systems.given)]
        files += [*self.run.curves.values(), *(paths.masks(name) for name in systems.masked)]
        files += [file for name in self.run.crossed for file in (*self.crossed(name), paths.crossed_table(name))]
        files += [paths.unmasked] if self.run.crossed else []
        needs_activations = systems.masked or self.run.config["report"]["overlap_k"]
        return files + [paths.activations(pair) for pair in self.run.directions if needs_activations]
