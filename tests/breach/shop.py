"""A small application in a checkout, with secrets in its .env."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from runbook_lib.config import Service, Target

KEY = "base64:c2hvcC1rZXktZm9yLXRoZS10ZXN0cy1vbmx5LTMyYiE="


def shop(root: Path, url: str = "http://127.0.0.1:9", **more: Any) -> Target:
    app = root / "app"
    for name in ("public", "storage/logs", "storage/app/public"):
        (app / name).mkdir(parents=True)
    (app / ".env").write_text(f"APP_NAME=Shop\nAPP_KEY={KEY}\nSTRIPE_SECRET='sk_live_planted'\nMAIL_PASSWORD=null\n")
    (app / "storage/logs/shop.log").write_text("a line\n")
    (app / "index.php").write_text("hello\n")
    (app / ".gitignore").write_text(".env\nstorage\n")
    for words in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "."),
        ("-c", "user.name=Ada", "-c", "user.email=ada@shop.example", "commit", "--quiet", "-m", "One"),
        ("tag", "v1"),
    ):
        subprocess.run(["git", "-C", str(app), *words], check=True, capture_output=True)
    environment: dict[str, Any] = {
        "platform": "git",
        "url": url,
        "git": {"path": str(app), "logs": ["storage/logs/shop.log"]},
        "rotation": {"secrets": {"KEY": {"kind": "app_key", "places": [{"kind": "env_file", "file": ".env"}]}}},
        **more,
    }
    service = Service.model_validate({"environments": {"production": environment}})
    return Target("shop", "production", service.environments["production"], service, root, root / "state")
