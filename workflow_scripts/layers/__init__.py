"""torch modules alone: what a specialized model has in place of a plain one."""
