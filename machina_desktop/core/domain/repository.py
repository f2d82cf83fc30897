"""Source code repositories and what happens in them (spec 3.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SourceType(StrEnum):
    """Spec 3.5, SourceType."""

    GITHUB = "github"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    AZURE_DEVOPS = "azure_devops"


class RepositorySyncStatus(StrEnum):
    """How the last synchronisation ended."""

    PENDING = "pending"
    SYNCING = "syncing"
    SYNCED = "synced"
    ERROR = "error"


class PullRequestState(StrEnum):
    """Spec 3.5, PullRequestState."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"
    DRAFT = "draft"


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A tracked repository."""

    repo_id: str
    team_id: str
    source_type: SourceType
    source_integration_id: str | None = None
    source_repo_id: str
    owner_name: str
    name: str
    full_name: str
    default_branch: str
    is_private: bool
    is_tracking: bool
    sync_status: RepositorySyncStatus = RepositorySyncStatus.PENDING


@dataclass(frozen=True, kw_only=True)
class CommitStats:
    """How much a commit changed, in lines and files."""

    additions: int = 0
    deletions: int = 0
    files_changed: int = 0


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One commit's metadata."""

    commit_id: str
    repo_id: str
    sha: str
    contributor_id: str
    message: str
    stats: CommitStats
    authored_at: datetime


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A pull or merge request."""

    pr_id: str
    repo_id: str
    number: int
    title: str
    state: PullRequestState
    head_branch: str
    base_branch: str
    contributor_id: str
