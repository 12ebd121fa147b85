"""What travels to a host to make one component true: variables, a tar, packed programs."""

from __future__ import annotations

import hashlib
import io
import os
import shlex
import socket
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass

from plugins.compare import Changes
from plugins.model import ManagedFile, Validator
from plugins.preparation import Steps, SystemFile
from plugins.runtimes.registry import Registry
from plugins.runtimes.rendered import Rendered
from plugins.scripts import assigned, script
from plugins.state import HostState

_MARGIN_KIB = 1024
# A component may have run by another runtime before, and may have to run by that again.
_CONVERGE = ("common", "login", "stage", "systemd", "docker", "converge")


@dataclass(frozen=True)
class Raw:
    """Bytes for a command's standard input.

    pyinfra takes lines of text: it asks each whether it ends with a newline, and for its
    encoding. Base64 would be text, but a third more to send and to decode.

    Attributes:
        content: The bytes, sent as they are.
    """

    content: bytes

    def endswith(self, suffix: str) -> bool:
        """True: nothing may be added."""
        return True

    def encode(self) -> bytes:
        """The bytes themselves."""
        return self.content


@dataclass(frozen=True)
class Order:
    """One command for one host.

    Attributes:
        command: Shell text; holds no secret, so it may be logged.
        payload: For its standard input; may hold secrets.
    """

    command: str
    payload: tuple[Raw, ...]


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _validator_line(rendered: Rendered, validator: Validator) -> str:
    staged = {"bin": rendered.programs, "config": f"{rendered.paths.etc}/releases/.check"}
    return shlex.join(word.format(**staged) for word in validator.argv)


def _contains(rendered: Rendered) -> list[str]:
    service = rendered.component.service
    proof = service.reload.proof if service.reload else None
    base = service.health.local_url.removesuffix(service.health.path)
    return [f"{base}{path} {text}" for path, text in (proof.contains if proof else ())]


def _posts(rendered: Rendered) -> list[str]:
    """A line an address: its URL, the file of the password, whom it is of."""
    reload = rendered.component.service.reload
    lines = []
    for endpoint in reload.posts if reload else ():
        login = endpoint.credentials
        whose = f" {login.password_file} {login.username}" if login else ""
        lines.append(f"{endpoint.local_url}{whose}")
    return lines


def _listing(files: Iterable[ManagedFile]) -> list[str]:
    return [f"{file.mode} {file.path}" for file in files]


def _members(changes: Changes) -> dict[str, bytes]:
    """Every file of the payload by its name in the tar."""
    rendered = changes.rendered
    component = rendered.component
    user = component.account.user
    members = {
        "directories": _lines(f"{d.mode} {d.owner or user} {d.path}" for d in rendered.directories),
        "manifest": _lines(f"{f.mode} {f.sha256} {f.path}" for f in rendered.release),
        "hot_files": _lines(_listing(changes.hot)),
        "hot_strays": _lines(changes.hot_strays),
        "contains": _lines(_contains(rendered)),
        "posts": _lines(_posts(rendered)),
        # Nothing new is validated where nothing new is swapped in.
        "validators": _lines(
            _validator_line(rendered, v) for v in component.validators if changes.swap
        ),
    }
    if changes.service:
        members["service"] = rendered.definition.encode()
    members["rehearsal"] = rendered.rehearsal.encode()
    members |= {f"release/{f.path}": f.content.encode() for f in changes.release}
    members |= {f"hot/{f.path}": f.content.encode() for f in changes.hot}
    return members


def _packed(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _variables(changes: Changes, state: HostState, lock_timeout: int) -> dict[str, str]:
    rendered = changes.rendered
    component, service = rendered.component, rendered.component.service
    proof = service.reload.proof if service.reload else None
    live = state.files.get(rendered.paths.config)
    return {
        **_who(component.host, lock_timeout),
        "component": component.name,
        "user": component.account.user,
        "groups": " ".join(component.account.groups),
        "runtime": rendered.runtime,
        "twin": changes.twin,
        "version": rendered.version,
        **rendered.variables,
        "reload_signal": service.reload.signal if service.reload else "",
        "release": rendered.release_hash,
        "spec": rendered.spec,
        "seen_live": live.target if live else "",
        "swap": "yes" if changes.swap else "no",
        "hot": "yes" if changes.hot or changes.hot_strays else "no",
        "action": str(changes.action),
        "health": service.health.local_url,
        "start_timeout": str(service.start_timeout),
        "proof": service.health.local_url.removesuffix(service.health.path) + "/metrics"
        if proof
        else "",
        "proof_success": proof.success if proof else "",
        "proof_time": proof.timestamp if proof else "",
    }


def order(changes: Changes, state: HostState, lock_timeout: int) -> Order:
    """The command and payload that carry out the changes of one component.

    Args:
        changes: From :func:`plugins.compare.compare`.
        state: The state they were found in; the host refuses if it is no longer so.
        lock_timeout: Seconds to wait for another run on the host.
    """
    packed = _packed(_members(changes))
    variables = _variables(changes, state, lock_timeout)
    variables["payload"] = hashlib.sha256(packed).hexdigest()
    variables["size"] = str(len(packed))
    # The payload lies there twice for a moment: as it came and unpacked.
    variables["needed"] = str(2 * len(packed) // 1024 + _MARGIN_KIB)
    head = assigned(variables)
    return Order(head + "".join(map(script, _CONVERGE)), (Raw(packed),))


def programs(
    lacking: Iterable[Changes], lock_timeout: int, registry: Registry | None = None
) -> Order:
    """The command and payload that put programs onto a host, for all its components at once.

    Args:
        lacking: Changes of components whose programs must be sent.
        lock_timeout: Seconds to wait for another run on the host.
        registry: Has the images that are among them; None where they travel, too.
    """
    rendered_ones = [changes.rendered for changes in lacking]
    sent = [
        (each, (each.pulled(registry) if registry else None) or each.deliverable())
        for each in rendered_ones
    ]
    # The largest first: it takes longest to unpack, which it does while the others arrive.
    sent.sort(key=lambda pair: -max(pair[1].unpacked, pair[1].size))
    payload, lines, needed = [], [], _MARGIN_KIB
    for rendered, travels in sent:
        payload += [Raw(piece) for piece in travels.pieces]
        lines.append(
            f"{rendered.name} {travels.kind} {travels.name} {travels.sha256} {travels.size}"
        )
        needed += (travels.size + travels.unpacked) // 1024
    variables = {
        **_who(sent[0][0].component.host, lock_timeout),
        **sent[0][0].variables,
        "orders": "\n".join(lines),
        "needed": str(needed),
    }
    return Order(assigned(variables) + script("common") + script("programs"), tuple(payload))


def removal(host: str, component: str, purge: str | None, lock_timeout: int) -> str:
    """The command that removes one component.

    Args:
        host: Inventory name.
        component: Name of the component.
        purge: Data folder to remove with it, if any.
        lock_timeout: Seconds to wait for another run on the host.
    """
    variables = {**_who(host, lock_timeout), "component": component, "purge": purge or ""}
    return assigned(variables) + script("common") + script("remove")


def _placed(files: Iterable[SystemFile], state: HostState) -> bytes:
    """A line a file: what was seen, what comes, its path, the command that must accept it."""
    lines = []
    for file in files:
        there = state.files.get(file.path)
        check = shlex.join(word.format(file=f"{file.path}.staged") for word in file.check)
        lines.append(f"{(there and there.sha256) or '-'} {file.sha256} {file.path} {check}")
    return _lines(lines)


def preparing(todo: Steps, state: HostState, host: str, lock_timeout: int) -> Order:
    """The command and payload that prepare one host.

    Args:
        todo: From :func:`plugins.preparation.steps`.
        state: The state they were found in; the host refuses if a file is no longer so.
        host: Inventory name.
        lock_timeout: Seconds to wait for another run on the host.
    """
    sent = (*todo.repository_files, *todo.files)
    members = {
        "repository": _placed(todo.repository_files, state),
        "files": _placed(todo.files, state),
        **{f"content{file.path}": file.content.encode() for file in sent},
    }
    packed = _packed(members)
    variables = {
        **_who(host, lock_timeout),
        "preparation": todo.preparation.name,
        "unit": todo.preparation.unit,
        "packages": " ".join(todo.preparation.packages),
        "install": "yes" if todo.install else "no",
        "restart": "yes" if todo.restart else "no",
        "reloaded": shlex.join(todo.preparation.reloaded),
        "payload": hashlib.sha256(packed).hexdigest(),
        "size": str(len(packed)),
    }
    return Order(assigned(variables) + script("common") + script("prepare"), (Raw(packed),))


def _who(host: str, lock_timeout: int) -> dict[str, str]:
    """Who changes a host, for whoever has to wait for it."""
    run = f"{socket.gethostname()} pid {os.getpid()}"
    return {"host": host, "run": run, "lock_timeout": str(lock_timeout)}
