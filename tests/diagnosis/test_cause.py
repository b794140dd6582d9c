"""The shape of a diagnosis: what others read from the journal, and what a person pastes."""

from __future__ import annotations

import json
import shlex

from runbook_lib.diagnosis.cause import Cause, Next, event


def test_the_command_is_ready_to_be_pasted() -> None:
    following = Next("rollback", {"tag": "v1.4.2", "environment": "production", "dry_run": True})
    assert following.command == ("papermill rollback.ipynb -p tag v1.4.2 -p environment production -p dry_run true")


def test_a_value_with_spaces_or_shell_characters_stays_one_word() -> None:
    following = Next("mitigate", {"value": "a b; rm -rf $HOME"})
    assert shlex.split(following.command) == ["papermill", "mitigate.ipynb", "-p", "value", "a b; rm -rf $HOME"]


def test_the_event_is_plain_json_data_with_the_best_cause_first() -> None:
    causes = [
        Cause("bad-release", 0.9, "v1.5.0 is bad", ("errors began with it",), (), Next("rollback", {"tag": "v1.4.2"})),
        Cause("error-spike", 0.3, "errors", by_hand="look at the provider's status"),
    ]
    data = event("shop/production", causes, incident="INC-1", unseen=["no table redis"], onset=12.5)
    assert json.loads(json.dumps(data)) == {
        "environment": "shop/production",
        "incident": "INC-1",
        "causes": [
            {
                "name": "bad-release",
                "title": "v1.5.0 is bad",
                "score": 0.9,
                "for": ["errors began with it"],
                "against": [],
                "next": {"runbook": "rollback", "parameters": {"tag": "v1.4.2"}},
                "command": "papermill rollback.ipynb -p tag v1.4.2",
                "by_hand": "",
            },
            {
                "name": "error-spike",
                "title": "errors",
                "score": 0.3,
                "for": [],
                "against": [],
                "next": None,
                "command": "",
                "by_hand": "look at the provider's status",
            },
        ],
        "unseen": ["no table redis"],
        "onset": 12.5,
    }
