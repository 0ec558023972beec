"""404 or 405: what the `$default` route answers."""

from trueedge_core.services.routes import unknown

ROUTES = {"/a": ("GET", "HEAD"), "/a/{id}": ("POST",), "/a/b": ("PUT",)}


def test_an_unknown_path_is_404() -> None:
    assert unknown("GET", "/b", ROUTES).status == 404
    assert unknown("GET", "/a/", ROUTES).status == 404
    assert unknown("GET", "/a/b/c", ROUTES).status == 404


def test_a_known_path_is_405_with_every_method_of_every_pattern_that_fits() -> None:
    assert unknown("DELETE", "/a", ROUTES).headers == {"Allow": "GET, HEAD"}
    answer = unknown("GET", "/a/b", ROUTES)
    assert (answer.status, answer.headers) == (405, {"Allow": "POST, PUT"})
