"""Write what a deploy would put onto this host, for the installation with stock operations."""

import json
import os
from pathlib import Path

from pyinfra import host

from plugins import session
from plugins.runtimes.systemd import Unit

plan = [
    {
        "user": rendered.component.account.user,
        "version": rendered.component.artifact.version,
        "version_folder": rendered.version_folder,
        "packed": str(rendered.component.artifact.path),
        "programs": rendered.paths.programs,
        "live": f"{rendered.paths.etc}/live",
        "hot": rendered.paths.hot,
        "directories": [directory.path for directory in rendered.directories],
        "release_files": {f.path: [f.content, f.mode] for f in rendered.release},
        "hot_files": {f.path: f.content for f in rendered.hot},
        "unit": rendered.unit,
        "unit_path": rendered.unit_path,
        "unit_text": rendered.unit_text,
    }
    for rendered in session.current().rendered(host.name)
    if isinstance(rendered, Unit)
]
(Path(os.environ["BENCH_PLAN"]) / f"{host.name}.json").write_text(json.dumps(plan))
