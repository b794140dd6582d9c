"""The steps that replace containers, put them back, and remove what was kept. Pure: they act when carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from runbook_lib.errors import StepFailedError
from runbook_lib.platforms.base import Release, Switch
from runbook_lib.platforms.docker_engine import Client, image_found, reported
from runbook_lib.platforms.docker_replacement import Replacement
from runbook_lib.run.plan import Snapshot, Step


def replacements(
    client: Callable[[], Client],
    release: Release,
    readings: Snapshot,
    run: str,
    *,
    stop_timeout: float,
    health_timeout: float,
    variables: Callable[[], Mapping[str, str]] = dict,
) -> list[Replacement]:
    """One for each container that was read. client: gives the engine's client when a step is carried out; variables:
    gives those that the new ones have instead of the old ones'."""
    hosts = readings["hosts"]
    return [
        Replacement(
            client=client,
            name=name,
            old=container["id"],
            release=release,
            run=run,
            restart=container["restart"],
            exclusive=container["exclusive"],
            waits=not container["exclusive"] or len(hosts) > 1,
            stop_timeout=stop_timeout,
            health_timeout=health_timeout,
            variables=variables,
        )
        for name, container in hosts.items()
    ]


def switch(each: Sequence[Replacement], pull: Sequence[Step], section: str) -> Switch:
    """All new containers are created before the first one takes over."""
    steps = (*pull, *(_create(one, section) for one in each), *(_take_over(one, section) for one in each))
    return Switch(steps, tuple(_back(one, section) for one in reversed(each)), tuple(_warning(one) for one in each))


def retire(each: Sequence[Replacement], section: str) -> tuple[Step, ...]:
    return tuple(
        Step(
            id=f"{section}.{one.name}.retire",
            title="remove the old container",
            host=one.name,
            shows=(f"docker rm {one.retained_name}",),
            do=one.retire,
            done=one.retired,
            repeatable=True,
            no_undo="the container is gone for good; its volumes and its image stay",
        )
        for one in each
    )


def pull(
    client: Callable[[], Client], image: str, release: Release, readings: Snapshot, section: str
) -> tuple[Step, ...]:
    """The step that fetches the release's image, when it is not on the engine."""
    if not readings["image"]["pull"]:
        return ()

    def fetch() -> str:
        with reported(f"pulling {image}:{release.tag}", StepFailedError):
            client().pull(image, tag=release.tag)
            if not image_found(client(), release.id):
                raise StepFailedError(
                    f"{image}:{release.tag} in the registry is no longer {release.short_id}: the tag was moved",
                    next_step="pull the image by its digest, or take another release",
                )
        return f"{image}:{release.tag} is on the engine"

    def fetched() -> bool:
        with reported(f"looking for {release}", StepFailedError):
            return image_found(client(), release.id) is not None

    return (
        Step(
            id=f"{section}.pull",
            title=f"pull {image}:{release.tag}",
            shows=(f"docker pull {image}:{release.tag}",),
            do=fetch,
            done=fetched,
            repeatable=True,
            no_undo="an image that is only stored changes nothing",
        ),
    )


def _create(one: Replacement, section: str) -> Step:
    return Step(
        id=f"{section}.{one.name}.create",
        title=f"create the container of {one.release.tag}",
        host=one.name,
        shows=(f"docker create --name {one.next_name} ... {one.release.id}",),
        do=one.create,
        done=one.created,
        repeatable=True,
        undo=one.back,
    )


def _take_over(one: Replacement, section: str) -> Step:
    stop, start = f"docker stop --time {one.stop_timeout:.0f} {one.name}", f"docker start {one.next_name}"
    order = "the old one stops first" if one.exclusive else "beside the old one"
    return Step(
        id=f"{section}.{one.name}.switch",
        title=f"let {one.release.tag} serve, {order}",
        host=one.name,
        shows=(
            f"docker update --restart no {one.name}",
            *((stop, start) if one.exclusive else (start, stop)),
            f"docker rename {one.name} {one.retained_name}",
            f"docker rename {one.next_name} {one.name}",
        ),
        do=one.switch,
        done=one.switched,
        repeatable=True,
        undo=one.back,
        risk="it does not answer meanwhile" if one.exclusive else "both releases serve for a moment",
    )


def _back(one: Replacement, section: str) -> Step:
    return Step(
        id=f"{section}.{one.name}.back",
        title="put back the container that served before",
        host=one.name,
        shows=(f"docker rm --force {one.next_name}", f"docker start {one.old[:12]}"),
        do=one.back,
        done=one.is_back,
        repeatable=True,
        no_undo="it is the way back itself",
    )


def _warning(one: Replacement) -> str:
    if one.exclusive:
        return f"{one.name} does not answer while it is replaced: only one container can hold {one.exclusive}"
    return f"{one.name}: both releases serve for a moment"
