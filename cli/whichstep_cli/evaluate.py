"""`whichstep evaluate`: attach an evaluation to an execution, or to one of its steps."""

from __future__ import annotations

from typing import Annotated

import typer

from whichstep_cli import output
from whichstep_cli.errors import UsageError
from whichstep_cli.options import Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source

app = typer.Typer(add_completion=False)


@app.command()
@takes_options
def evaluate(
    source: SourceOptions,
    execution_id: Annotated[str, typer.Argument(metavar="ID", help="The execution: 32 hex digits.")],
    name: Annotated[str, typer.Option(help="What is stated, as helpful; task_success decides success.")],
    score: Annotated[float | None, typer.Option(help="A number; for task_success 1 is done, 0 is not.")] = None,
    label: Annotated[str | None, typer.Option(help="A word, as good.")] = None,
    explanation: Annotated[str | None, typer.Option(help="Why.")] = None,
    sampled_by: Annotated[str | None, typer.Option(help="How the execution was picked, as a random tenth.")] = None,
    inclusion_probability: Annotated[
        float | None, typer.Option(metavar="P", help="The chance that it had: it stands for 1 / P executions.")
    ] = None,
    step: Annotated[str | None, typer.Option(metavar="ID", help="Speak of this step only.")] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Attach an evaluation to an execution or step; a reviewer's token makes it a person's word."""
    if score is None and label is None and explanation is None:
        raise UsageError("an evaluation says something: give --score, --label or --explanation")
    stated = {
        "execution_id": execution_id,
        "step_id": step,
        "name": name,
        "score": score,
        "label": label,
        "explanation": explanation,
        "sampled_by": sampled_by,
        "inclusion_probability": inclusion_probability,
    }
    with open_source(source) as client:
        document = client.post(
            "/api/v1/evaluations", {key: value for key, value in stated.items() if value is not None}
        )
    if format is Format.JSON:
        output.write_json(document)
    else:
        output.write_text(f"{name} noted on {execution_id}")
