"""What to paste so that an SDK comes here, in its own language, with what a running gateway tells of itself.

Rules of the file:
- One function an SDK. What it gives is a whole program, or lines of a shell; whatever else is to be known is a comment.
- The names of options are those of the SDK's own documentation or code, of the version that is named.
- An address of one's own comes first where the SDK has one. Only wechatpy, which has hosts written in that no option
  reaches, is led through the proxy if there is one.
"""

import json
import shlex
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

ADDRESSES: Final = ("base_url", "bots_url", "tls_url", "proxy_url", "ca_file")
VENDOR: Final = "https://qyapi.weixin.qq.com"
AWAY: Final = "127.0.0.1,localhost"  # not through the proxy
WITHOUT_PROXY: Final = "By WeCom's own hosts, code unchanged: `hutong serve --proxy`, and then this command again."
ONLY: Final = "every host of https but WeCom's is refused there"


class Missing(LookupError):
    """The world has nothing that an SDK could be pointed at."""


class Here(NamedTuple):
    """What an SDK is told: addresses, and the first enterprise's first app and first bot, or empty texts."""

    url: str
    bots_url: str
    tls_url: str
    proxy_url: str
    ca_file: str
    corpid: str
    agent_id: str
    secret: str
    token: str
    aes_key: str
    bot_id: str
    bot_secret: str

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        """Take it from what `/_hutong/env` answers."""
        corps = told["corps"] or [{"corpid": "", "secrets": {}, "bots": {}}]
        agent_id, secret = next(iter(corps[0]["secrets"].items()), ("", ""))
        callback = corps[0].get("callbacks", {}).get(agent_id, {"token": "", "aes_key": ""})
        bot = next((bot for corp in corps for bot in corp["bots"].items()), ("", ""))
        url, bots, tls, proxy, file = (told[name] or "" for name in ADDRESSES)
        app = corps[0]["corpid"], agent_id, secret, callback["token"], callback["aes_key"]
        return cls(url, bots, tls, proxy, file, *app, *bot)

    @property
    def gettoken(self) -> str:
        return f"/cgi-bin/gettoken?corpid={self.corpid}&corpsecret={self.secret}"

    def led(self, trust: str) -> str:
        """Write the variables that lead a program here; `trust` is the one that its language reads."""
        return f"HTTPS_PROXY={self.proxy_url} NO_PROXY={AWAY} {trust}={shlex.quote(self.ca_file)}"


def curl(here: Here) -> str:
    ways = [f"curl {shlex.quote(here.url + here.gettoken)}"]
    if here.tls_url:
        ways += [f"CURL_CA_BUNDLE={shlex.quote(here.ca_file)} curl {shlex.quote(here.tls_url + here.gettoken)}"]
    if here.proxy_url:
        ways += [f"{here.led('CURL_CA_BUNDLE')} curl {shlex.quote(VENDOR + here.gettoken)}"]
    return "\n".join(ways if here.proxy_url else [*ways, f"# {WITHOUT_PROXY}"])


def wechatpy(here: Here) -> str:
    crypto = f"crypto = WeChatCrypto({here.token!r}, {here.aes_key!r}, {here.corpid!r})  # opens callbacks"
    if here.proxy_url:
        return f"""# Shell, and wechatpy as it is. In a shell of its own: {ONLY}.
export {here.led("REQUESTS_CA_BUNDLE")}
python3 - <<'END'
from wechatpy.work import WeChatClient
from wechatpy.work.crypto import WeChatCrypto

client = WeChatClient({here.corpid!r}, {here.secret!r})
{crypto}
print(client.access_token)
END"""
    return f"""# Python. Media are fetched from WeCom's own host all the same. {WITHOUT_PROXY}
from wechatpy.work import WeChatClient
from wechatpy.work.crypto import WeChatCrypto


class Client(WeChatClient):
    API_BASE_URL = "{here.url}/cgi-bin/"

    def fetch_access_token(self):  # 2.0.0a26 asks WeCom's host for it, whatever the base URL is
        return self._fetch_access_token(
            self.API_BASE_URL + "gettoken", {{"corpid": self.corp_id, "corpsecret": self.secret}}
        )


client = Client({here.corpid!r}, {here.secret!r})
{crypto}
print(client.access_token)"""


def wxjava(here: Here) -> str:
    return f"""// Java: weixin-java-cp of WxJava.
import me.chanjar.weixin.cp.api.impl.WxCpServiceImpl;
import me.chanjar.weixin.cp.config.impl.WxCpDefaultConfigImpl;

public class Here {{
  public static void main(String[] arguments) throws Exception {{
    WxCpDefaultConfigImpl config = new WxCpDefaultConfigImpl();
    config.setBaseApiUrl({_text(here.url)});
    config.setCorpId({_text(here.corpid)});
    config.setCorpSecret({_text(here.secret)});
    config.setAgentId({here.agent_id});
    config.setToken({_text(here.token)});
    config.setAesKey({_text(here.aes_key)});
    WxCpServiceImpl service = new WxCpServiceImpl();
    service.setWxCpConfigStorage(config);
    System.out.println(service.getAccessToken());
  }}
}}{_java_proxy(here)}"""


def _java_proxy(here: Here) -> str:
    if not here.proxy_url:
        return f"\n// {WITHOUT_PROXY}"
    host, port = urlsplit(here.proxy_url).hostname, urlsplit(here.proxy_url).port
    return f"""
// Through the proxy, in place of setBaseApiUrl: config.setHttpProxyHost("{host}"); config.setHttpProxyPort({port});
// Any program in Java, once, and then at each start; every host of https but WeCom's is refused there:
//     keytool -importcert -noprompt -alias hutong -file {shlex.quote(here.ca_file)} \\
//         -keystore hutong.p12 -storepass changeit
//     java -Dhttps.proxyHost={host} -Dhttps.proxyPort={port} -Djavax.net.ssl.trustStore=hutong.p12 \\
//         -Djavax.net.ssl.trustStorePassword=changeit …"""


def easywechat(here: Here) -> str:
    app = [
        f"'corp_id' => {_php(here.corpid)},",
        f"'agent_id' => {here.agent_id},",
        f"'secret' => {_php(here.secret)},",
        f"'token' => {_php(here.token)},",
        f"'aes_key' => {_php(here.aes_key)},",
        f"'http' => ['base_uri' => {_php(here.url + '/')}],",
    ]
    if here.proxy_url:
        app += [
            f"// Through the proxy: 'http' => ['proxy' => {_php(here.proxy_url)}, 'cafile' => {_php(here.ca_file)}],"
        ]
    return "\n".join(
        [
            "<?php // EasyWeChat 6",
            "",
            "require 'vendor/autoload.php';",
            "",
            "$app = new EasyWeChat\\Work\\Application([",
        ]
        + [f"    {line}" for line in app]
        + ["]);", "echo $app->getAccessToken()->getToken(), PHP_EOL;"]
    )


def silenceper(here: Here) -> str:
    return f"""// Go: github.com/silenceper/wechat/v2
package main

import (
	"fmt"
	"strings"

	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/util"
	"github.com/silenceper/wechat/v2/work"
	"github.com/silenceper/wechat/v2/work/config"
)

func main() {{
	util.SetURIModifier(func(uri string) string {{
		return strings.Replace(uri, "{VENDOR}", {_text(here.url)}, 1)
	}})
	app := work.NewWork(&config.Config{{
		CorpID:         {_text(here.corpid)},
		CorpSecret:     {_text(here.secret)},
		AgentID:        {_text(here.agent_id)},
		Token:          {_text(here.token)},
		EncodingAESKey: {_text(here.aes_key)},
		Cache:          cache.NewMemory(),
	}})
	fmt.Println(app.GetContext().GetAccessToken())
}}{_go_proxy(here)}"""


def go_workwx(here: Here) -> str:
    return f"""// Go: github.com/xen0n/go-workwx. Callbacks: token {_text(here.token)}, key {_text(here.aes_key)}.
package main

import (
	"fmt"

	"github.com/xen0n/go-workwx"
)

func main() {{
	client := workwx.New({_text(here.corpid)}, workwx.WithQYAPIHost({_text(here.url)}))
	app := client.WithApp({_text(here.secret)}, {here.agent_id})
	app.SpawnAccessTokenRefresher()
	fmt.Println(app.GetUser("zhangsan"))
}}{_go_proxy(here)}"""


def powerwechat(here: Here) -> str:
    return f"""// Go: github.com/ArtisanCloud/PowerWeChat/v3. It wants an OAuth callback, whoever needs one or not.
package main

import (
	"context"
	"fmt"

	"github.com/ArtisanCloud/PowerWeChat/v3/src/work"
)

func main() {{
	app, err := work.NewWork(&work.UserConfig{{
		CorpID:  {_text(here.corpid)},
		AgentID: {here.agent_id},
		Secret:  {_text(here.secret)},
		Token:   {_text(here.token)},
		AESKey:  {_text(here.aes_key)},
		OAuth:   work.OAuth{{Callback: "http://127.0.0.1:5000/"}},
		Http:    work.Http{{BaseURI: {_text(here.url + "/")}}},
	}})
	if err != nil {{
		panic(err)
	}}
	fmt.Println(app.AccessToken.GetToken(context.Background(), false))
}}"""


def aibot_node(here: Here) -> str:
    return f"""// Node.js: npm install @wecom/aibot-node-sdk
const {{ WSClient }} = require("@wecom/aibot-node-sdk");

const client = new WSClient({{
  botId: {_text(here.bot_id)},
  secret: {_text(here.bot_secret)},
  wsUrl: {_text(here.bots_url)},
}});
client.on("authenticated", () => console.log("authenticated"));
client.connect();{_node_tls(here)}"""


def aibot_python(here: Here) -> str:
    text = f"""# Python: pip install wecom-aibot-sdk
import asyncio

from wecom_aibot_sdk import WSClient


async def main():
    client = WSClient({here.bot_id!r}, {here.bot_secret!r}, ws_url={here.bots_url!r})
    client.on("authenticated", lambda: print("authenticated", flush=True))
    await client.connect()
    await asyncio.Event().wait()


asyncio.run(main())"""
    if here.proxy_url:
        text += f"\n# Without ws_url, through the proxy: {here.led('SSL_CERT_FILE')} python …; {ONLY}."
    if here.tls_url:
        text += f"""
# wecom-aibot-python-sdk (`import aibot`) takes TLS alone, and trusts nobody but certifi's until it is told:
#     aibot.ws._SSL_CONTEXT.load_verify_locations({here.ca_file!r})
#     ws_url={_wss(here)!r}"""
    return text


def _wss(here: Here) -> str:
    return here.tls_url.replace("https", "wss", 1) + urlsplit(here.bots_url).path


def _node_tls(here: Here) -> str:
    if not here.tls_url:
        return ""
    return f"\n// By TLS: wsUrl: {_text(_wss(here))}, and NODE_EXTRA_CA_CERTS={shlex.quote(here.ca_file)} node …"


def _go_proxy(here: Here) -> str:
    if not here.proxy_url:
        return f"\n\n// {WITHOUT_PROXY}"
    return f"\n\n// Without a change of code; {ONLY}:\n//     {here.led('SSL_CERT_FILE')} go run ."


def _text(text: str) -> str:
    """Quote for Java, Go and JavaScript, which agree on this."""
    return json.dumps(text, ensure_ascii=False)


def _php(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{quoted}'"


class Sdk(NamedTuple):
    """How to write the lines, and what of the world they need."""

    write: Callable[[Here], str]
    bot: bool = False


SDKS: Final = {
    "aibot-node": Sdk(aibot_node, bot=True),
    "aibot-python": Sdk(aibot_python, bot=True),
    "curl": Sdk(curl),
    "easywechat": Sdk(easywechat),
    "go-workwx": Sdk(go_workwx),
    "powerwechat": Sdk(powerwechat),
    "silenceper": Sdk(silenceper),
    "wechatpy": Sdk(wechatpy),
    "wxjava": Sdk(wxjava),
}


def lines_for(name: str, told: dict[str, Any]) -> str:
    """Write what to paste for an SDK of `SDKS`; `Missing` if the world has nothing that it could be told."""
    here, sdk = Here.of(told), SDKS[name]
    if not (here.bot_id if sdk.bot else here.secret):
        what = "bot" if sdk.bot else "app"
        raise Missing(f"no enterprise has a {what}: `hutong serve --world demo` begins with one")
    return sdk.write(here)
