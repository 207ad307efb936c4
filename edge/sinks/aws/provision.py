"""Sets an AWS account up for gates: one stack for the site, one thing with its own keys per gate, and back again.

Everything can be run again: what exists already is used. Private keys are
written once, readable by their owner only, and are never shown.
"""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from edge.errors import ConfigError, EdgeError

log = logging.getLogger(__name__)

ROOT_AUTHORITY = "Amazon Root CA 1"
THING = re.compile(r"[A-Za-z0-9:_-]{1,128}")
SITE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")  # as site.name in the settings
KEY_MODE = 0o600
PATIENCE = {"Delay": 5, "MaxAttempts": 240}  # 20 minutes for a stack


class ProvisioningFailed(EdgeError):
    """AWS refused or the stack did not come up."""


@dataclass(frozen=True, slots=True)
class GateFiles:
    """What one gate needs, as written."""

    certificate_file: Path
    key_file: Path
    ca_file: Path
    config_file: Path


class Account:
    """One AWS account and region.

    Args:
        session: a boto3 session.
        prefix: first level of every topic and beginning of every name; also the name of the stack.
    """

    def __init__(self, session: Any, prefix: str = "anpr") -> None:
        self._prefix = prefix
        self._iot = session.client("iot")
        self._stacks = session.client("cloudformation")
        self._buckets = session.client("s3")

    def up(self, template: str, days: Mapping[str, int] | None = None) -> dict[str, str]:
        """Make or update the stack; return its outputs.

        Args:
            template: text of deploy/aws/anpr.yaml.
            days: EventDays and EvidenceDays, where not the defaults.

        Raises:
            ProvisioningFailed: the stack did not come up; the reason is in it.
        """
        parameters = [{"ParameterKey": "Prefix", "ParameterValue": self._prefix}]
        parameters += [{"ParameterKey": k, "ParameterValue": str(v)} for k, v in (days or {}).items()]
        asked = {
            "StackName": self._prefix,
            "TemplateBody": template,
            "Parameters": parameters,
            "Capabilities": ["CAPABILITY_IAM"],
        }
        kind = "update" if self._stack() else "create"
        try:
            getattr(self._stacks, f"{kind}_stack")(**asked)
            self._stacks.get_waiter(f"stack_{kind}_complete").wait(StackName=self._prefix, WaiterConfig=PATIENCE)
        except self._stacks.exceptions.ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise ProvisioningFailed(f"stack {self._prefix}: {error}") from error
        stack = self._stack() or {}
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}

    def gate(self, name: str, site: str, folder: Path) -> GateFiles:
        """Make the thing `name` at `site` with fresh keys, and write its files and settings to `folder`.

        Raises:
            ConfigError: a name is not allowed, or the files exist already.
            ProvisioningFailed: the stack is missing.
        """
        _check_names(name, site)
        files = GateFiles(*(folder / f"{name}{end}" for end in (".pem", ".key", "-ca.pem", ".yaml")))
        if files.key_file.exists():
            raise ConfigError(str(files.key_file), "exists already", "remove the gate first, or choose another folder")
        if not self._stack():
            raise ProvisioningFailed(f"there is no stack {self._prefix}. Make it first: scripts/provision-aws up")
        self._iot.create_thing(
            thingName=name, thingTypeName=f"{self._prefix}-gate", attributePayload={"attributes": {"site": site}}
        )
        self._iot.add_thing_to_thing_group(thingGroupName=f"{self._prefix}-gates", thingName=name)
        made = self._iot.create_keys_and_certificate(setAsActive=True)
        for policy in ("gate", "site"):
            self._iot.attach_policy(policyName=f"{self._prefix}-{policy}", target=made["certificateArn"])
        self._iot.attach_thing_principal(thingName=name, principal=made["certificateArn"])
        endpoint = self._iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
        folder.mkdir(parents=True, exist_ok=True)
        _write_private(files.key_file, made["keyPair"]["PrivateKey"])
        files.certificate_file.write_text(made["certificatePem"])
        files.ca_file.write_text(root_authority())
        files.config_file.write_text(_settings(name, site, self._prefix, endpoint, files))
        return files

    def remove(self, name: str) -> int:
        """Delete the thing `name` and its certificates; return how many certificates there were."""
        principals = self._iot.list_thing_principals(thingName=name)["principals"]
        for arn in principals:
            for policy in self._iot.list_attached_policies(target=arn)["policies"]:
                self._iot.detach_policy(policyName=policy["policyName"], target=arn)
            self._iot.detach_thing_principal(thingName=name, principal=arn)
            certificate = arn.rsplit("/", 1)[-1]
            self._iot.update_certificate(certificateId=certificate, newStatus="INACTIVE")
            self._iot.delete_certificate(certificateId=certificate, forceDelete=True)
        self._iot.delete_thing(thingName=name)
        return len(principals)

    def gates(self) -> list[str]:
        """Return the names of all gates of this prefix."""
        pages = self._iot.get_paginator("list_things").paginate(thingTypeName=f"{self._prefix}-gate")
        return [thing["thingName"] for page in pages for thing in page["things"]]

    def down(self) -> None:
        """Delete all gates, all stored pictures and events, and the stack.

        Raises:
            ProvisioningFailed: the stack could not be deleted.
        """
        for name in self.gates():
            self.remove(name)
        stack = self._stack()
        if not stack:
            return
        for output in stack.get("Outputs", ()):
            if output["OutputKey"] == "Bucket":
                self._empty(output["OutputValue"])
        try:
            self._stacks.delete_stack(StackName=self._prefix)
            self._stacks.get_waiter("stack_delete_complete").wait(StackName=self._prefix, WaiterConfig=PATIENCE)
        except self._stacks.exceptions.ClientError as error:
            raise ProvisioningFailed(f"stack {self._prefix}: {error}") from error

    def _stack(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._stacks.describe_stacks(StackName=self._prefix)["Stacks"][0]
        except self._stacks.exceptions.ClientError as error:
            if "does not exist" in str(error):
                return None
            raise ProvisioningFailed(f"stack {self._prefix}: {error}") from error
        return found

    def _empty(self, bucket: str) -> None:
        for page in self._buckets.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            keys = [{"Key": item["Key"]} for item in page.get("Contents", ())]
            if keys:
                self._buckets.delete_objects(Bucket=bucket, Delete={"Objects": keys})


def root_authority() -> str:
    """Return the PEM of Amazon's root authority, from the authorities that this machine trusts.

    Raises:
        ProvisioningFailed: it is not among them.
    """
    for encoded in ssl.create_default_context().get_ca_certs(binary_form=True):
        certificate = x509.load_der_x509_certificate(encoded)
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if names and names[0].value == ROOT_AUTHORITY:
            return certificate.public_bytes(Encoding.PEM).decode("ascii")
    raise ProvisioningFailed(f"{ROOT_AUTHORITY} is not among this machine's authorities. Install ca-certificates")


def _check_names(name: str, site: str) -> None:
    if not THING.fullmatch(name):
        raise ConfigError("name", f"{name!r} is not a thing name", "use letters, digits, : _ -")
    if not SITE.fullmatch(site):
        raise ConfigError("--site", f"{site!r} is not a site name", "use letters, digits, . _ -")


def _write_private(path: Path, text: str) -> None:
    """Write a private key that was never readable by anyone else, not even for a moment."""
    path.touch(KEY_MODE, exist_ok=False)
    path.write_text(text)


def _settings(name: str, site: str, prefix: str, endpoint: str, files: GateFiles) -> str:
    mqtt = {
        "profile": "aws-iot",
        "host": endpoint,
        "port": 8883,
        "client_id": name,
        "topic": f"{prefix}/{{site}}/{{lane}}/events",
        "status_topic": f"{prefix}/{{site}}/{{client_id}}/status",
        "tls": {
            "enabled": True,
            "ca_file": str(files.ca_file.resolve()),
            "certificate_file": str(files.certificate_file.resolve()),
            "key_file": str(files.key_file.resolve()),
        },
    }
    parking = {"zone_topic": f"{prefix}/{{site}}/zones/{{zone}}", "share_topic": f"{prefix}/{{site}}/sessions"}
    head = f"# {name}: put these sections into config.yaml, then run: anpr-edge check -c config.yaml\n"
    return head + yaml.safe_dump({"site": {"name": site}, "mqtt": mqtt, "parking": parking}, sort_keys=False)
