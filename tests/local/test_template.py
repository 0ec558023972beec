"""The route table, and how a route is chosen."""

from pathlib import Path

import pytest

from trueedge_local.template import Routes, TemplateError, read_routes

FUNCTION = """
  {name}:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/{name}/
      Handler: app.handler
      Environment: {{Variables: {{T: !Ref Table, U: !Sub "${{A}}", V: !GetAtt [A, Arn]}}}}
      Events:
"""


def template(tmp_path: Path, **functions: list[tuple[str, str]]) -> Path:
    text = "Resources:\n  Table: {Type: AWS::DynamoDB::Table}\n"
    for name, routes in functions.items():
        text += FUNCTION.format(name=name)
        for number, (method, path) in enumerate(routes):
            text += f'        E{number}: {{Type: HttpApi, Properties: {{Method: {method}, Path: "{path}"}}}}\n'
    written = tmp_path / "template.yaml"
    written.write_text(text, encoding="utf-8")
    return written


@pytest.fixture
def routes(tmp_path: Path) -> Routes:
    return read_routes(
        template(
            tmp_path,
            one=[("get", "/a/{id}"), ("POST", "/a/{id}/void")],
            static=[("GET", "/a/b")],
            last=[("ANY", "$default")],
        )
    )


def chosen(routes: Routes, method: str, path: str) -> tuple[str, dict[str, str]]:
    route, parameters = routes.find(method, path)
    return route.function, parameters


def test_a_static_route_comes_before_one_with_a_parameter(routes: Routes) -> None:
    assert chosen(routes, "GET", "/a/b") == ("static", {})
    assert chosen(routes, "GET", "/a/c") == ("one", {"id": "c"})
    assert chosen(routes, "POST", "/a/b/void") == ("one", {"id": "b"})


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/a/"), ("GET", "/a/b/c"), ("POST", "/a/b"), ("PUT", "/a/c"), ("GET", "/A/b")],
)
def test_what_no_route_takes_goes_to_the_default(method: str, path: str, routes: Routes) -> None:
    assert chosen(routes, method, path) == ("last", {})


def test_a_parameter_is_one_segment_of_anything_else(routes: Routes) -> None:
    assert chosen(routes, "GET", "/a/x y\n%.(é)") == ("one", {"id": "x y\n%.(é)"})


def test_keys_and_folders(routes: Routes, tmp_path: Path) -> None:
    assert [(route.key, route.folder) for route in routes] == [
        ("GET /a/b", tmp_path / "functions" / "static"),
        ("GET /a/{id}", tmp_path / "functions" / "one"),
        ("POST /a/{id}/void", tmp_path / "functions" / "one"),
        ("$default", tmp_path / "functions" / "last"),
    ]


@pytest.mark.parametrize(
    "functions",
    [
        {"one": [("GET", "/a")]},
        {"one": [("GET", "/a"), ("get", "/a")], "last": [("ANY", "$default")]},
        {"one": [("GET", "/a/{x}"), ("GET", "/a/{x}")], "last": [("ANY", "$default")]},
        {"one": [("ANY", "$default")], "two": [("ANY", "$default")]},
    ],
    ids=["no default", "a route twice", "a parameter route twice", "two defaults"],
)
def test_a_template_that_does_not_say_one_thing_is_refused(
    functions: dict[str, list[tuple[str, str]]], tmp_path: Path
) -> None:
    with pytest.raises(TemplateError):
        read_routes(template(tmp_path, **functions))


def test_a_template_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="cannot read"):
        read_routes(tmp_path / "template.yaml")
