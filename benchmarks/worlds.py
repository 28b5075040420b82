"""The world a workload happens in, as a world file: certified enterprises, and every rule satisfied."""

from benchmarks.workload import CORPS, Workload, consumers_of, corp_of, members_of

HEAD = """\
version = 1
profile = "bench"
seed = "benchmarks"
"""


def world_file(workload: Workload) -> str:
    """Write the world as TOML."""
    groups = range(workload.groups)
    parts = [HEAD]
    parts += [_consumer(handle) for group in groups for handle in consumers_of(workload, group)]
    parts += [_corp(workload, number) for number in range(CORPS)]
    return "\n".join(parts)


def _consumer(handle: str) -> str:
    return f'[[consumer]]\nid = "{handle}"\nnickname = "{handle}"\n'


def _corp(workload: Workload, number: int) -> str:
    groups = range(number, workload.groups, CORPS)
    head = f"""\
[[corp]]
corpid = "{corp_of(number)}"
name = "Enterprise {number}"
short_name = "E{number}"
certification = "certified"
"""
    members = [_member(userid) for group in groups for userid in members_of(workload, group)]
    bonds = [_relation(workload, group) if workload.single else _group(workload, group) for group in groups]
    return "\n".join([head, *members, *bonds])


def _member(userid: str) -> str:
    return f'[[corp.member]]\nuserid = "{userid}"\nname = "{userid}"\nactivated = true\nreal_name_verified = true\n'


def _relation(workload: Workload, group: int) -> str:
    (member,), (consumer,) = members_of(workload, group), consumers_of(workload, group)
    return f'[[corp.relation]]\nmember = "{member}"\nconsumer = "{consumer}"\nstate = "mutual"\n'


def _group(workload: Workload, group: int) -> str:
    members, consumers = members_of(workload, group), consumers_of(workload, group)
    return f"""\
[[corp.group]]
chat_id = "wr{group}"
name = "Group {group}"
owner = "{members[0]}"
members = {_list(members)}
consumers = {_list(consumers)}
"""


def _list(names: list[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
