"""The rules once more, by somebody who has never seen the gateway: lists, dictionaries, and counting from scratch.

Rules of the file:
- Nothing of the gateway is imported; the profiles are read from their TOML, the windows from zoneinfo's calendar.
- Nothing is kept that can be counted: contacts, customers and quotas are found by walking everything, every time.
"""

import tomllib
from collections import Counter
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
FOLDER = Path(__file__).parents[2] / "gateway" / "profiles"
ORDER = ("unverified", "verified", "certified")
LENGTH = ("minute", "hour", "day", "week", "month")


@cache
def numbers(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))


def window(now_ms: int, name: str) -> str:
    moment = datetime.fromtimestamp(now_ms / 1000, SHANGHAI)
    forms = {"minute": "%Y%m%d%H%M", "hour": "%Y%m%d%H", "day": "%Y%m%d", "week": "%G-%V", "month": "%Y%m"}
    return moment.strftime(forms[name])


class Sent(NamedTuple):
    """One message that counted: by which rules, and for whom."""

    time_ms: int
    rules: frozenset[tuple[str, str, str]]
    subjects: dict[str, str]


class Naive:
    """A world of dictionaries. Every question answers with a word: accepted, or the reason."""

    def __init__(self, profile: str, now_ms: int) -> None:
        self.profile = profile
        self.now_ms = now_ms
        self.certification: dict[str, str] = {}
        self.members: dict[str, dict[str, Any]] = {}
        self.relations: dict[tuple[str, str], dict[str, Any]] = {}
        self.groups: list[dict[str, Any]] = []
        self.known: set[tuple[str, str]] = set()
        self.muted: set[tuple[str, str]] = set()
        self.heads: Counter[tuple[str, ...]] = Counter()
        self.sent: list[Sent] = []
        self.app_chats: set[tuple[str, str]] = set()

    def number(self, name: str) -> Any:
        return numbers(self.profile)[name]["value"]

    def has(self, corp: str, least: str) -> bool:
        return ORDER.index(self.certification[corp]) >= ORDER.index(least)

    def speaks(self, member: str) -> str:
        who = self.members[member]
        if who["departed"]:
            return "departed"
        if not who["activated"]:
            return "not_activated"
        return "not_real_name" if not who["real"] and self.number("real_name_required") else ""

    def live(self, member: str, consumer: str) -> bool:
        return self.relations.get((member, consumer), {}).get("status") in {"half", "mutual"}

    def contacts(self, member: str) -> int:
        return sum(self.live(*pair) for pair in self.relations if pair[0] == member)

    def customers(self, corp: str) -> set[str]:
        friends = {
            consumer for member, consumer in self.relations if self.live(member, consumer) and of(member) == corp
        }
        seated = {who for group in self.groups if group["corp"] == corp for who in group["seats"] if "/" not in who}
        return friends | seated

    # Messages.

    def counts(self, side: str, subjects: dict[str, str]) -> str:
        """Give the reason of the longest rule that is used up."""
        spent = []
        for rule in numbers(self.profile)["frequency"]:
            subject = subjects.get(rule["per"], "")
            if rule["side"] != side or not subject:
                continue
            key = side, rule["per"], rule["window"]
            here = window(self.now_ms, rule["window"])
            used = sum(
                1 for one in self.sent
                if key in one.rules and one.subjects.get(rule["per"]) == subject
                and window(one.time_ms, rule["window"]) == here
            )  # fmt: skip
            if used >= rule["limit"]:
                spent.append((LENGTH.index(rule["window"]), f"{rule['per']}_frequency"))
        return max(spent)[1] if spent else ""

    def keep(self, side: str, subjects: dict[str, str], conversation: tuple[str, ...]) -> str:
        rules = {(rule["side"], rule["per"], rule["window"]) for rule in numbers(self.profile)["frequency"]}
        self.sent.append(Sent(self.now_ms, frozenset(rule for rule in rules if rule[0] == side), subjects))
        self.heads[conversation] += 1
        return "accepted"

    def content(self, text: str) -> str:
        if not text:
            return "empty"
        return "text_too_long" if len(text.encode()) > self.number("text_bytes_max") else ""

    def say(self, sender: str, other: str, text: str) -> str:
        member, consumer = (sender, other) if "/" in sender else (other, sender)
        relation = self.relations.get((member, consumer))
        if relation is None:
            return "unknown_conversation"
        side = "member" if sender == member else "consumer"
        corp = of(member)
        narrow = self.number("unverified_chat") == "own" and not self.has(corp, "verified")
        chat = "single", member, consumer
        subjects = {"sender": sender, "conversation": " ".join(chat), "recipient": f"{corp} {other}", "corp": corp}
        blocked = relation["bc"] if side == "member" else relation["bm"]
        refusals = [
            self.speaks(sender) if side == "member" else "",
            "" if self.live(member, consumer) else "pending" if relation["status"] == "pending" else "not_related",
            "badge_too_low" if side == "member" and narrow and self.contacts(member) > 1 else "",
            self.content(text),
            "blocked" if blocked else "",
            self.counts(side, subjects),
        ]
        return next(filter(None, refusals), "") or self.keep(side, subjects, chat)

    def tell(self, sender: str, group: int, text: str) -> str:
        at = self.groups[group]
        if sender not in at["ever"]:
            return "unknown_conversation"
        side = "member" if "/" in sender else "consumer"
        subjects = {"sender": sender, "conversation": f"group {group}", "corp": at["corp"]}
        refusals = [
            self.speaks(sender) if side == "member" else "",
            "dismissed" if at["dismissed"] else "" if sender in at["seats"] else "not_in_group",
            self.content(text),
            self.counts(side, subjects),
        ]
        return next(filter(None, refusals), "") or self.keep(side, subjects, ("group", str(group)))

    def sell(self, corp: str, consumer: str, text: str) -> str:
        if (corp, consumer) not in self.known:
            return "unknown_person"
        chat = "app", corp, consumer
        subjects = {
            "sender": f"{corp} till",
            "conversation": " ".join(chat),
            "recipient": f"{corp} {consumer}",
            "corp": corp,
        }
        refusals = [
            "" if consumer in self.customers(corp) else "not_related",
            "" if self.has(corp, self.number("app_certification_min")) else "badge_too_low",
            self.content(text),
            "muted" if (corp, consumer) in self.muted else "",
            self.counts("app", subjects),
        ]
        refused = next(filter(None, refusals), "")
        if refused:
            return refused
        if (corp, consumer) not in self.app_chats:
            self.app_chats.add((corp, consumer))
            self.heads["own", corp, consumer] += 1
        return self.keep("app", subjects, chat)

    # Relations.

    def room_for(self, corp: str, consumer: str) -> str:
        most = self.number(f"customers_{self.certification[corp]}_max")
        full = most and consumer not in self.customers(corp) and len(self.customers(corp)) >= most
        return "scale_exhausted" if full else ""

    def room(self, member: str, consumer: str) -> str:
        corp = of(member)
        narrow = self.number("unverified_chat") == "own" and not self.has(corp, "verified")
        if narrow and self.contacts(member) >= 1:
            return "badge_too_low"
        most = self.number("member_contacts_max")
        return "contacts_full" if most and self.contacts(member) >= most else self.room_for(corp, consumer)

    def notify(self, member: str, consumer: str) -> None:
        self.heads["own", of(member), member] += 1
        self.heads["own", of(member), consumer] += 1

    def scan(self, consumer: str, member: str, ask: bool) -> str:
        relation = self.relations.get((member, consumer), {"status": "", "bm": False, "bc": False})
        if self.live(member, consumer) or (relation["status"] == "pending" and ask):
            return "already"
        if relation["bm"]:
            return "blocked"
        refused = self.speaks(member) or self.room(member, consumer)
        if refused:
            return refused
        self.known.add((of(member), consumer))
        self.relations[member, consumer] = {"status": "pending" if ask else "half", "bm": False, "bc": False}
        self.notify(member, consumer)
        return "accepted"

    def change(self, who: str, other: str, verb: str) -> str:
        member, consumer = (who, other) if "/" in who else (other, who)
        relation = self.relations.get((member, consumer))
        if relation is None:
            return "unknown_conversation"
        was, mine = relation["status"], "bm" if who == member else "bc"
        if verb == "accept":
            refused = self.speaks(who) or (self.room(member, consumer) if was == "pending" else "")
            if refused:
                return refused
        target = {"accept": "mutual", "refuse": "refused"}.get(verb, f"removed by {mine}")
        if verb in {"block", "unblock"}:
            if relation[mine] == (verb == "block"):
                return "already"
            if was in {"pending", "refused"}:
                return "not_related"
            relation[mine] = verb == "block"
            return "accepted"
        allowed = {"accept": {"pending", "half"}, "refuse": {"pending"}, "delete": {"pending", "half", "mutual"}}[verb]
        if verb == "delete" and who == member:
            allowed.add("removed by bc")
        if was == target:
            return "already"
        if was not in allowed:
            return "not_related"
        relation["status"] = target
        self.notify(member, consumer)
        return "accepted"

    def mute(self, consumer: str, corp: str, on: bool) -> str:
        if (corp, consumer) not in self.known:
            return "unknown_conversation"
        if ((corp, consumer) in self.muted) == on:
            return "already"
        (self.muted.add if on else self.muted.discard)((corp, consumer))
        return "accepted"

    # Groups.

    def guests(self, host: str, guests: list[str]) -> str:
        corp = of(host)
        for guest in [guest for guest in guests if "/" in guest]:
            if self.speaks(guest):
                return self.speaks(guest)
        for guest in [guest for guest in guests if "/" not in guest]:
            if (corp, guest) not in self.known:
                return "unknown_person"
            if not self.live(host, guest):
                return "not_related"
            if self.relations[host, guest]["bc"]:
                return "blocked"
        return ""

    def seat(self, group: int, people: list[str]) -> None:
        at = self.groups[group]
        at["seats"] += people
        at["ever"] |= set(people)
        self.heads["group", str(group)] += 1
        for who in people:
            self.heads["own", at["corp"], who] += 1

    def create(self, host: str, guests: list[str]) -> str:
        corp = of(host)
        low = "" if self.has(corp, self.number("group_create_certification_min")) else "badge_too_low"
        refused = self.speaks(host) or low or self.guests(host, guests)
        people = list(dict.fromkeys([host, *(guest for guest in guests if "/" in guest), *guests]))
        if not refused and len(people) > self.number("group_size_max"):
            refused = "group_full"
        if refused:
            return refused
        self.groups.append({"corp": corp, "owner": host, "admins": [], "seats": [], "ever": set(), "dismissed": False})
        self.seat(len(self.groups) - 1, people)
        return "accepted"

    def join(self, consumer: str, group: int) -> str:
        at = self.groups[group]
        if consumer in at["seats"]:
            return "already"
        refused = self.room_for(at["corp"], consumer) or ("dismissed" if at["dismissed"] else "")
        if refused:
            return refused
        if len(at["seats"]) + 1 > self.number("group_size_max"):
            return "group_full"
        if 0 < self.number("group_scan_max") < len(at["seats"]) + 1:
            return "qr_closed"
        self.known.add((at["corp"], consumer))
        self.seat(group, [consumer])
        return "accepted"

    def inside(self, who: str, group: int) -> str:
        at = self.groups[group]
        if who not in at["ever"]:
            return "unknown_conversation"
        return "" if who in at["seats"] else "not_in_group"

    def invite(self, host: str, group: int, guests: list[str]) -> str:
        at = self.groups[group]
        refused = self.inside(host, group) or self.speaks(host) or self.guests(host, guests)
        if refused:
            return refused
        new = [who for who in sorted(dict.fromkeys(guests), key=lambda who: "/" not in who) if who not in at["seats"]]
        if not new:
            return "already" if guests else "empty"
        if len(at["seats"]) + len(new) > self.number("group_size_max"):
            return "group_full"
        self.seat(group, new)
        return "accepted"

    def remove(self, host: str, group: int, who: str) -> str:
        at = self.groups[group]
        refused = self.inside(host, group)
        if refused:
            return refused
        if host != at["owner"] and host not in at["admins"]:
            return "not_admin"
        if self.speaks(host):
            return self.speaks(host)
        if who not in at["seats"]:
            return "not_in_group"
        if who == at["owner"] or (host != at["owner"] and who in at["admins"]):
            return "not_owner"
        self.unseat(group, who)
        return "accepted"

    def leave(self, who: str, group: int) -> str:
        at = self.groups[group]
        refused = self.inside(who, group)
        if refused:
            return refused
        if who == at["owner"]:
            heirs = [other for other in [*at["admins"], *at["seats"]] if other != who and "/" in other]
            if not heirs:
                return "not_owner"
            at["owner"] = heirs[0]
            at["admins"] = [admin for admin in at["admins"] if admin != heirs[0]]
            self.heads["group", str(group)] += 1
        self.unseat(group, who)
        return "accepted"

    def dismiss(self, who: str, group: int) -> str:
        at = self.groups[group]
        refused = self.inside(who, group) or ("" if who == at["owner"] else "not_owner") or self.speaks(who)
        if not refused:
            at |= {"seats": [], "admins": [], "dismissed": True}
            self.heads["group", str(group)] += 1
        return refused or "accepted"

    def unseat(self, group: int, who: str) -> None:
        at = self.groups[group]
        at["seats"].remove(who)
        at["admins"] = [admin for admin in at["admins"] if admin != who]
        self.heads["group", str(group)] += 1

    def appoint(self, host: str, group: int, who: str, on: bool) -> str:
        at = self.groups[group]
        refused = self.inside(host, group)
        if refused:
            return refused
        if host != at["owner"]:
            return "not_owner"
        if self.speaks(host):
            return self.speaks(host)
        if who not in at["seats"]:
            return "not_in_group"
        if who == at["owner"] or (who in at["admins"]) == on:
            return "already"
        if on and len(at["admins"]) >= self.number("group_admins_max"):
            return "too_many"
        at["admins"] = [*at["admins"], who] if on else [admin for admin in at["admins"] if admin != who]
        self.heads["group", str(group)] += 1
        return "accepted"

    def reset(self, corp: str) -> None:
        """Forget an enterprise; what its customers said still counts for themselves."""
        self.relations = {pair: at for pair, at in self.relations.items() if of(pair[0]) != corp}
        self.known = {one for one in self.known if one[0] != corp}
        self.muted = {one for one in self.muted if one[0] != corp}
        self.app_chats = {one for one in self.app_chats if one[0] != corp}
        self.members = {key: who for key, who in self.members.items() if of(key) != corp}
        for name in [name for name in self.heads if corp in {name[1], of(name[1])}]:
            del self.heads[name]
        for group in self.groups:
            if group["corp"] == corp:
                group["seats"], group["ever"], group["corp"] = [], set(), "gone"
        kept = []
        for one in self.sent:
            if one.subjects["corp"] == corp:
                lone = {"sender": one.subjects["sender"], "corp": ""}
                if "/" in lone["sender"] or " " in lone["sender"]:
                    continue
                kept.append(one._replace(subjects=lone))
            else:
                kept.append(one)
        self.sent = kept


def of(member: str) -> str:
    return member.partition("/")[0]
