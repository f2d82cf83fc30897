"""What Terraform failed with, and what to do about it."""

from __future__ import annotations

import re

from machina_desktop.core.errors import Unavailable

# Terraform's and the providers' words, which are the only thing that tells failures apart.
_OTHER_PLUGIN = re.compile(r"checksums previously recorded|changes to the dependency lock file", re.IGNORECASE)
_NO_NETWORK = (
    (
        re.compile(r"VPCIdNotSpecified|No default VPC|No subnets found for the default VPC"),
        "The region has no default VPC. Make one there, such as with aws ec2 create-default-vpc, then try again.",
    ),
    (
        re.compile(r"global/networks/default'?\.? ?(was not found|The referenced network resource cannot be found)"),
        "The project has no network called default. Make one there with subnets in all regions, then try again.",
    ),
)


class RunFailed(Unavailable):
    """Terraform itself said no; the message is its own."""

    default_code = "E-TF-FAILED"


def init_failure(problem: str) -> RunFailed:
    """Why ``init`` failed."""
    if _OTHER_PLUGIN.search(problem):
        return RunFailed(
            "The provider's plugin is not the one that this account's first run got: its checksum is another. "
            f"{problem}",
            hint="Find out why it changed before you trust it. To take the new one, forget the account's plugins.",
            code="E-TF-LOCK",
        )
    return RunFailed(
        problem or "Terraform could not be initialised.",
        hint="Check the network and the proxy, then try again.",
        code="E-TF-INIT",
    )


def plan_failure(problem: str, code: int | None) -> RunFailed:
    """Why ``plan`` failed, which ended with that code; ``None`` where it never ended."""
    return RunFailed(
        problem or f"Terraform's plan ended with code {'?' if code is None else code}.",
        hint="Read the log, mend the cause and try again.",
        code="E-TF-PLAN",
    )


def apply_failure(problem: str, code: int) -> RunFailed:
    """Why ``apply`` failed, which ended with that code."""
    known = next((hint for words, hint in _NO_NETWORK if words.search(problem)), "")
    return RunFailed(
        problem or f"Terraform's apply ended with code {code}.",
        hint=f"What was made is kept in the record. {known or 'Read the log, mend the cause and try again.'}",
        code="E-TF-APPLY",
    )
