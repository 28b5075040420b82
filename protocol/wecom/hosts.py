"""The vendor's hosts that SDKs have written in, and for which this program can answer."""

from typing import Final

API_HOST: Final = "qyapi.weixin.qq.com"
BOT_HOST: Final = "openws.work.weixin.qq.com"
LOGIN_HOST: Final = "open.weixin.qq.com"  # where apps send people to learn who they are (DOC 91022)
HOSTS: Final = (API_HOST, BOT_HOST, LOGIN_HOST)
