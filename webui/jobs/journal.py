"""Journal: every job is a small file before an engine sees it, so that no crash loses one."""

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pipelines import atomic
from pipelines.events import Failed
from pipelines.recipe_json import from_json, to_json
from webui.jobs.job import ENDED, Job, JobImage

log = logging.getLogger(__name__)

KEPT = 200
"""Ended jobs that stay on record."""


class Journal:
    """One JSON file per job in `folder`, named by the time it was created."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, job: Job) -> None:
        """Raises OSError when it cannot be kept."""
        record = {
            "id": job.id,
            "recipe": to_json(job.recipe),
            "origin": job.origin,
            "created": job.created,
            "state": job.state,
            "started": job.started,
            "ended": job.ended,
            "images": [asdict(image) for image in job.images],
            "notes": list(job.notes),
            "failure": asdict(job.failure) if job.failure else None,
            "attempts": job.attempts,
            "skipped": job.skipped,
        }
        atomic.write(self._path(job), json.dumps(record, indent=1).encode())

    def read(self) -> tuple[Job, ...]:
        """Every job on record, oldest first. One that had not ended comes back as queued.

        A file that cannot be read is set aside under another name and told in the log.
        """
        jobs = tuple(self._read_all())
        ended = [job for job in jobs if job.over]
        for job in ended[:-KEPT]:
            self._path(job).unlink(missing_ok=True)
        forgotten = {job.id for job in ended[:-KEPT]}
        return tuple(job for job in jobs if job.id not in forgotten)

    def _read_all(self) -> Iterator[Job]:
        for path in sorted(self.folder.glob("*.json")):
            try:
                yield _job(json.loads(path.read_bytes()))
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.warning("The record %s cannot be read (%s); it was set aside.", path.name, error)
                path.rename(path.with_suffix(".unreadable"))

    def _path(self, job: Job) -> Path:
        return self.folder / f"{int(job.created * 1000):014d}-{job.id}.json"


def _job(record: dict[str, Any]) -> Job:
    job = Job(
        id=record["id"],
        recipe=from_json(record["recipe"]),
        origin=record["origin"],
        created=record["created"],
        state=record["state"],
        started=record["started"],
        ended=record["ended"],
        images=tuple(JobImage(**image) for image in record["images"]),
        notes=tuple(record["notes"]),
        failure=Failed(**record["failure"]) if record["failure"] else None,
        attempts=record["attempts"],
        skipped=record.get("skipped", 0),
    )
    return job if job.state in ENDED else replace(job, state="queued", started=None)
