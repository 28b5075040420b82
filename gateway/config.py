"""The numbers an operator may turn: bounds of memory and of time. What WeCom decides stands in the profiles."""

from msgspec import Struct


class Config(Struct, frozen=True):
    """Every bound of the gateway, with its unit last."""

    turn_commands_max: int = 2_000
    turn_bytes_max: int = 1024 * 1024
    link_share_max: int = 64  # commands of one link in one turn, while others wait
    inbox_frames_max: int = 256  # a link with more waiting is not read
    inbox_bytes_max: int = 512 * 1024  # the same, as they were read
    outbox_bytes_max: int = 256 * 1024  # a link with more waiting is cut over to catching up
    catching_up_max: int = 64  # links that read the journal at the same time
    rejoin_records_max: int = 256  # a link that has missed no more is pushed to while it reads that
    sync_interval_ms: int = 5_000  # a live link that was pushed to gets a resume token at most this often
    recent_max: int = 1_000  # messages, and decisions, that control can look back on
    refusing_devices_max: int = 10_000  # devices whose refusals are remembered for repeats
    refusals_max: int = 64  # refusals remembered of one device
    asks_max: int = 10_000  # commands and queries of services that may wait
    callback_ms: int = 5_000  # for a receiver to answer (DOC 90930); these are real time
    callback_check_ms: int = 1_000  # the same, for the check of its address (DOC 90930)
    callback_retries: int = 3  # DOC 90930
    callback_spacing_ms: int = 1_000  # before each retry; not published
    callback_any_status: bool = False  # True: any answer counts (DOC 90930), not only 200 (DOC 90238)
    callback_anywhere: bool = False  # True: to whatever address, private networks included
    callback_aside_max: int = 100  # of one app, failed and waiting for a retry while later ones go out
    callback_drain_ms: int = 2_000  # for those under way at a stop
    callback_lines_max: int = 1_000  # attempts that control can look back on
    callback_lines_bytes_max: int = 4 * 1024**2
    media_max: int = 100_000  # uploaded files of all enterprises together
    media_bytes_max: int = 4 * 1024**3  # of these files
    media_memory_bytes_max: int = 256 * 1024**2  # the same, where nothing is kept on disk
    media_corp_max: int = 20_000  # uploaded files of one enterprise
    media_corp_bytes_max: int = 1024**3
    media_upload_s: float = 120.0  # for one file to come whole


DEFAULT = Config()
