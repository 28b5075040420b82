"""Who somebody is, told to an app: openids of members, and codes that a person lets an app have.

A code is used once, within five minutes of the movable clock, by the app it was made for (DOC 91023), or by any of the
enterprise's where it was made for none. Codes, tickets
and openids are derived, not rolled, so that a seeded world repeats them: whoever may call control needs no guess.
"""

from collections.abc import Callable
from typing import Any, Final

from gateway import events
from gateway.commands import book as commands
from gateway.decide.members import Decided
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.book import openid_of
from gateway.state.people import Member
from protocol.errors import NOT_ACTIVATED, UNKNOWN_APP, UNKNOWN_CORP, UNKNOWN_OAUTH_CODE, UNKNOWN_PERSON
from protocol.ids import derive_free


def give_openid(state: State, _now_ms: int, command: commands.GiveOpenid) -> Decided:
    """Give a member's openid, so that it can be asked back; only who has joined has one (DOC 90202, error 43004)."""
    member = state.present(command.corpid, command.userid)
    if member is None:
        return Refusal(UNKNOWN_PERSON)
    if not member.activated:
        return Refusal(NOT_ACTIVATED)
    openid = openid_of(state.seed, command.corpid, member.key)
    known = openid in state.corps[command.corpid].book.openids
    return [] if known else [events.OpenidGiven(command.corpid, member.key, openid)]


def make_code(state: State, now_ms: int, command: commands.MakeOauthCode) -> Decided:
    """Make a code by which an app learns who a person is: a member, or anybody else."""
    corp, person = state.corps.get(command.corpid), state.people.get(state.key_of(command.person))
    if corp is None:
        return Refusal(UNKNOWN_CORP)
    if command.agent_id and command.agent_id not in corp.apps:
        return Refusal(UNKNOWN_APP)
    if person is None or (isinstance(person, Member) and person.departed):
        return Refusal(UNKNOWN_PERSON)
    code = derive_free(corp.book.codes, "oa", state.seed, command.corpid, corp.book.granted + 1)
    return [events.OauthCodeMade(command.corpid, command.agent_id, person.key, code, command.private, now_ms)]


def use_code(state: State, now_ms: int, command: commands.UseOauthCode) -> Decided:
    """Let an app learn who came with a code; a member who agreed to it is known by a ticket from then on."""
    corp = state.corps.get(command.corpid)
    grant = corp.book.codes.get(command.code) if corp is not None else None
    if corp is None or grant is None or grant.ends_ms <= now_ms or grant.agent_id not in ("", command.agent_id):
        return Refusal(UNKNOWN_OAUTH_CODE)
    person = state.people.get(grant.person)
    if person is None or (isinstance(person, Member) and person.departed):
        return Refusal(UNKNOWN_OAUTH_CODE)
    own = isinstance(person, Member) and person.corpid == command.corpid
    private = grant.private and own
    ticket = derive_free(corp.book.tickets, "ut", state.seed, command.corpid, command.code) if private else ""
    return [events.OauthCodeUsed(command.corpid, command.code, command.agent_id, grant.person, ticket, now_ms)]


HANDLERS: Final[dict[type, Callable[[State, int, Any], Decided]]] = {
    commands.GiveOpenid: give_openid,
    commands.MakeOauthCode: make_code,
    commands.UseOauthCode: use_code,
}
