"""The wizard's memory: the draft, what can be chosen, and what is still wrong with each step."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar, Unpack

from PySide6.QtCore import QObject, QTimer, Signal

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import Paths
from machina_desktop.core.domain.firewall import FirewallProfile
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, name_problem
from machina_desktop.core.domain.provider import (
    Catalogue,
    CredentialStatus,
    Image,
    ProviderAccount,
    ProviderInfo,
    ProviderType,
    Size,
    WizardStep,
)
from machina_desktop.core.domain.series import series
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.firewalls import ListFirewalls
from machina_desktop.core.services.keys import ListKeys
from machina_desktop.core.services.machines import CreateMachine, ListMachines
from machina_desktop.core.services.offers import ListCatalogue
from machina_desktop.core.services.providers import ListAccounts, ListProviders
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks
from machina_desktop.views.deploy_wizard.draft import (
    Draft,
    DraftFields,
    DraftFile,
    draft_like,
    request_of,
    requests_of_copies,
    with_copies,
    without,
)
from machina_desktop.views.deploy_wizard.place import Place, why_not_at
from machina_desktop.views.fitting import why_not
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.prices import why_not_there
from machina_desktop.views.server_custody import device_of

T = TypeVar("T")

SAVED_AFTER_MS = 300
# Enough to know which names are taken; the last word is the store's.
NAMES = 5000
# What fallbacks are named for.
_WITH_FALLBACKS = ("account_id", "region", "size", "image")
FROM_CATALOGUE = (WizardStep.REGION, WizardStep.SIZE, WizardStep.IMAGE)


# As ``ssh-keygen -l`` prints it: 32 bytes in unpadded base64.
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


class WizardState(QObject):
    """What every step reads and writes.

    Attributes:
        infos: Providers by type, in the order they are offered.
        accounts: The team's accounts by id.
        keys: The team's SSH keys by id.
        firewalls: The team's firewall profiles by id.
        catalogue: What the chosen account offers; ``None`` until known, or when nothing is asked of it.
        is_renewing: What the account offers is being asked for again.
        copies_problem: Why what is typed is no number of machines; the draft has the number before.
        is_ready: Providers, accounts and keys have arrived.

    Signals:
        changed(): The draft or what can be chosen is another.
        failed(MachinaError): Something that steps need could not be read.
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(self, bridge: Bridge, parent: QObject, *, like: Machine | None = None) -> None:
        """``like`` a machine, its choices are the draft; they are not stored, for the machine has them."""
        super().__init__(parent)
        self._like = like
        self.bridge = bridge
        self.infos: dict[ProviderType, ProviderInfo] = {}
        self.accounts: dict[str, ProviderAccount] = {}
        self.keys: dict[str, SSHKey] = {}
        self.firewalls: dict[str, FirewallProfile] = {}
        self.catalogue: Catalogue | None = None
        self._names: frozenset[str] = frozenset()
        self._arrived: set[str] = set()
        self._knows_firewalls = False
        self.copies_problem = ""
        self._catalogue_of = ""
        self.is_renewing = False
        self._is_finished = False
        self._checks: dict[WizardStep, Callable[[], str]] = {
            WizardStep.ACCOUNT: self._account_problem,
            WizardStep.REGION: self._place_problem,
            WizardStep.SIZE: self._size_problem,
            WizardStep.IMAGE: self._image_problem,
            WizardStep.KEYS: self._keys_problem,
            WizardStep.NAME: lambda: (
                self.name_problem(self.draft.name) or ("" if self.asks_host else self.copies_problem)
            ),
            WizardStep.REVIEW: self._first_problem,
        }
        self._refreshers: list[Callable[[], None]] = []
        self._file = DraftFile(Paths.default().home / "draft.json")
        self.draft = draft_like(like) if like is not None else self._file.load()
        self._save_soon = QTimer(self, singleShot=True, interval=SAVED_AFTER_MS)
        self._save_soon.timeout.connect(self.save)
        bridge.when_settled(self._start)

    @property
    def is_kept(self) -> bool:
        """Whether choices survive closing."""
        return self._like is None

    @property
    def is_ready(self) -> bool:
        """Whether the first step can be drawn."""
        return len(self._arrived) == 3

    @property
    def account(self) -> ProviderAccount | None:
        """The chosen account."""
        return self.accounts.get(self.draft.account_id)

    @property
    def info(self) -> ProviderInfo | None:
        """The provider of the chosen account."""
        return self.infos.get(self.account.provider_type) if self.account is not None else None

    @property
    def asks_host(self) -> bool:
        """Whether a host takes the place of a region."""
        return self.info is not None and self.info.asks_host

    @property
    def size(self) -> Size | None:
        """The chosen size, with its price."""
        sizes = self.catalogue.sizes if self.catalogue is not None else ()
        return next((size for size in sizes if size.slug == self.draft.size), None)

    @property
    def image(self) -> Image | None:
        """The chosen image."""
        images = self.catalogue.images if self.catalogue is not None else ()
        return next((image for image in images if image.slug == self.draft.image), None)

    def change(self, **fields: Unpack[DraftFields]) -> None:
        """Write to the draft; it is stored soon. What was to be taken instead of another choice is forgotten."""
        changed = replace(self.draft, **fields)
        if any(getattr(changed, name) != getattr(self.draft, name) for name in _WITH_FALLBACKS):
            changed = replace(changed, fallbacks=())
        self._take(changed)

    def _take(self, changed: Draft) -> None:
        if changed == self.draft:
            return
        self.draft = changed
        self._save_soon.start()
        self._fetch_catalogue()
        self.changed.emit()

    def offered_now(self) -> tuple[object, ...]:
        """What the steps that are drawn from the catalogue show; equal while they stay as they are."""
        draft = self.draft
        chosen = (draft.account_id, draft.region, draft.zone, draft.size, draft.image)
        return (id(self.catalogue), self.is_renewing, *chosen)

    def set_copies(self, copies: int) -> None:
        """Make so many machines of the choices."""
        self.copies_problem = ""
        self._take(with_copies(self.draft, copies))

    def leave_out(self, made: int, names: Sequence[str]) -> None:
        """The first ``made`` of the machines called ``names`` are asked for: the draft is of the others."""
        self._take(without(self.draft, made, names))

    def start_over(self) -> None:
        """Forget every choice; of one like another machine, every change."""
        if self._like is None:
            self._file.remove()
        fresh = self._of_what_exists(draft_like(self._like)) if self._like is not None else Draft()
        self.copies_problem = ""
        self.draft = replace(fresh, is_on_one_page=self.draft.is_on_one_page)
        self._fetch_catalogue()
        self.changed.emit()

    def save(self) -> None:
        """Store the draft now."""
        self._save_soon.stop()
        if not self._is_finished and self._like is None:
            self._file.save(self.draft)

    def finish(self) -> None:
        """The machine was asked for: there is no draft any more."""
        self._is_finished = True
        self._save_soon.stop()
        if self._like is None:
            self._file.remove()

    def skip_reason(self, step: WizardStep) -> str:
        """Why a step is not needed with the chosen account; empty when it is."""
        if self.info is not None:
            for skipped in self.info.skipped_steps:
                if skipped.step is step and not (step is WizardStep.REGION and self.info.asks_host):
                    return skipped.reason
        if step is WizardStep.FIREWALL and self.info is not None and not self.info.has_firewalls:
            return self.tr("The provider's own default applies.")
        return ""

    def steps(self) -> tuple[WizardStep, ...]:
        """The steps that are needed, in order."""
        return tuple(step for step in WizardStep if not self.skip_reason(step))

    def problem(self, step: WizardStep) -> str:
        """What keeps a step from being finished, one sentence; empty when it is."""
        check = self._checks.get(step)
        return check() if check is not None and not self.skip_reason(step) else ""

    def name_problem(self, name: str) -> str:
        """Why the machine cannot have that name; empty when it can."""
        if problem := name_problem(name):
            return problem
        return self.tr("There is already a machine called {0}.").format(name) if name in self._names else ""

    def fingerprint_problem(self, fingerprint: str) -> str:
        """Why a pasted fingerprint cannot be one; empty when it can, and when there is none."""
        if not fingerprint or _FINGERPRINT.fullmatch(fingerprint):
            return ""
        return self.tr("A fingerprint is SHA256: followed by 43 characters.")

    def suggested_name(self) -> str:
        """A name that is free, such as ``practice-1`` or ``server-2``; after ``web-1`` it is ``web-2``."""
        if self._like is not None:
            return series(self._like.name, 1, self._names | {self._like.name})[0]
        is_practice = self.account is not None and self.account.provider_type is ProviderType.SANDBOX
        stem = "practice" if is_practice else "server"
        return next(name for number in range(1, 10_000) if (name := f"{stem}-{number}") not in self._names)

    def add_account(self, account: ProviderAccount) -> None:
        """An account was just made here: choose it, without waiting for the list to come again."""
        self.accounts[account.provider_account_id] = account
        self.change(account_id=account.provider_account_id)

    def add_key(self, key: SSHKey) -> None:
        """A key was just made here: choose it as well."""
        self.keys[key.ssh_key_id] = key
        self.change(key_ids=(*self.draft.key_ids, key.ssh_key_id))

    def add_firewall(self, profile: FirewallProfile) -> None:
        """A firewall was just made here: choose it."""
        self.firewalls[profile.profile_id] = profile
        self.change(firewall_profile_id=profile.profile_id)

    def retry(self) -> None:
        """Ask again for what could not be read."""
        for refresh in self._refreshers:
            refresh()
        self._catalogue_of = ""
        self._fetch_catalogue()

    def renew_catalogue(self) -> None:
        """Ask the provider itself again what the account offers; what is known stays until it has answered."""
        if self.catalogue is not None and not self.is_renewing:
            self.is_renewing = True
            self.changed.emit()
            self._ask_catalogue(ListCatalogue(account_id=self._catalogue_of, refresh=True))

    def request(self) -> CreateMachine:
        """What is asked for first."""
        skipped = frozenset(step for step in WizardStep if self.skip_reason(step))
        runs_on = device_of(self.bridge) if self.place is Place.HERE else ""
        return request_of(self.draft, self.bridge.team_id, asks_host=self.asks_host, skipped=skipped, runs_on=runs_on)

    def requests(self) -> tuple[CreateMachine, ...]:
        """What *Deploy* asks for now, a request for each machine."""
        return requests_of_copies(self.draft, self.request(), self.names())

    @property
    def copies(self) -> int:
        """How many machines are made; a host that is there is registered once."""
        return 1 if self.asks_host else self.draft.copies

    def names(self) -> tuple[str, ...]:
        """What they are called, the name in the draft first."""
        if self.copies == 1:
            return (self.draft.name,)
        return (self.draft.name, *series(self.draft.name, self.copies - 1, self._names | {self.draft.name}))

    @property
    def place(self) -> Place | None:
        """Where the run is carried out: as chosen, else where it can be; ``None`` in a team of this computer."""
        if not device_of(self.bridge):
            return None
        wanted = Place(self.draft.place) if self.draft.place else Place.SERVER
        obstacles = self.place_obstacles()
        possible = [place for place in (wanted, *Place) if not obstacles[place]]
        return possible[0] if possible else wanted

    def place_obstacles(self) -> dict[Place, str]:
        """Why the run cannot be carried out at each place; empty texts where it can."""
        if self.account is None:
            return dict.fromkeys(Place, "")
        chosen = tuple(self.keys[key_id] for key_id in self.draft.key_ids if key_id in self.keys)
        keys = chosen if self.asks_host else ()
        device = device_of(self.bridge)
        return {place: why_not_at(place, self.account, self.info, device_id=device, login_keys=keys) for place in Place}

    def _start(self) -> None:
        team = self.bridge.team_id
        self._live(ListProviders(), frozenset(), self._on_providers)
        self._live(ListAccounts(team_id=team), frozenset({"provider_account"}), self._on_accounts)
        self._live(ListKeys(team_id=team), frozenset({"ssh_key"}), self._on_keys)
        self._live(ListFirewalls(team_id=team), frozenset({"firewall_profile"}), self._on_firewalls)
        self._live(ListMachines(team_id=team, limit=NAMES), frozenset({"machine"}), self._on_machines)

    def _live(self, ask: Request[T], depends: frozenset[str], on_answer: Callable[[T], None]) -> None:
        query = LiveQuery(
            self.bridge, ask, depends=depends, on_answer=on_answer, on_error=self.failed.emit, parent=self
        )
        self._refreshers.append(query.refresh)

    def _on_providers(self, infos: tuple[ProviderInfo, ...]) -> None:
        self.infos = {info.type: info for info in infos}
        self._arrive("providers")

    def _on_accounts(self, accounts: tuple[ProviderAccount, ...]) -> None:
        self.accounts = {account.provider_account_id: account for account in accounts}
        self._arrive("accounts")

    def _on_keys(self, keys: tuple[SSHKey, ...]) -> None:
        self.keys = {key.ssh_key_id: key for key in keys}
        if any(key_id not in self.keys for key_id in self.draft.key_ids):
            self.change(key_ids=tuple(key_id for key_id in self.draft.key_ids if key_id in self.keys))
        self._arrive("keys")

    def _of_what_exists(self, draft: Draft) -> Draft:
        """The same without keys and a firewall that are known to be gone."""
        has_firewall = not self._knows_firewalls or draft.firewall_profile_id in self.firewalls
        return replace(
            draft,
            key_ids=tuple(key_id for key_id in draft.key_ids if key_id in self.keys),
            firewall_profile_id=draft.firewall_profile_id if has_firewall else "",
        )

    def _on_firewalls(self, profiles: tuple[FirewallProfile, ...]) -> None:
        self._knows_firewalls = True
        self.firewalls = {profile.profile_id: profile for profile in profiles}
        if self.draft.firewall_profile_id not in self.firewalls:
            self.change(firewall_profile_id="")
        self.changed.emit()

    def _on_machines(self, machines: tuple[Machine, ...]) -> None:
        self._names = frozenset(machine.name for machine in machines if machine.machine_id != self.draft.machine_id)
        self.changed.emit()

    def _arrive(self, what: str) -> None:
        self._arrived.add(what)
        if self.is_ready:
            self._fetch_catalogue()
            self.changed.emit()

    def _fetch_catalogue(self) -> None:
        wanted = self.draft.account_id if self._needs_catalogue() else ""
        if wanted == self._catalogue_of:
            return
        self._catalogue_of, self.catalogue = wanted, None
        if wanted:
            self._ask_catalogue(ListCatalogue(account_id=wanted))

    def _ask_catalogue(self, ask: ListCatalogue) -> None:
        def arrived(catalogue: Catalogue) -> None:
            if ask.account_id == self._catalogue_of:
                self.catalogue, self.is_renewing = catalogue, False
                self._choose_only_ones(catalogue)
                self.changed.emit()

        def failed(error: MachinaError) -> None:
            if ask.account_id == self._catalogue_of:
                self.is_renewing = False
                self.changed.emit()
                self.failed.emit(error)

        tasks.ask(self.bridge, ask, owner=self, done=arrived, failed=failed)

    def _needs_catalogue(self) -> bool:
        steps = (WizardStep.SIZE, WizardStep.IMAGE) if self.asks_host else FROM_CATALOGUE
        return self.account is not None and any(not self.skip_reason(step) for step in steps)

    def _choose_only_ones(self, catalogue: Catalogue) -> None:
        """Where there is one thing to choose it is chosen; what another account offered is not."""
        self.change(
            region=_kept(self.draft.region, tuple(region.slug for region in catalogue.regions)),
            size=_kept(self.draft.size, tuple(size.slug for size in catalogue.sizes)),
            image=_kept(self.draft.image, tuple(image.slug for image in catalogue.images)),
        )

    def _first_problem(self) -> str:
        earlier = next((text for step in self.steps()[:-1] if (text := self.problem(step))), "")
        place = self.place
        return earlier or (self.place_obstacles()[place] if place is not None else "")

    def _account_problem(self) -> str:
        if self.account is None or self.info is None:
            return self.tr("Choose an account.")
        if self.info.unavailable_reason:
            return self.info.unavailable_reason
        if self.account.credential_status is CredentialStatus.INVALID:
            return self.account.status_reason or self.tr("The account's credentials do not work.")
        return ""

    def _place_problem(self) -> str:
        if not self.asks_host:
            slugs = {region.slug for region in self.catalogue.regions} if self.catalogue else set()
            return "" if self.draft.region in slugs else self.tr("Choose a region.")
        draft = self.draft
        if not draft.host:
            return self.tr("Give the server's host name or IP address.")
        if not 1 <= draft.port <= 65535:
            return self.tr("The port lies between 1 and 65535.")
        if not draft.user:
            return self.tr("Give the login name on the server, such as root or admin.")
        if not draft.host_key:
            return self.tr("Confirm the server's host key.")
        return self.fingerprint_problem(draft.given_key)

    def _size_problem(self) -> str:
        if self.size is None or self.catalogue is None:
            return self.tr("Choose a size.")
        if not (self.catalogue.regions and self.draft.region):
            return ""
        return why_not_there(self.size, self.draft.region, self.catalogue)

    def _image_problem(self) -> str:
        return why_not(self.image, self.draft.region, self.size) if self.image else self.tr("Choose an image.")

    def _keys_problem(self) -> str:
        chosen = [self.keys[key_id] for key_id in self.draft.key_ids if key_id in self.keys]
        if not chosen:
            return self.tr("Choose at least one key, or generate one.")
        if self.asks_host and not any(key.has_private_key for key in chosen):
            return self.tr("Choose a key whose private half is here: Machina logs in with it.")
        return ""


def _kept(chosen: str, offered: tuple[str, ...]) -> str:
    if chosen in offered:
        return chosen
    return offered[0] if len(offered) == 1 else ""
