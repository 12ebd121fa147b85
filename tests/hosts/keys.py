"""Keys of test hosts, made on this side so that they are known before the first connection."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def generate() -> tuple[bytes, bytes]:
    """Return a new Ed25519 key pair in OpenSSH's formats: private, public."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return private, public


def client_key(folder: Path) -> tuple[Path, bytes]:
    """Return the private key file of a group and its public key, made at the first call."""
    path = folder / "id_ed25519"
    if not path.exists():
        private, _ = generate()
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(private)
    key = serialization.load_ssh_private_key(path.read_bytes(), None)
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return path, public


def known_hosts_line(name: str, address: str, port: int, public: bytes) -> str:
    """Return a known_hosts line for every way a host is addressed."""
    kind, body = public.decode().split()[:2]
    return f"{name},{address},[127.0.0.1]:{port} {kind} {body}\n"
