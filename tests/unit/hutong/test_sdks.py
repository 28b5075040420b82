"""What `hutong env --sdk` writes: with the values that the gateway tells, quoted as each language quotes them."""

import json
import re
from typing import Any

import pytest

from hutong.__main__ import main
from hutong.sdks import SDKS, Missing, lines_for

CORP: dict[str, Any] = {
    "corpid": "wwa",
    "secrets": {"1000002": "s3cret", "1000003": "other"},
    "callbacks": {"1000002": {"token": "t0ken", "aes_key": "k3y"}},
    "bots": {"aib1": "b0t"},
}
TOLD: dict[str, Any] = {
    "base_url": "http://127.0.0.1:1",
    "bots_url": "ws://127.0.0.1:1/_hutong/aibot",
    "tls_url": "https://127.0.0.1:2",
    "proxy_url": "http://127.0.0.1:3",
    "ca_file": "/data of mine/tls/ca.pem",
    "corps": [CORP],
}
# Read from the SDKs' sources: WxJava at 048b51e, EasyWeChat at 7a93b80 with Symfony's HttpClientInterface, silenceper's
# wechat at 1797041, go-workwx at 3887053, PowerWeChat at 38a5032. Nothing here runs them.
NAMES = {
    "wxjava": ["setBaseApiUrl", "setCorpId", "setCorpSecret", "setAgentId", "setToken", "setAesKey",
               "setWxCpConfigStorage", "setHttpProxyHost", "setHttpProxyPort"],
    "easywechat": ["'corp_id'", "'secret'", "'token'", "'aes_key'", "'http'", "'base_uri'", "'proxy'", "'cafile'"],
    "silenceper": ["util.SetURIModifier", "CorpID:", "CorpSecret:", "AgentID:", "Token:", "EncodingAESKey:", "Cache:",
                   "cache.NewMemory()"],
    "go-workwx": ["workwx.New(", "workwx.WithQYAPIHost(", "WithApp("],
    "powerwechat": ["work.UserConfig", "CorpID:", "AgentID:", "Secret:", "Token:", "AESKey:", "OAuth:", "BaseURI:"],
}  # fmt: skip
OF_BOTS = ["aibot-node", "aibot-python"]


@pytest.mark.parametrize("name", SDKS)
def test_values_are_those_of_the_gateway(name: str) -> None:
    text = lines_for(name, TOLD)
    assert ("aib1" in text, "b0t" in text) == (name in OF_BOTS, name in OF_BOTS)
    assert ("wwa" in text, "s3cret" in text) == (name not in OF_BOTS, name not in OF_BOTS)
    assert ("t0ken" in text, "k3y" in text) == (name not in [*OF_BOTS, "curl"],) * 2
    assert "other" not in text
    assert "http://127.0.0.1:1" in text or "ws://127.0.0.1:1" in text or name == "wechatpy"


@pytest.mark.parametrize("name", SDKS)
def test_without_a_proxy_nobody_is_led_through_one(name: str) -> None:
    text = lines_for(name, {**TOLD, "tls_url": None, "proxy_url": None, "ca_file": None})
    assert not re.search(r"127\.0\.0\.1:[23]|None|ca\.pem|PROXY=", text)


@pytest.mark.parametrize(("name", "options"), NAMES.items())
def test_options_are_named_as_the_sdk_names_them(name: str, options: list[str]) -> None:
    assert [option for option in options if option not in lines_for(name, TOLD)] == []


@pytest.mark.parametrize("secret", ['a"b', "a'b", "a\\b", "a\\", "密"])
def test_secret_is_quoted(secret: str) -> None:
    told = {**TOLD, "corps": [{**CORP, "secrets": {"1000002": secret}, "bots": {"aib1": secret}}]}
    for name in ("wxjava", "silenceper", "go-workwx", "powerwechat", "aibot-node"):
        texts = re.findall(r'"(?:[^"\\]|\\.)*"', lines_for(name, told))
        assert secret in [json.loads(text) for text in texts]
    (php,) = re.findall(r"'secret' => '((?:[^'\\]|\\.)*)',", lines_for("easywechat", told))
    assert re.sub(r"\\(.)", r"\1", php) == secret


@pytest.mark.parametrize(("name", "what"), [("curl", "app"), ("wxjava", "app"), ("aibot-node", "bot")])
def test_world_without_what_is_wanted_is_told(name: str, what: str) -> None:
    for corps in ([], [{**CORP, "secrets": {}, "bots": {}}]):
        with pytest.raises(Missing, match=f"no enterprise has a {what}"):
            lines_for(name, {**TOLD, "corps": corps})


@pytest.mark.parametrize(("name", "advice"), [("wechatpi", "Did you mean wechatpy?"), ("x", "Known are aibot-node, ")])
def test_unknown_name_gets_a_suggestion(capsys: pytest.CaptureFixture[str], name: str, advice: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(["env", "--sdk", name])
    said = capsys.readouterr().err
    assert (end.value.code, said.count("\n")) == (2, 1)
    assert said.startswith(f"hutong: unknown SDK {name}. {advice}")
