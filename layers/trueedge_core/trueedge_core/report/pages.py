"""The pages around the report, as data: signing in, and the moment in between."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoginView:
    """`next`: where to go afterwards; `message`: why it did not work; `signed_in`: whose cookie is there already."""

    next: str
    message: str | None = None
    signed_in: str | None = None
    needs_none: bool = False


@dataclass(frozen=True, slots=True)
class OnwardView:
    """A page that goes on to `url` by itself."""

    url: str
