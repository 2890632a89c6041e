"""The command line: mounts one file a command, and turns our errors into one line and an exit status."""

from __future__ import annotations

import sys

import typer

from affectrl.cli import data, emotions, nano, report, sandbox, suite
from affectrl.cli.adapt import adapt
from affectrl.cli.attribute import attribute
from affectrl.cli.baseline import baseline
from affectrl.cli.calibrate import calibrate
from affectrl.cli.compare import compare
from affectrl.cli.convert import convert
from affectrl.cli.embed import embed
from affectrl.cli.evaluate import evaluate
from affectrl.cli.fuse import fuse
from affectrl.cli.plan import plan
from affectrl.cli.predict import predict
from affectrl.cli.recipes import recipes
from affectrl.cli.reproduce import reproduce
from affectrl.cli.score import score
from affectrl.cli.serve import serve
from affectrl.cli.share import card, share
from affectrl.cli.train import train
from affectrl.cli.transfer import transfer
from affectrl.cli.vote import vote
from affectrl.errors import AffectError
from affectrl.version import __version__

app = typer.Typer(
    name="affectrl",
    help="Train, evaluate and use multimodal emotion models with reinforcement learning.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(predict)
app.command()(embed)
app.command()(serve)
app.command()(train)
app.command()(plan)
app.command()(adapt)
app.command(name="eval")(evaluate)
app.command()(attribute)
app.command()(calibrate)
app.command()(baseline)
app.command()(transfer)
app.command()(score)
app.command()(compare)
app.command()(vote)
app.command()(fuse)
app.command()(report.report)
app.command()(recipes)
app.command()(reproduce)
app.command()(share)
app.command()(card)
app.command()(convert)
app.command()(sandbox.sandbox)
app.add_typer(suite.app, name="suite")
app.add_typer(emotions.app, name="emotions")
app.add_typer(data.app, name="data")
app.add_typer(nano.app, name="nano")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"affectrl {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    pass


def run() -> None:
    """Entry point. Exit status: 0 all well, 1 failed, 2 wrong usage, 3 some clips failed, 130 interrupted."""
    try:
        app()
    except AffectError as error:
        print(f"affectrl: {error} [{error.code}]", file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        print("affectrl: interrupted.", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output went away (`affectrl predict ... | head`): not a failure, and no traceback.
        sys.stderr.close()
        sys.exit(0)
