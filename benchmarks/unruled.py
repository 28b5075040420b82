"""The gateway without rules: the same program and arguments, with the policies and quotas of messages taken out.

What a remembered speaker's text is still asked is its kind and its length, since that stands in the way itself
(gateway/decide/messages.py). What is left beside the memory journal are links, codec, router and state: what goal 5
holds the whole gateway against.
`python -m benchmarks.unruled serve …` is `python -m hutong serve …`.
"""

import msgspec

from gateway import policy, profile
from gateway.policy.attempt import Attempt
from gateway.profile import Profile
from gateway.refusal import Refusal
from gateway.state import State
from hutong.__main__ import main

_read = profile.read


def _read_unruled(name: str) -> Profile:
    return msgspec.structs.replace(_read(name), frequency=())


def _allow(state: State, attempt: Attempt) -> Refusal | None:  # noqa: ARG001 - the policies' shape
    return None


if __name__ == "__main__":
    policy.check = _allow
    profile.read = _read_unruled
    main()
