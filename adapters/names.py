"""What ids and texts may look like when control or a world file names them.

An id ends where the text ends: `$` alone would let a line break through behind it.
"""

from typing import Annotated

from msgspec import Meta, Struct

_END = r"(?![\s\S])"

Name = Annotated[str, Meta(max_length=256)]
Text = Annotated[str, Meta(max_length=2000)]
AesKey = Annotated[str, Meta(pattern=rf"^([A-Za-z0-9]{{43}})?{_END}")]  # as the vendor's EncodingAESKey; or none
Corpid = Annotated[
    str, Meta(min_length=1, max_length=64, pattern=rf"^[A-Za-z0-9_-]+{_END}")
]  # a level of an MQTT topic
Userid = Annotated[str, Meta(min_length=1, max_length=64, pattern=rf"^[^/#\u0000-\u001f][^/\u0000-\u001f]*{_END}")]
Handle = Annotated[str, Meta(min_length=1, max_length=64, pattern=rf"^[^/\u0000-\u001f]+{_END}")]
AgentId = Handle
Id = Annotated[str, Meta(max_length=128, pattern=rf"^[^/\u0000-\u001f]*{_END}")]  # may be empty: then one is derived
Key = Annotated[str, Meta(min_length=1, max_length=130, pattern=rf"^[^\u0000-\u001f]+{_END}")]  # of a person or an app
DepartmentId = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Address = Annotated[str, Meta(min_length=1, max_length=45, pattern=rf"^[0-9A-Fa-f.:]+{_END}")]
Moment = Annotated[int, Meta(ge=0, le=253_402_300_799_000)]  # milliseconds since 1970, to the end of the year 9999
State = Annotated[str, Meta(max_length=30)]  # DOC 92228
Limit = Annotated[int, Meta(ge=1, le=1000)]


class CorpPath(Struct, frozen=True):
    corpid: Corpid


class MemberPath(Struct, frozen=True):
    corpid: Corpid
    userid: Userid


class ConsumerPath(Struct, frozen=True):
    handle: Key
