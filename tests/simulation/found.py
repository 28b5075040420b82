"""Lives in which the gateway broke a promise once, made small, each with its bug's name in bugs/."""

from typing import Final

from tests.simulation.plan import SHORT, WIDE, Op, Plan

FOUND: Final = {
    # D5: a full disk refused a repeat of what had been accepted, as if it had not been.
    "a full disk takes an answer back": ("answers_need_room", Plan(3, "roomy", WIDE, [
        Op(4.43, "post", 1, 11241, 26419), Op(3.55, "send", 4, 10909, 43617), Op(0.06, "send", 3, 6475, 57706),
        Op(0.08, "ack", 8, 28091, 42763), Op(2.4, "repeat", 0, 25142, 1991), Op(0.49, "repeat", 9, 57020, 16820),
        Op(2.42, "ack", 5, 58345, 53768), Op(0.16, "send", 2, 43742, 57413), Op(3.29, "send", 3, 41692, 38244),
        Op(0.15, "send", 6, 39747, 59712), Op(1.04, "send", 8, 56443, 28382), Op(5.09, "ack", 10, 46012, 991),
        Op(0.39, "send", 7, 20695, 42817), Op(0.2, "full", 5, 31262, 62460), Op(2.48, "repeat", 10, 8128, 1489),
        Op(2.78, "repeat", 3, 41792, 18596), Op(3.96, "leave", 5, 49366, 19527),
    ])),
    # D5: another body under an accepted number was refused, and from then on so was the first body.
    "a clash takes an answer back": ("answers_need_room", Plan(10, "bench", SHORT, [
        Op(2.89, "connect", 4, 13708, 18973), Op(1.61, "clash", 6, 38613, 40394), Op(2.74, "send", 1, 46766, 26080),
        Op(0.38, "send", 6, 36369, 47706), Op(0.27, "send", 0, 11926, 5231), Op(5.24, "invite", 9, 44695, 22122),
        Op(2.58, "send", 4, 43513, 5862), Op(0.17, "send", 11, 47411, 55267), Op(2.12, "send", 9, 2593, 22813),
        Op(3.49, "send", 2, 43892, 55593), Op(1.73, "clash", 4, 54302, 33480), Op(0.04, "repeat", 4, 56606, 47057),
    ])),
    # D9: a link that was about to be live was pushed what had been taken back meanwhile.
    "what is held back is taken back": ("recall_spares_what_is_held_back", Plan(37, "bench", WIDE, [
        Op(1.68, "ack", 5, 53622, 5631), Op(1.39, "send", 2, 32078, 24630), Op(0.08, "send", 9, 12356, 38306),
        Op(1.15, "repeat", 0, 26946, 28), Op(0.37, "send", 0, 44076, 33999), Op(0.82, "send", 1, 58546, 55711),
        Op(0.19, "send", 10, 38182, 12293), Op(0.44, "send", 0, 21440, 39342), Op(0.07, "repeat", 6, 43903, 64517),
        Op(0.19, "repeat", 1, 47083, 52902), Op(1.25, "ack", 4, 45278, 1885), Op(1.4, "send", 7, 22090, 60414),
        Op(0.09, "send", 6, 7729, 11891), Op(0.25, "send", 9, 38611, 22764), Op(2.18, "send", 10, 27156, 34642),
        Op(0.24, "afresh", 2, 23748, 49584), Op(0.42, "send", 10, 54466, 12536), Op(0.69, "send", 1, 64222, 14987),
        Op(0.96, "connect", 1, 64205, 38565), Op(0.09, "afresh", 10, 6837, 27709),
        Op(0.16, "send", 9, 52306, 56919),
        Op(0.16, "delete", 7, 41626, 25738), Op(0.27, "remove", 1, 41965, 23800), Op(0.06, "send", 11, 27446, 990),
        Op(0.52, "ack", 2, 17178, 27927), Op(0.04, "connect", 1, 33682, 23627), Op(1.0, "repeat", 5, 19943, 10444),
        Op(0.24, "send", 4, 14569, 4912), Op(0.11, "rude", 3, 22410, 8055), Op(0.3, "look", 4, 10991, 62600),
        Op(0.6, "send", 1, 29241, 40318), Op(0.08, "send", 2, 20131, 5021), Op(0.04, "repeat", 3, 18735, 25705),
        Op(0.53, "speak", 0, 16405, 12140), Op(0.37, "ack", 2, 17850, 34736), Op(0.6, "speak", 7, 8635, 43423),
        Op(0.95, "ack", 1, 36659, 56730), Op(0.42, "repeat", 5, 28702, 21650), Op(0.24, "delete", 1, 11305, 35068),
        Op(0.35, "send", 4, 22452, 1371), Op(0.12, "send", 0, 16193, 8902), Op(0.19, "ack", 6, 4686, 61316),
        Op(0.09, "speak", 11, 43378, 23370), Op(0.01, "recall", 9, 19480, 5362),
    ])),
    # D1: what a member had asked of an enterprise that was reset was asked of the one made in its place in that turn.
    "a reset hears what was said before it": ("inboxes_outlive_a_reset", Plan(99, "tiny", SHORT, [
        Op(13.49, "send", 4, 17878, 18720), Op(0.17, "send", 4, 45519, 61497), Op(6.97, "slow", 6, 15715, 12790),
        Op(7.08, "send", 4, 15447, 15792), Op(7.11, "clash", 4, 12237, 6908), Op(9.99, "reset", 8, 9392, 29241),
    ])),
}  # fmt: skip
