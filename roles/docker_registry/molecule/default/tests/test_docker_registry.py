"""The Docker registry keeps what is pushed, and deletes it where it may."""

from __future__ import annotations

import hashlib
from typing import Any

from roles.molecule.fixtures import curl, metric

BLOB = b"molecule"
DIGEST = f"sha256:{hashlib.sha256(BLOB).hexdigest()}"


def _status(machine: Any, *options: str) -> str:
    words = " ".join(("curl -s -m 10 -o /dev/null -w '%{http_code}'", *options))
    return str(machine.check_output(words))


def test_a_blob_is_kept_and_deleted(machine: Any) -> None:
    blobs = "http://127.0.0.1:5000/v2/shop/blobs"
    where = machine.check_output(f"curl -fsS -m 10 -o /dev/null -D - -X POST {blobs}/uploads/")
    (upload,) = [
        line.split()[1] for line in where.splitlines() if line.lower().startswith("location:")
    ]
    kind = "Content-Type:application/octet-stream"
    sent = f"-X PUT -d {BLOB.decode()} -H {kind} '{upload}&digest={DIGEST}'"
    assert _status(machine, sent) == "201"
    assert curl(machine, 5000, f"/v2/shop/blobs/{DIGEST}") == BLOB.decode()
    assert _status(machine, f"-X DELETE {blobs}/{DIGEST}") == "202"
    assert _status(machine, f"{blobs}/{DIGEST}") == "404"


def test_it_counts_what_it_stored(machine: Any) -> None:
    name = 'registry_storage_action_seconds_count{action="PutContent",driver="filesystem"}'
    assert metric(curl(machine, 5001, "/metrics"), name) >= 1
