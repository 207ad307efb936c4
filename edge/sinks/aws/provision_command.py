"""The command scripts/provision-aws: an AWS account made ready for gates, gate by gate, and taken down again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.errors import EdgeError
from edge.sinks.aws.provision import Account

TEMPLATE = Path(__file__).parents[3] / "deploy" / "aws" / "anpr.yaml"
EPILOG = """\
examples:
  scripts/provision-aws up                                  # table, bucket, rules, policies
  scripts/provision-aws gate gate-7 --site north --out keys # one gate: thing, keys, settings
  scripts/provision-aws remove gate-7
  scripts/provision-aws down                                # everything, stored events included
credentials and region come from where the AWS command line takes them (aws configure).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; return its exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        import boto3  # noqa: PLC0415  (extra [aws])
        import botocore.exceptions  # noqa: PLC0415
    except ImportError:
        sys.stderr.write("this needs boto3: pip install '.[aws]'\n")
        return 1
    try:
        sys.stdout.write(_do(chosen, Account(boto3.Session(region_name=chosen.region), chosen.prefix)))
    except (EdgeError, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _do(chosen: argparse.Namespace, account: Account) -> str:
    if chosen.action == "up":
        days = {"EventDays": chosen.event_days, "EvidenceDays": chosen.evidence_days}
        outputs = account.up(TEMPLATE.read_text(encoding="utf-8"), days)
        return "".join(f"{name}: {value}\n" for name, value in sorted(outputs.items()))
    if chosen.action == "gate":
        files = account.gate(chosen.name, chosen.site, chosen.out)
        return f"settings: {files.config_file}\nkey (keep it on the gate only): {files.key_file}\n"
    if chosen.action == "remove":
        return f"{chosen.name} removed, {account.remove(chosen.name)} certificate(s) deleted\n"
    if not chosen.yes:
        sys.stderr.write(f"this deletes all gates, events and pictures of {chosen.prefix!r}; say --yes to go on\n")
        raise SystemExit(2)
    account.down()
    return f"{chosen.prefix} is gone\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/provision-aws",
        description="Makes an AWS account ready for gates and each gate its keys; takes all down again.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--region", help="AWS region (default: that of your AWS configuration)")
    parser.add_argument("--prefix", default="anpr", help="first level of topics, beginning of names (default: anpr)")
    actions = parser.add_subparsers(dest="action", required=True)
    up = actions.add_parser("up", help="make or update the stack")
    up.add_argument("--event-days", type=int, default=365, help="keep events so long (default: 365)")
    up.add_argument("--evidence-days", type=int, default=30, help="keep pictures so long (default: 30)")
    gate = actions.add_parser("gate", help="make one gate: thing, keys, settings")
    gate.add_argument("name", help="thing name = MQTT client id, e.g. gate-7")
    gate.add_argument("--site", required=True, help="site.name of the gate's settings")
    gate.add_argument("--out", type=Path, default=Path(), help="folder for key, certificates, settings (default: .)")
    remove = actions.add_parser("remove", help="delete one gate and its certificates")
    remove.add_argument("name")
    down = actions.add_parser("down", help="delete everything, stored events included")
    down.add_argument("--yes", action="store_true", help="really")
    return parser


if __name__ == "__main__":
    sys.exit(main())
