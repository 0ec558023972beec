"""Claim: ingest and metrics_overall start in at most 1.5 times what a handler needs that only makes a boto3 client, and
in at most 1.6 times with their store on DynamoDB.

Each container is new; the functions take turns, so that all see the same weather. What is measured is the emulator's
INIT REPORT: from the start of the runtime until it asks for the first event, everything that a module does on import.
A store is opened by the first request, so with DynamoDB what that takes longer than the ones after it counts too.
"""

import json
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from trueedge_local import emulated, sam

from .functions import FunctionContainer, emulator
from .harness import Result, Scale, console, ratios

BOTO3, NOTHING = "boto3 client", "nothing"
REFERENCES = {
    NOTHING: "",
    BOTO3: "import boto3\nclient = boto3.client('dynamodb', region_name='us-east-1')\n",
}
HANDLER = "def handler(event, context):\n    return event\n"
OURS = ("ingest", "metrics_overall")
ANSWERS = 4  # the first is cold; the quickest of the others is what an answer takes by itself


def run(scale: Scale) -> list[Result]:
    if not (sam.CHECKOUT / ".venv-sam").exists() or not _has_engine():
        console.print("coldstart: left out, it needs Docker and the SAM CLI: python3 dev.py setup --sam")
        return []
    sam.build()
    took: dict[str, list[float]] = {}
    with _references() as folders, emulated.serving(sam.this_machine_inside()) as table:
        key = sam.first_key(table)
        for name in OURS:
            folders[name] = sam.BUILT.parent / f"{name.title().replace('_', '')}Function"
        image, rapid = sam.lambda_image(), emulator()
        rounds = max(5, scale.rounds)
        for turn in range(rounds):
            console.print(f"coldstart: round {turn + 1} of {rounds}")
            for name in list(folders)[:: 1 if turn % 2 else -1]:
                took.setdefault(name, []).append(_init(image, rapid, name, folders[name]))
            for name in OURS[:: 1 if turn % 2 else -1]:
                took.setdefault(_on_dynamodb(name), []).append(_first(image, rapid, name, folders[name], table, key))
    return [
        *(_result(took, name, f"INIT of {name}, bytecode in the layer", 1.5) for name in OURS),
        *(_result(took, _on_dynamodb(name), f"INIT and first answer of {name} on DynamoDB", 1.6) for name in OURS),
    ]


def _has_engine() -> bool:
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=30).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False


def _on_dynamodb(name: str) -> str:
    return f"{name} on DynamoDB"


def _result(took: Mapping[str, list[float]], name: str, title: str, most: float) -> Result:
    times = ratios(took[name], took[BOTO3])
    compared = f"boto3 client {_ms(took[BOTO3])}, nothing {_ms(took[NOTHING])}"
    return Result(title, _ms(took[name]), compared, statistics.median(times), f"<= {most}", rounds=times)


@contextmanager
def _references() -> Iterator[dict[str, Path]]:
    with tempfile.TemporaryDirectory(prefix="trueedge-coldstart-") as folder:
        found = {}
        for name, imports in REFERENCES.items():
            found[name] = Path(folder) / name.replace(" ", "_")
            found[name].mkdir()
            (found[name] / "app.py").write_text(imports + HANDLER, encoding="utf-8")
        yield found


def _init(image: str, rapid: Path, name: str, code: Path) -> float:
    layer = sam.BUILT.parent / "CoreLayer" / "python"  # mounted for the references too: it costs them nothing
    variables = {"TRUEEDGE_STORE_URL": "sqlite:////tmp/trueedge.db"}
    container = FunctionContainer(image, rapid, code, layer=layer, variables=variables)
    try:
        container.invoke({"rawPath": "/", "requestContext": {"http": {"method": "GET"}}})  # the emulator starts it then
        return container.init_ms()
    finally:
        container.remove()


def _first(image: str, rapid: Path, name: str, code: Path, table: emulated.Table, key: str | None) -> float:
    """INIT, and by how much the first answer is slower than the quickest after it: the driver and its client."""
    variables = {
        **table.variables,
        "TRUEEDGE_STORE_URL": f"{table.url.partition('?')[0]}?sequencing=stream",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    layer = sam.BUILT.parent / "CoreLayer" / "python"
    container = FunctionContainer(image, rapid, code, layer=layer, variables=variables, options=table.options)
    try:
        event = json.loads((sam.CHECKOUT / "events" / f"{name}.json").read_text(encoding="utf-8"))
        event["headers"]["x-api-key"] = key
        for _ in range(ANSWERS):
            answer = container.invoke(event)
            if answer["statusCode"] != 200:
                raise RuntimeError(f"{name} answered {answer['statusCode']}: {answer['body']}")
        first, *others = container.invoked_ms(ANSWERS)
        return container.init_ms() + first - min(others)
    finally:
        container.remove()


def _ms(values: list[float]) -> str:
    return f"{statistics.median(values):,.0f} ms"
