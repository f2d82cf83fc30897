"""Terraform's plugin protocol 6 for any schema in the form of `terraform providers schema -json`.

The messages come from the package `tf`; its own framework plans sets of blocks as null and hangs up when a run is
cancelled.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import msgpack  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tf.gen import grpc_controller_pb2, grpc_controller_pb2_grpc, grpc_stdio_pb2_grpc
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

from machina_desktop.core.ids import now

Values = dict[str, Any]
Schema = Mapping[str, Any]
_NESTING = {"single": 1, "list": 2, "set": 3, "map": 4, "group": 5}


class _Unknown:
    """A value that only the apply will tell."""

    def __bool__(self) -> bool:
        return False


UNKNOWN = _Unknown()


class Missing(Exception):
    """The object is gone."""


class Stopped(Exception):
    """The run was cancelled."""


class Stop:
    """What a create may be told: that it shall end; and what it has told: what exists already."""

    def __init__(self, event: threading.Event) -> None:
        self._event = event
        self.made: Values = {}

    def wait(self, seconds: float) -> None:
        """Sleep.

        Raises:
            Stopped: the run was cancelled meanwhile.
        """
        if self._event.wait(seconds):
            raise Stopped("interrupted")


class Resource:
    """What stands behind one type of resource. ``client`` is what :func:`serve` was given to configure.

    Attributes:
        replaced_by: Arguments whose change makes a new object.
        recomputed: Computed attributes that any change may change.
    """

    replaced_by: frozenset[str] = frozenset()
    recomputed: tuple[str, ...] = ()

    def create(self, client: Any, planned: Values, stop: Stop) -> Values:
        raise NotImplementedError

    def read(self, client: Any, state: Values) -> Values:
        raise NotImplementedError

    def update(self, client: Any, prior: Values, planned: Values, stop: Stop) -> Values:
        raise NotImplementedError

    def delete(self, client: Any, state: Values, stop: Stop) -> None:
        raise NotImplementedError


def _decoded(value: Any) -> Any:
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, ext_hook=lambda _code, _data: UNKNOWN, strict_map_key=False)
    return json.loads(value.json) if value.json else None


def _encoded(value: object) -> Any:
    def other(found: object) -> object:
        return msgpack.ExtType(0, b"\0") if found is UNKNOWN else str(found)

    return pb.DynamicValue(msgpack=msgpack.packb(value, default=other))


def _block(block: Schema) -> Any:
    attributes = [
        pb.Schema.Attribute(
            name=name,
            type=json.dumps(told.get("type", "dynamic")).encode(),
            **{flag: told.get(flag, False) for flag in ("required", "optional", "computed", "sensitive", "deprecated")},
        )
        for name, told in sorted(block.get("attributes", {}).items())
    ]
    nested = [
        pb.Schema.NestedBlock(
            type_name=name,
            block=_block(told["block"]),
            nesting=_NESTING[told["nesting_mode"]],
            min_items=told.get("min_items", 0),
            max_items=told.get("max_items", 0),
        )
        for name, told in sorted(block.get("block_types", {}).items())
    ]
    return pb.Schema.Block(attributes=attributes, block_types=nested)


def _schema(told: Schema | None) -> Any:
    return (
        pb.Schema(version=told.get("version", 0), block=_block(told["block"])) if told else pb.Schema(block=_block({}))
    )


def _planned(block: Schema, values: Values, prior: Values | None, *, is_new: bool) -> Values:
    """``values`` with what is computed: as it was, or to be told by the apply. Nested blocks compute nothing here."""
    for name, told in block.get("attributes", {}).items():
        if told.get("computed") and values.get(name) is None:
            values[name] = UNKNOWN if is_new else (prior or {}).get(name)
    return values


def _without_unknown(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_unknown(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_unknown(each) for each in value]
    return None if value is UNKNOWN else value


def _problem(error: Exception) -> list[Any]:
    return [pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=str(error) or type(error).__name__)]


class _Provider(rpc.ProviderServicer):  # type: ignore[misc]
    """The service that Terraform calls; its methods are named by the protocol."""

    def __init__(
        self, schema: Schema, resources: Mapping[str, Resource], configure: Callable[[Values], object]
    ) -> None:
        self._schema = schema
        self._resources = resources
        self._configure = configure
        self._client: object = None
        self._stop = threading.Event()

    def GetMetadata(self, _request: Any, context: Any) -> None:  # noqa: N802
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "")

    def GetProviderSchema(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return pb.GetProviderSchema.Response(
            provider=_schema(self._schema.get("provider")),
            resource_schemas={name: _schema(told) for name, told in self._schema["resource_schemas"].items()},
            server_capabilities=pb.ServerCapabilities(get_provider_schema_optional=True),
        )

    def ValidateProviderConfig(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return pb.ValidateResourceConfig.Response()

    def UpgradeResourceState(self, request: Any, _context: Any) -> Any:  # noqa: N802
        return pb.UpgradeResourceState.Response(upgraded_state=_encoded(json.loads(request.raw_state.json)))

    def ConfigureProvider(self, request: Any, _context: Any) -> Any:  # noqa: N802
        try:
            self._client = self._configure(_decoded(request.config) or {})
        except ValueError as error:
            return pb.ConfigureProvider.Response(diagnostics=_problem(error))
        return pb.ConfigureProvider.Response()

    def StopProvider(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        self._stop.set()
        return pb.StopProvider.Response()

    def ReadResource(self, request: Any, _context: Any) -> Any:  # noqa: N802
        found: Values | None
        try:
            found = self._resources[request.type_name].read(self._client, _decoded(request.current_state))
        except Missing:
            found = None
        except Exception as error:  # noqa: BLE001 - Terraform is told of every fault
            return pb.ReadResource.Response(new_state=request.current_state, diagnostics=_problem(error))
        return pb.ReadResource.Response(new_state=_encoded(found), private=request.private)

    def PlanResourceChange(self, request: Any, _context: Any) -> Any:  # noqa: N802
        prior, proposed = _decoded(request.prior_state), _decoded(request.proposed_new_state)
        if proposed is None:
            return pb.PlanResourceChange.Response(planned_state=request.proposed_new_state)
        block = self._schema["resource_schemas"][request.type_name]["block"]
        if prior is None:
            return pb.PlanResourceChange.Response(planned_state=_encoded(_planned(block, proposed, None, is_new=True)))
        resource = self._resources[request.type_name]
        changed = {name for name, value in proposed.items() if value != prior.get(name)}
        planned = _planned(block, proposed, prior, is_new=False)
        planned |= dict.fromkeys(resource.recomputed, UNKNOWN) if changed else {}
        replaces = sorted(changed & resource.replaced_by)
        if replaces:
            given = _decoded(request.config)
            told = block["attributes"]
            for name in planned:
                if name in told and told[name].get("computed") and given.get(name) is None:
                    planned[name] = UNKNOWN
        paths = [pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=name)]) for name in replaces]
        return pb.PlanResourceChange.Response(planned_state=_encoded(planned), requires_replace=paths)

    def ApplyResourceChange(self, request: Any, _context: Any) -> Any:  # noqa: N802
        prior, planned = _decoded(request.prior_state), _decoded(request.planned_state)
        resource, stop = self._resources[request.type_name], Stop(self._stop)
        made: Values | None = None
        try:
            if planned is None:
                with contextlib.suppress(Missing):
                    resource.delete(self._client, prior, stop)
            elif prior is None:
                made = resource.create(self._client, dict(planned), stop)
            else:
                made = resource.update(self._client, prior, dict(planned), stop)
        except Exception as error:  # noqa: BLE001 - Terraform is told of every fault
            # What a failed create has made already is kept, and marked by Terraform.
            kept = {**planned, **stop.made} if prior is None and stop.made else prior
            return pb.ApplyResourceChange.Response(
                new_state=_encoded(_without_unknown(kept)), diagnostics=_problem(error)
            )
        return pb.ApplyResourceChange.Response(new_state=_encoded(_without_unknown(made)))

    def ImportResourceState(self, request: Any, _context: Any) -> Any:  # noqa: N802
        block = self._schema["resource_schemas"][request.type_name]["block"]
        state: Values = dict.fromkeys(block.get("attributes", {}))
        for name, told in block.get("block_types", {}).items():
            state[name] = [] if told["nesting_mode"] in {"list", "set"} else None
        state["id"] = request.id
        found = pb.ImportResourceState.ImportedResource(type_name=request.type_name, state=_encoded(state))
        return pb.ImportResourceState.Response(imported_resources=[found])


def serve(schema: Schema, resources: Mapping[str, Resource], configure: Callable[[Values], object]) -> None:
    """Be a provider plugin until Terraform has had enough of it; its handshake goes to standard output."""
    # Terraform tells of a cancel by a call; the signal of a terminal hits the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = grpc.server(futures.ThreadPoolExecutor(16))
    ended = threading.Event()
    rpc.add_ProviderServicer_to_server(_Provider(schema, resources, configure), server)

    class Controller(grpc_controller_pb2_grpc.GRPCControllerServicer):  # type: ignore[misc]
        def Shutdown(self, _request: Any, _context: Any) -> Any:  # noqa: N802
            ended.set()
            return grpc_controller_pb2.Empty()

    class Stdio(grpc_stdio_pb2_grpc.GRPCStdioServicer):  # type: ignore[misc]
        def StreamStdio(self, _request: Any, _context: Any) -> Iterator[Any]:  # noqa: N802
            return iter(())

    grpc_controller_pb2_grpc.add_GRPCControllerServicer_to_server(Controller(), server)
    grpc_stdio_pb2_grpc.add_GRPCStdioServicer_to_server(Stdio(), server)
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "plugin.sock"
        certificate, credentials = _certificate()
        server.add_secure_port(f"unix://{socket}", credentials)
        server.start()
        told = base64.b64encode(certificate).decode().rstrip("=")
        print(f"1|6|unix|{socket}|grpc|{told}", flush=True)
        parent = os.getppid()
        while not ended.wait(1.0) and os.getppid() == parent:
            pass
        server.stop(0.2)


def _certificate() -> tuple[bytes, Any]:
    """A certificate of this process's own: DER, and what the server is made with."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    uses = x509.oid.ExtendedKeyUsageOID
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(minutes=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([uses.SERVER_AUTH, uses.CLIENT_AUTH]), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    return made.public_bytes(serialization.Encoding.DER), grpc.ssl_server_credentials([(private, public)])
