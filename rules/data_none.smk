# Existing translations are scored as they are: there is no data stage.
