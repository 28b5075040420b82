"""What may an app see? Its range is members and departments with all beneath them (rules 13.9, DOC 90313: 60011).

Rules of the file:
- Whoever does not exist is in sight: the call itself says that nobody is there.
- A range of nobody is the whole enterprise.
- A customer is in sight through a member who follows them (DOC 90313: 40096), or where nobody does.
"""

from typing import Final

from gateway.rights import Rights
from gateway.state import State
from gateway.state.corps import Corp

FOLLOWS: Final = ("half", "mutual", "removed_by_consumer")  # whoever was deleted by the customer still follows


def sees_member(state: State, corp: Corp, rights: Rights, userid: str) -> bool:
    """Tell whether a member is in an app's range."""
    key = corp.members.get(userid)
    if key is None or userid in rights.members or _sees_all(rights):
        return True
    return any(sees_department(corp, rights, one) for one in state.member(key).placed)


def sees_department(corp: Corp, rights: Rights, id_: int) -> bool:
    """Tell whether a department is in an app's range, or beneath one that is."""
    if corp.department(id_) is None or _sees_all(rights):
        return True
    while id_:
        if id_ in rights.departments:
            return True
        id_ = corp.above(id_)
    return False


def sees_customer(state: State, corp: Corp, rights: Rights, external_userid: str) -> bool:
    """Tell whether one of those who follow a customer is in an app's range."""
    handle = corp.consumers.get(external_userid)
    if handle is None or _sees_all(rights):
        return True
    followers = [
        state.member(key).userid
        for key, name in state.consumer(handle).contacts.items()
        if key.startswith(f"{corp.corpid}/") and state.relation(name).status in FOLLOWS
    ]
    return not followers or any(sees_member(state, corp, rights, userid) for userid in followers)


def _sees_all(rights: Rights) -> bool:
    return not (rights.members or rights.departments)


__all__ = ["sees_customer", "sees_department", "sees_member"]
