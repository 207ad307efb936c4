"""Provisioning: the template is sound, the policy small and narrow, and the command makes and unmakes a gate."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge.config import load
from edge.errors import ConfigError
from edge.sinks.aws import provision_command
from edge.sinks.aws.provision import Account, ProvisioningFailed

boto3 = pytest.importorskip("boto3", reason="needs the extra [aws]")
moto = pytest.importorskip("moto", reason="needs moto, see extra [dev]")
ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "deploy" / "aws" / "anpr.yaml"
REGION = "ap-southeast-2"  # among the longest names
POLICY_LIMIT_BYTES = 2048
EVENT = json.loads((ROOT / "docs" / "schema" / "event.schema.json").read_text())


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short tags."""


def _tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {suffix: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _tag)


def template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _Loader)
    return loaded


def resolved(value: Any) -> Any:
    """Return `value` as CloudFormation fills it in."""
    if isinstance(value, dict) and set(value) == {"Sub"}:
        text = value["Sub"]
        names = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": "1" * 12, "Prefix": "anpr"}
        for name, filled in names.items():
            text = text.replace(f"${{{name}}}", filled)
        return text.replace("${!", "${")
    if isinstance(value, dict):
        return {key: resolved(inner) for key, inner in value.items()}
    return [resolved(inner) for inner in value] if isinstance(value, list) else value


def policy_of(resource: str) -> dict[str, Any]:
    policy: dict[str, Any] = resolved(template()["Resources"][resource]["Properties"]["PolicyDocument"])
    return policy


GATE_POLICIES = ("GatePolicy", "SitePolicy")  # every gate has both


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with moto.mock_aws():
        yield boto3.Session(region_name=REGION)


@pytest.mark.slow
def test_template_passes_cfn_lint() -> None:
    """Errors and warnings count; some small regions lack fleet provisioning, see docs/aws.md."""
    lint = pytest.importorskip("cfnlint.api", reason="needs cfn-lint, see extra [dev]")
    config = pytest.importorskip("cfnlint.config")
    findings = lint.lint(TEMPLATE.read_text(), None, None, config.ManualArgs(regions=["eu-central-1", "us-east-1"]))
    assert [f"{f.rule.id} line {f.linenumber}: {f.message}" for f in findings if f.rule.id[0] in "EW"] == []


@pytest.mark.parametrize("resource", GATE_POLICIES)
def test_gate_policy_fits_into_aws_and_names_no_wildcard_gate(resource: str) -> None:
    policy = policy_of(resource)
    assert len(json.dumps(policy, separators=(",", ":")).encode()) < POLICY_LIMIT_BYTES
    for statement in policy["Statement"]:
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            assert "${iot:Connection.Thing." in resource


@pytest.mark.parametrize(
    ("action", "topic", "allowed"),
    [
        ("iot:Publish", "anpr/north/lane-1/events", True),
        ("iot:Publish", "$aws/rules/anpr_events/anpr/north/lane-1/events", True),
        ("iot:RetainPublish", "anpr/north/gate-7/status", True),
        ("iot:Publish", "$aws/things/gate-7/shadow/update", True),
        ("iot:Publish", "$aws/things/gate-7/jobs/start-next", True),
        ("iot:Receive", "$aws/things/gate-7/jobs/notify-next", True),
        ("iot:Publish", "anpr/north/lane-1/barrier", True),
        ("iot:Publish", "anpr/north/lane-1/alerts", True),
        ("iot:RetainPublish", "anpr/north/zones/deck-1", True),
        ("iot:Publish", "anpr/north/sessions", True),
        ("iot:Receive", "anpr/north/sessions", True),
        ("iot:Receive", "anpr/north/lists", True),
        ("iot:Publish", "anpr/north/lists/replies", True),
        ("iot:Receive", "anpr/north/gate-1/vehicle", True),
        ("iot:Publish", "anpr/north/lists", False),
        ("iot:Publish", "anpr/south/sessions", False),
        ("iot:Receive", "anpr/south/lists", False),
        ("iot:Publish", "anpr/south/lane-1/events", False),
        ("iot:Publish", "anpr/north/gate-8/status", False),
        ("iot:RetainPublish", "anpr/north/lane-1/events", False),
        ("iot:Publish", "$aws/things/gate-8/shadow/update", False),
        ("iot:Receive", "anpr/north/lane-1/events", False),
    ],
)
def test_gate_may_do_what_it_needs_and_nothing_else(action: str, topic: str, allowed: bool) -> None:
    """Evaluated as AWS does it, for gate-7 at site north: allowed when any statement matches."""
    arn = f"arn:aws:iot:{REGION}:{'1' * 12}:topic/{topic}"
    assert any(_allows(policy_of(resource), action, arn) for resource in GATE_POLICIES) is allowed


def _allows(policy: dict[str, Any], action: str, arn: str) -> bool:
    def listed(value: Any) -> list[str]:
        return [value] if isinstance(value, str) else value

    def matches(pattern: str) -> bool:
        filled = pattern.replace("${iot:Connection.Thing.ThingName}", "gate-7")
        filled = filled.replace("${iot:Connection.Thing.Attributes[site]}", "north")
        return re.fullmatch(re.escape(filled).replace(r"\*", ".*"), arn) is not None

    return any(
        action in listed(s["Action"]) and any(matches(r) for r in listed(s["Resource"])) for s in policy["Statement"]
    )


def test_rules_select_only_fields_that_events_have() -> None:
    """A typo in a rule loses the column silently, for every event."""
    known = set(EVENT["properties"]) | {"site_lane", "expires", "timestamp"}
    sql = resolved(template()["Resources"]["EventRule"]["Properties"]["TopicRulePayload"]["Sql"])
    sql = sql.replace("${EventDays}", "365")
    selected = re.search(r"SELECT (.*) FROM '([^']+)'", sql)
    assert selected is not None
    columns = re.sub(r"concat\([^)]*\)|floor\(timestamp\(\) / 1000\) \+ 365 \* 86400", "site", selected[1]).split(",")
    assert {column.split(" AS ")[0].strip().split(".")[0] for column in columns} <= known
    assert selected[2] == "anpr/+/+/events"
    assert {"site", "lane", "event_id", "sequence", "plate", "captured_at"} <= {c.strip() for c in columns}


def test_fleet_template_is_valid_and_attaches_the_gate_policies() -> None:
    body = template()["Resources"]["FleetTemplate"]["Properties"]["TemplateBody"]["Sub"]
    parsed = json.loads(body)
    attached = [r["Properties"]["PolicyName"] for r in parsed["Resources"].values() if r["Type"] == "AWS::IoT::Policy"]
    assert attached == [f"${{{resource}}}" for resource in GATE_POLICIES]
    assert parsed["Resources"]["thing"]["Properties"]["AttributePayload"] == {"site": {"Ref": "Site"}}


def test_greengrass_recipe_is_complete() -> None:
    recipe = yaml.safe_load((ROOT / "deploy" / "aws" / "greengrass.yaml").read_text())
    assert recipe["RecipeFormatVersion"] == "2020-01-25"
    (manifest,) = recipe["Manifests"]
    assert {"install", "run", "shutdown"} <= set(manifest["Lifecycle"])
    version = recipe["ComponentVersion"]
    assert all(version in artifact["Uri"] for artifact in manifest["Artifacts"])


def small_stack() -> str:
    """Return the parts of the template that moto's CloudFormation can both make and delete, as JSON."""
    whole = _functions(template())
    parts = ("EventTable", "EvidenceBucket")
    outputs = {name: whole["Outputs"][name] for name in ("Table", "Bucket")}
    resources = {name: whole["Resources"][name] for name in parts}
    return json.dumps({"Parameters": whole["Parameters"], "Resources": resources, "Outputs": outputs})


def _functions(value: Any) -> Any:
    """Return `value` with short tags written out: {"Sub": x} as {"Fn::Sub": x}."""
    if isinstance(value, dict):
        return {"Fn::Sub" if key == "Sub" else key: _functions(inner) for key, inner in value.items()}
    return [_functions(inner) for inner in value] if isinstance(value, list) else value


@pytest.fixture
def ready(account: Any) -> Account:
    """An account with the stack up; what moto's CloudFormation cannot make is made by hand."""
    gates = Account(account)
    gates.up(small_stack())
    account.client("iot").create_thing_type(thingTypeName="anpr-gate")
    account.client("iot").create_thing_group(thingGroupName="anpr-gates")
    for name, resource in (("anpr-gate", "GatePolicy"), ("anpr-site", "SitePolicy")):
        account.client("iot").create_policy(policyName=name, policyDocument=json.dumps(policy_of(resource)))
    return gates


@pytest.mark.slow
def test_whole_template_goes_up(account: Any) -> None:
    """moto leaves out what it does not know (rules, groups); the names and references of the rest must hold."""
    outputs = Account(account).up(TEMPLATE.read_text(), {"EvidenceDays": 7})
    assert outputs["Table"] == "anpr-events"
    assert outputs["Bucket"] == f"anpr-evidence-123456789012-{REGION}"
    policies = account.client("iot").list_policies()["policies"]
    assert {policy["policyName"] for policy in policies} == {"anpr-gate", "anpr-site", "anpr-claim"}
    made = str(account.client("iot").get_policy(policyName="anpr-gate")["policyDocument"])
    assert "client/${iot:Connection.Thing.ThingName}" in made  # still a variable: AWS IoT fills it in, not the stack


def test_gate_is_made_with_its_own_keys_and_settings_that_check_accepts(
    account: Any, ready: Account, tmp_path: Path
) -> None:
    files = ready.gate("gate-7", "north", tmp_path / "keys")
    assert stat.S_IMODE(files.key_file.stat().st_mode) == 0o600
    config = tmp_path / "config.yaml"
    config.write_text("cameras: [{name: c, url: x.mp4}]\n" + files.config_file.read_text())
    settings = load(config)
    assert (settings.mqtt.client_id, settings.mqtt.profile, settings.site.name) == ("gate-7", "aws-iot", "north")
    assert settings.mqtt.topic.format(site="north", lane="lane-1") == "anpr/north/lane-1/events"
    assert ready.gates() == ["gate-7"]
    thing = account.client("iot").describe_thing(thingName="gate-7")
    assert thing["attributes"] == {"site": "north"}
    assert thing["thingTypeName"] == "anpr-gate"
    certificate = account.client("iot").list_thing_principals(thingName="gate-7")["principals"][0]
    attached = account.client("iot").list_attached_policies(target=certificate)["policies"]
    assert {policy["policyName"] for policy in attached} == {"anpr-gate", "anpr-site"}


def test_removing_a_gate_leaves_no_certificate_that_could_connect(account: Any, ready: Account, tmp_path: Path) -> None:
    ready.gate("gate-7", "north", tmp_path)
    assert ready.remove("gate-7") == 1
    assert ready.gates() == []
    assert account.client("iot").list_certificates()["certificates"] == []


def test_down_removes_gates_pictures_and_stack(account: Any, ready: Account, tmp_path: Path) -> None:
    bucket = ready.up(small_stack())["Bucket"]
    ready.gate("gate-7", "north", tmp_path)
    account.client("s3").put_object(Bucket=bucket, Key="north/lane-1/x.json", Body=b"{}")
    ready.down()
    ready.down()  # a second time finds nothing to do
    assert account.client("dynamodb").list_tables()["TableNames"] == []
    assert account.client("s3").list_buckets()["Buckets"] == []
    assert account.client("iot").list_things()["things"] == []


def test_up_can_be_run_again(ready: Account) -> None:
    assert ready.up(small_stack(), {"EvidenceDays": 7})["Table"] == "anpr-events"


def test_existing_key_is_never_overwritten(account: Any, ready: Account, tmp_path: Path) -> None:
    (tmp_path / "gate-7.key").write_text("old")
    with pytest.raises(ConfigError, match="exists already"):
        ready.gate("gate-7", "north", tmp_path)
    assert account.client("iot").list_things()["things"] == []


def test_gate_without_a_stack_says_what_to_do_first(account: Any, tmp_path: Path) -> None:
    with pytest.raises(ProvisioningFailed, match="provision-aws up"):
        Account(account).gate("gate-7", "north", tmp_path)


@pytest.mark.parametrize(("name", "site"), [("gate 7", "north"), ("gate-7", "no/rth"), ("", "north")])
def test_names_that_mqtt_or_aws_would_refuse_are_refused_here(
    account: Any, tmp_path: Path, name: str, site: str
) -> None:
    with pytest.raises(ConfigError):
        Account(account).gate(name, site, tmp_path)


def test_command_goes_from_an_empty_account_to_a_gate_and_back(
    ready: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = provision_command.main
    (tmp_path / "small.json").write_text(small_stack())
    monkeypatch.setattr(provision_command, "TEMPLATE", tmp_path / "small.json")
    assert call(["--region", REGION, "up"]) == 0
    assert call(["--region", REGION, "gate", "gate-7", "--site", "north", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "Table: anpr-events" in shown
    assert "BEGIN" not in shown  # never a key on the screen
    assert call(["--region", REGION, "remove", "gate-7"]) == 0
    with pytest.raises(SystemExit) as refused:
        call(["--region", REGION, "down"])
    assert refused.value.code == 2
    assert call(["--region", REGION, "down", "--yes"]) == 0
