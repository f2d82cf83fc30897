"""What a Terraform plan would do, in the form people approve."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PlanAction(StrEnum):
    """What happens to one resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    READ = "read"
    IMPORT = "import"
    FORGET = "forget"
    NOTHING = "no-op"


@dataclass(frozen=True, kw_only=True)
class AttributeChange:
    """One attribute's old and new value, as JSON text; ``None`` where there is none.

    Attributes:
        path: Dotted path below the resource, such as ``input.port``.
        unknown: The new value is known only after apply.
        sensitive: Both texts are withheld (``None``); the window shows dots.
        forces_replacement: This change is why the resource is replaced.
    """

    path: str
    before: str | None = None
    after: str | None = None
    unknown: bool = False
    sensitive: bool = False
    forces_replacement: bool = False


@dataclass(frozen=True, kw_only=True)
class ResourceChange:
    """One resource of the plan."""

    address: str
    type: str
    name: str
    action: PlanAction
    reason: str = ""
    attributes: tuple[AttributeChange, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PlanSummary:
    """The spec's TerraformPlanSummary: counts, and each resource with its attribute changes.

    ``add``, ``change`` and ``remove`` count as Terraform's own summary line does: a replacement adds one and
    removes one. ``drift`` lists what changed outside since the last run.
    """

    add: int = 0
    change: int = 0
    remove: int = 0
    imports: int = 0
    resources: tuple[ResourceChange, ...] = ()
    drift: tuple[ResourceChange, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether applying it would change nothing."""
        return not (self.add or self.change or self.remove or self.imports or self.outputs)

    @property
    def operations(self) -> int:
        """How many operations applying it takes."""
        return self.add + self.change + self.remove + self.imports
