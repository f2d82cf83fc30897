"""What a person reads when Terraform failed."""

from __future__ import annotations

import pytest

from machina_desktop.core.workers.failures import apply_failure


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("api error VPCIdNotSpecified: No default VPC for this user", "create-default-vpc"),
        ("api error MissingInput: No subnets found for the default VPC 'vpc-1'.", "create-default-vpc"),
        ("The resource 'projects/p/global/networks/default' was not found, notFound", "network called default"),
        (
            "Invalid value: 'global/networks/default'. The referenced network resource cannot be found., invalid",
            "network called default",
        ),
        ("api error InsufficientInstanceCapacity: none left", "Read the log"),
    ],
)
def test_a_place_without_a_network_is_told_how_to_get_one(words: str, hint: str) -> None:
    failure = apply_failure(words, 1)
    assert (failure.message, failure.code) == (words, "E-TF-APPLY")
    assert hint in failure.hint
    assert failure.hint.startswith("What was made is kept in the record.")
