"""The platforms that are configured, each behind the port."""

from collections.abc import Mapping
from typing import assert_never

from redis import Redis

from api.auth.citizen.oidc import OidcPlatform
from api.auth.citizen.port import CitizenPlatform
from api.auth.citizen.ticket import TicketPlatform
from api.auth.citizen.visits import VISIT_PATH
from api.settings import OidcPlatformSettings, Settings, TicketPlatformSettings


def build_citizen_platforms(settings: Settings, redis: Redis) -> Mapping[str, CitizenPlatform]:
    """Return the adapters by the names they have in the settings."""
    seconds = settings.citizen.seconds
    platforms: dict[str, CitizenPlatform] = {}
    for name, platform in settings.citizen.platforms.items():
        match platform:
            case OidcPlatformSettings():
                address = f"{settings.base_url}{VISIT_PATH}/{name}/callback"
                platforms[name] = OidcPlatform(platform, redirect_uri=address, seconds=seconds)
            case TicketPlatformSettings():
                platforms[name] = TicketPlatform(platform, redis, seconds=seconds)
            case _:
                assert_never(platform)
    return platforms
