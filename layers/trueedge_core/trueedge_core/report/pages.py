"""The pages around the report, as data: signing in, the moment in between, and what cannot be shown."""

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


@dataclass(frozen=True, slots=True)
class RefusedView:
    """Why a page is not shown: a title and a sentence for each thing that is wrong. `other_key`: one might see it."""

    title: str
    lines: tuple[str, ...]
    other_key: bool
