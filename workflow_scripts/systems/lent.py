"""A variant whose directions all have the neurons of one of them: what masks do to directions that they are not for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from workflow_scripts.artifacts import Masks
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.systems.variant import Variant


@dataclass(frozen=True, kw_only=True)
class Lent(Variant):
    """`owner`, with the neuron sets of direction `donor` for each of `borrowers`, and for no other."""

    owner: Variant
    donor: str
    borrowers: tuple[str, ...]

    @cached_property
    def masks(self) -> Masks:
        """Its neuron sets. Raises `UserError` where the owner has none for the donor."""
        masks = self.owner.masks
        own = [row for row in masks.rows if row.pair == self.donor]
        if not own:
            known = ", ".join(masks.kept()) or "none"
            raise UserError(f"{self.masks_file} has no masks for {self.donor} (there are: {known}): make them again")
        return Masks([replace(row, pair=pair) for pair in self.borrowers for row in own], masks.metadata)


def lent(owner: Variant, donor: Direction, borrowers: Iterable[Direction]) -> Variant:
    """A system with masks, `owner`, in which each of `borrowers` is decoded under the masks of `donor`."""
    return Lent(
        name=owner.name,
        masks_file=owner.masks_file,
        settings=owner.settings,
        owner=owner,
        donor=str(donor),
        borrowers=tuple(map(str, borrowers)),
    )
