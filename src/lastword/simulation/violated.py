"""The error of a property that does not hold."""


class Violated(AssertionError):
    """The property `check`, one of those that docs/SIMULATION.md names, does not hold."""

    def __init__(self, check: str, what: str) -> None:
        super().__init__(f"{check}: {what}")
        self.check = check
