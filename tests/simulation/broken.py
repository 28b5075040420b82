"""How a checker says that a promise was broken."""


class Broken(AssertionError):
    """A promise does not hold; `claim` is its id in README.md."""

    def __init__(self, claim: str, why: str) -> None:
        super().__init__(f"{claim}: {why}")
        self.claim = claim


def demand(holds: object, claim: str, why: str) -> None:
    """Fail if a claim does not hold."""
    if not holds:
        raise Broken(claim, why)
