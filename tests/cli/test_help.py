"""The list of commands reads whole at 80 columns: no summary in it is cut off."""

from typer.testing import CliRunner

from cli.main import app


def test_no_summary_is_cut() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80"}, terminal_width=80)
    assert shown.exit_code == 0
    listed = shown.output.split("Commands:")[1]
    assert "demo" in listed
    assert "..." not in listed
