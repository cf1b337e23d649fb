"""Choosing the models: the bundled embedder, and the language model of the settings."""

import ipaddress
import socket
from urllib.parse import urlsplit

import structlog

from api.settings import LlmSettings, Settings
from interpret.models.port import ChatModel
from knowledge_base.embed import BundledEmbedder, Embedder
from knowledge_base.errors import ModelFilesMissing

log = structlog.get_logger(__name__)


class ExternalModelRefused(Exception):
    """The configured model is outside the premises, and that was not allowed."""


def build_embedder(settings: Settings) -> Embedder | None:
    """Return the bundled embedder, or None (said in the log and by `mingying check`) when its files are missing."""
    try:
        return BundledEmbedder(settings.embedder_folder)
    except ModelFilesMissing:
        log.warning("embedder missing: search goes by words alone")
        return None


def build_chat_model(settings: LlmSettings) -> ChatModel | None:
    """Return the configured model.

    Raises:
        ExternalModelRefused: it is neither on this machine nor in a private network, and `allow_external` is not set.
    """
    if settings.base_url is None:
        return None
    address = str(settings.base_url)
    if not settings.allow_external and not _on_premises(urlsplit(address).hostname or ""):
        raise ExternalModelRefused(
            "MINGYING_LLM__BASE_URL is outside the premises: set MINGYING_LLM__ALLOW_EXTERNAL=true to allow it"
        )
    # a third of the start-up time, and most installations have no model
    from interpret.models.openai_compatible import OpenAICompatibleModel

    return OpenAICompatibleModel(
        base_url=address,
        model=settings.model,
        api_key=settings.api_key.get_secret_value(),
    )


def _on_premises(host: str) -> bool:
    try:
        addresses = {item[4][0] for item in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(address).is_private for address in addresses)
