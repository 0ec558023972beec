"""Claim: ingest and metrics_overall start in at most 1.5 times what a handler needs that only makes a boto3 client.

Each container is new; the functions take turns, so that all see the same weather. What is measured is the emulator's
INIT REPORT: from the start of the runtime until it asks for the first event, everything that a module does on import.
"""

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trueedge_local import sam

from .functions import FunctionContainer, emulator
from .harness import Result, Scale, console, ratios

BOTO3, NOTHING = "boto3 client", "nothing"
REFERENCES = {
    NOTHING: "",
    BOTO3: "import boto3\nclient = boto3.client('dynamodb', region_name='us-east-1')\n",
}
HANDLER = "def handler(event, context):\n    return event\n"
OURS = ("ingest", "metrics_overall")


def run(scale: Scale) -> list[Result]:
    if not (sam.CHECKOUT / ".venv-sam").exists():
        console.print("coldstart: left out, it needs Docker and the SAM CLI: python3 dev.py setup --sam")
        return []
    sam.build()
    took: dict[str, list[float]] = {}
    with _references() as folders:
        for name in OURS:
            folders[name] = sam.BUILT.parent / f"{name.title().replace('_', '')}Function"
        image, rapid = sam.lambda_image(), emulator()
        rounds = max(5, scale.rounds)
        for turn in range(rounds):
            console.print(f"coldstart: round {turn + 1} of {rounds}")
            for name in list(folders)[:: 1 if turn % 2 else -1]:
                took.setdefault(name, []).append(_init(image, rapid, name, folders[name]))
    return [
        Result(
            f"INIT of {name}, bytecode in the layer",
            _ms(took[name]),
            f"boto3 client {_ms(took[BOTO3])}, nothing {_ms(took[NOTHING])}",
            statistics.median(ratios(took[name], took[BOTO3])),
            "<= 1.5",
            rounds=ratios(took[name], took[BOTO3]),
        )
        for name in OURS
    ]


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


def _ms(values: list[float]) -> str:
    return f"{statistics.median(values):,.0f} ms"
