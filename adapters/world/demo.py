"""The built-in world: Double 11 in a shop.

A certified department store with two shops and most of the staff, a verified café, an unverified workshop; 20 members,
200 consumers. Its secrets are no secrets: they are the same on every machine.
"""

from base64 import b64encode
from hashlib import blake2b
from typing import Final

from adapters.world.file import (
    AppRow,
    CodeRow,
    ConsumerRow,
    CorpRow,
    DepartmentRow,
    GroupRow,
    MemberRow,
    RelationRow,
    World,
)
from gateway.profile import Certification

SEED: Final = "double-11"
AGENT_ID: Final = "1000002"
BOT_ID: Final = "aiblanhe"

_SURNAMES: Final = (
    ("zhao", "赵"), ("qian", "钱"), ("sun", "孙"), ("li", "李"), ("zhou", "周"), ("wu", "吴"), ("zheng", "郑"),
    ("wang", "王"), ("feng", "冯"), ("chen", "陈"), ("chu", "褚"), ("wei", "卫"), ("jiang", "蒋"), ("shen", "沈"),
    ("han", "韩"), ("yang", "杨"), ("zhu", "朱"), ("qin", "秦"), ("xu", "许"), ("he", "何"),
)  # fmt: skip
_GIVEN: Final = (
    ("an", "安"), ("jia", "佳"), ("lin", "琳"), ("ming", "明"), ("na", "娜"), ("ping", "平"), ("ting", "婷"),
    ("xin", "欣"), ("yan", "燕"), ("yu", "宇"),
)  # fmt: skip
_STAFF: Final = (
    ("zhangsan", "张三"), ("lisi", "李四"), ("wangwu", "王五"), ("zhaoliu", "赵六"), ("sunqi", "孙七"),
    ("zhouba", "周八"), ("wujiu", "吴九"), ("zhengshi", "郑十"), ("chenmei", "陈梅"), ("linxi", "林溪"),
    ("hejing", "何静"), ("luoyun", "罗云"), ("gaofei", "高飞"), ("tangyue", "唐悦"),
)  # fmt: skip
_BARISTAS: Final = (("mali", "马丽"), ("hubin", "胡斌"), ("zhulan", "朱岚"), ("guotao", "郭涛"))


def demo() -> World:
    """Make the world of the demonstration."""
    consumers = [
        ConsumerRow(f"{given}.{surname}", f"{family}{name}", f"union-{surname}{given}")
        for given, name in _GIVEN
        for surname, family in _SURNAMES
    ]
    handles = [consumer.id for consumer in consumers]
    return World(1, None, SEED, consumers, [_store(handles), _cafe(handles), _workshop(handles)])


def _corp(corpid: str, name: str, short_name: str, certification: Certification) -> CorpRow:
    key = b64encode(blake2b(corpid.encode(), digest_size=32).digest(), b"AB").decode().rstrip("=")  # letters and digits
    app = AppRow(
        AGENT_ID, "客户联系", f"secret-of-{corpid}", callback_token=f"token-of-{corpid}", callback_aes_key=key
    )  # fmt: skip
    return CorpRow(corpid, name, short_name, certification, app=[app])


def _store(handles: list[str]) -> CorpRow:
    """Make the department store: every consumer is a customer of one of its shop assistants."""
    corp = _corp("wwlanhe", "蓝河百货有限公司", "蓝河百货", "certified")
    corp.app.append(AppRow(BOT_ID, "小蓝", f"secret-of-{BOT_ID}", bot=True))
    corp.department = [
        DepartmentRow(1, "蓝河百货"),
        DepartmentRow(2, "人民路店", 1, True),
        DepartmentRow(3, "滨江店", 1, True),
    ]
    corp.member = [MemberRow(userid, name, [2 + index % 2]) for index, (userid, name) in enumerate(_STAFF)]
    corp.relation = [
        RelationRow(_STAFF[index % len(_STAFF)][0], handle, state="double11") for index, handle in enumerate(handles)
    ]
    # With 8 seats taken, a group of 2018 has room for two more.
    corp.group = [
        GroupRow(
            "人民路店会员群", "zhangsan", "wrpeoplesroad", ["wangwu"], ["sunqi"], handles[0:70:14], "双十一,全场八折"
        ),
        GroupRow("滨江店会员群", "lisi", "wrriverside", [], ["zhaoliu"], handles[1:71:14]),
    ]
    corp.code = [
        CodeRow("qrzhangsan", member="zhangsan", state="counter"),
        CodeRow("qrlisi", member="lisi", state="counter", skip_verify=False),
        CodeRow("qrpeoplesroad", group="wrpeoplesroad", state="poster"),
        CodeRow("qrriverside", group="wrriverside", state="poster"),
    ]
    return corp


def _cafe(handles: list[str]) -> CorpRow:
    corp = _corp("wwsongyin", "松茵咖啡", "松茵咖啡", "verified")
    corp.department = [DepartmentRow(1, "松茵咖啡")]
    corp.member = [MemberRow(userid, name, [1]) for userid, name in _BARISTAS]
    corp.relation = [
        RelationRow(_BARISTAS[index % len(_BARISTAS)][0], handle, status="half" if index % 8 == 0 else "mutual")
        for index, handle in enumerate(handles[::4])
    ]
    corp.group = [GroupRow("咖啡品鉴群", "mali", "wrtasting", [], ["hubin"], handles[0:24:4])]
    corp.code = [CodeRow("qrmali", member="mali"), CodeRow("qrtasting", group="wrtasting")]
    return corp


def _workshop(handles: list[str]) -> CorpRow:
    """Make the workshop: unverified, so that one of its members has more customers than 2018 allows."""
    corp = _corp("wwxiaoshan", "小山手作", "小山手作", "unverified")
    corp.department = [DepartmentRow(1, "小山手作")]
    corp.member = [MemberRow("songqing", "宋青", [1]), MemberRow("yeqiu", "叶秋", [1])]
    corp.relation = [RelationRow("songqing", handle) for handle in handles[10:13]] + [RelationRow("yeqiu", handles[13])]
    corp.code = [CodeRow("qrsongqing", member="songqing")]
    return corp
