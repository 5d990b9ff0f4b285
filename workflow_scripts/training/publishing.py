"""From the work folder of a finished training to what people use: the checkpoint it keeps, and its curve."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.batch import stamp
from workflow_scripts.files import code_version
from workflow_scripts.layers.own_names import is_own
from workflow_scripts.training import provenance, work_folder
from workflow_scripts.training.course import Choice, Reached, kept, validations
from workflow_scripts.training.curve import write_curve


def publish(
    name: str,
    work: Path,
    output: Path,
    made: Mapping[str, Any],
    reached: Reached,
    choice: Choice,
    frozen: Path | None = None,
) -> None:
    """Write the curve and then the checkpoint, which vouches for it.

    Where all but own parameters is `frozen` as in another checkpoint, which it started from, they alone are written.

    Its provenance says what it is made from, key by key; which update its weights are of, which was the last; the
    validations; and, as mere information, the version of the code.
    """
    from workflow_scripts.formats import checkpoint

    update, found = kept(reached, choice), validations(reached, choice)
    wanted, made = made["code"], {**made, "code": "+".join(reached.codes)}
    source = work / work_folder.LAST if update == reached.update else work_folder.best(work, update)
    write_curve(work / work_folder.LOGGED, output.with_name("training.csv"), reached.update, found)
    course = {"update": update, "updates": reached.update, "validations": found}
    about = {"system": name, "step": provenance.STEP, "code_version": code_version()}
    base = checkpoint.base_of(frozen, output, made["start"]) if frozen else None
    checkpoint.publish(source, output, stamp(made) | course | about, {"max_update": choice.max_update}, base, is_own)
    if made["code"] != wanted:
        print(provenance.stale_message(name, output), flush=True)


def restore_curve(output: Path, curve: Path, work: Path) -> None:
    """Write the curve of a published checkpoint again where it is another's, or lost: what the work folder still has of
    it, or its validations alone.
    """
    carried = provenance.read(output)
    if carried.get("step") == provenance.STEP and not provenance.vouched(curve, carried["validations"]):
        print(f"{curve} is lost or another training's, and is written again", flush=True)
        write_curve(
            work / work_folder.LOGGED, curve, carried["updates"], [tuple(one) for one in carried["validations"]]
        )
