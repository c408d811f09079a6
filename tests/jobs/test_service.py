"""Jobs as the page and the API see them: submitted, watched, cancelled, and never lost."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.recipe import ImageRef, Recipe, RecipeError, Source
from webui.engines.fake import FakeEngine
from webui.jobs.job import Job
from webui.jobs.service import JobService, QueueFull
from webui.store import codec
from webui.store.images import ImageStore

Make = Callable[..., JobService]
QUICK = Recipe(prompt="a fox", steps=2, width=64, height=64)


def end(service: JobService, job: Job) -> Job:
    *_, last = service.watch(job.id)
    return last


def test_a_job_makes_its_pictures_and_each_is_on_disk(service: JobService, store: ImageStore) -> None:
    job = end(service, service.submit(replace(QUICK, seed=7, count=2, batch=2)))
    assert job.state == "done"
    assert [image.seed for image in job.images] == [7, 8, 9, 10]
    for image in job.images:
        saved = store.saved(image.id)
        assert saved is not None
        assert codec.decode(saved.path.read_bytes()).width == 64


def test_the_seed_is_drawn_when_a_job_is_submitted(service: JobService) -> None:
    first, second = service.submit(QUICK), service.submit(QUICK)
    assert isinstance(first.recipe.seed, int)
    assert first.recipe.seed != second.recipe.seed


def test_names_are_found_in_any_spelling_and_written_as_the_catalogue_has_them(service: JobService) -> None:
    job = service.submit(replace(QUICK, sampler="K_EULER_A", schedule="karras"))
    assert (job.recipe.sampler, job.recipe.schedule, job.recipe.checkpoint) == ("Euler a", "Karras", "plain")


@pytest.mark.parametrize(
    ("recipe", "field", "words"),
    [
        (replace(QUICK, checkpoint="missing"), "checkpoint", "no model named 'missing'"),
        (replace(QUICK, checkpoint="broken"), "checkpoint", "cut short"),
        (replace(QUICK, sampler="Magic"), "sampler", "no sampler named 'Magic'"),
        (replace(QUICK, schedule="Magic"), "schedule", "no schedule named 'Magic'"),
        (replace(QUICK, steps=0), "steps", "between 1 and 150"),
        (replace(QUICK, source=Source(ImageRef("0" * 64), strength=1.5)), "strength", "between 0 and 1"),
        (replace(QUICK, source=Source(ImageRef("0" * 64))), "source", "open it again"),
        (replace(QUICK, source=Source(ImageRef("../../secret"))), "source", "open it again"),
    ],
)
def test_a_recipe_that_cannot_be_made_is_refused_with_a_sentence(
    service: JobService, recipe: Recipe, field: str, words: str
) -> None:
    with pytest.raises(RecipeError, match=words) as caught:
        service.submit(recipe)
    assert caught.value.field == field
    assert service.jobs() == ()


def test_a_size_that_is_no_multiple_of_eight_is_rounded_and_said_so(service: JobService) -> None:
    job = end(service, service.submit(replace(QUICK, width=101, height=67)))
    assert (job.recipe.width, job.recipe.height) == (104, 64)
    assert "101 × 67 was rounded to 104 × 64" in job.notes[0]
    assert (job.images[0].width, job.images[0].height) == (104, 64)


def test_a_running_job_is_cancelled_within_a_step_and_the_next_one_runs(make_service: Make) -> None:
    service = make_service(FakeEngine(step_seconds=0.02))
    long, after = service.submit(replace(QUICK, steps=150)), service.submit(QUICK)
    for job in service.watch(long.id):
        if job.step >= 2:
            service.cancel(long.id)
            break
    assert end(service, long).state == "cancelled"
    assert end(service, after).state == "done"


def test_a_waiting_job_is_cancelled_at_once_and_the_running_one_goes_on(make_service: Make) -> None:
    service = make_service(FakeEngine(step_seconds=0.02))
    running, waiting = service.submit(replace(QUICK, steps=20)), service.submit(QUICK)
    service.cancel(waiting.id)
    cancelled = service.job(waiting.id)
    assert cancelled is not None and cancelled.state == "cancelled"
    assert end(service, running).state == "done"


def test_cancelling_what_is_over_or_unknown_does_nothing(service: JobService) -> None:
    job = end(service, service.submit(QUICK))
    service.cancel(job.id)
    service.cancel("no such job")
    assert service.job(job.id) == job


def test_a_failed_job_tells_what_and_what_to_do_and_the_next_one_runs(service: JobService) -> None:
    failed = end(service, service.submit(replace(QUICK, prompt="fail: the model is tired")))
    assert failed.failure is not None
    assert (failed.failure.message, failed.failure.hint) == ("the model is tired", "Try another prompt.")
    assert end(service, service.submit(QUICK)).state == "done"


def test_jobs_run_in_the_order_they_came(make_service: Make) -> None:
    service = make_service(FakeEngine(step_seconds=0.01))
    jobs = [service.submit(replace(QUICK, prompt=str(number))) for number in range(5)]
    assert service.place(jobs[4].id) in (4, 5)
    ended = [end(service, job) for job in jobs]
    starts = [job.started for job in ended]
    assert starts == sorted(start for start in starts if start is not None)


def test_a_full_queue_says_so(make_service: Make) -> None:
    service = make_service(FakeEngine(start_seconds=60), queue_limit=2)
    jobs = [service.submit(QUICK)]
    while service.waiting():  # until the dispatcher has taken the first
        pass
    jobs += [service.submit(QUICK), service.submit(QUICK)]
    with pytest.raises(QueueFull, match="2 jobs are waiting"):
        service.submit(QUICK)
    for job in jobs:
        service.cancel(job.id)


def test_two_watchers_see_the_same_end_and_one_who_comes_late_sees_it_at_once(make_service: Make) -> None:
    service = make_service(FakeEngine(step_seconds=0.01))
    job = service.submit(replace(QUICK, steps=10))
    seen: list[Job] = []
    other = threading.Thread(target=lambda: seen.append(end(service, job)))
    other.start()
    mine = end(service, job)
    other.join()
    assert seen == [mine]
    assert [late.state for late in service.watch(job.id)] == ["done"]


def test_a_slow_watcher_gets_the_latest_step_and_no_backlog(make_service: Make) -> None:
    service = make_service(FakeEngine(step_seconds=0.005))
    job = service.submit(replace(QUICK, steps=100))
    watch = service.watch(job.id)
    next(watch)
    while (latest := service.job(job.id)) is not None and latest.step < 60:
        pass
    assert next(watch).step >= 60
    watch.close()


def test_progress_never_goes_back_and_ends_at_one(make_service: Make) -> None:
    service = make_service(FakeEngine(step_seconds=0.002))
    job = service.submit(replace(QUICK, steps=10, count=3))
    fractions = [seen.fraction for seen in service.watch(job.id)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_jobs_on_record_come_back_after_the_program_ends_and_are_finished(make_service: Make, tmp_path: Path) -> None:
    first = make_service(FakeEngine(step_seconds=0.01))
    job = first.submit(replace(QUICK, seed=100, count=4, steps=20))
    waiting = first.submit(replace(QUICK, seed=5))
    for seen in first.watch(job.id):
        if len(seen.images) == 2:
            break
    first.close()
    second = make_service(FakeEngine())
    done = end(second, job)
    assert done.state == "done"
    assert [image.seed for image in done.images] == [100, 101, 102, 103]
    assert [image.index for image in done.images] == [0, 1, 2, 3]
    assert end(second, waiting).state == "done"


def test_a_record_that_cannot_be_read_is_set_aside_and_loses_no_other(make_service: Make, tmp_path: Path) -> None:
    first = make_service()
    job = end(first, first.submit(QUICK))
    first.close()
    (tmp_path / "jobs" / "00000000000001-bad.json").write_text("{ half a rec")
    second = make_service()
    assert [known.id for known in second.jobs()] == [job.id]
    assert (tmp_path / "jobs" / "00000000000001-bad.unreadable").exists()


def test_a_job_that_was_running_at_two_crashes_is_not_tried_again(make_service: Make, tmp_path: Path) -> None:
    first = make_service(FakeEngine(start_seconds=60))
    job = first.submit(QUICK)
    first.close()
    (record,) = (tmp_path / "jobs").glob("*.json")
    record.write_text(
        record.read_text().replace('"attempts": 1', '"attempts": 2').replace('"attempts": 0', '"attempts": 2')
    )
    second = make_service()
    failed = end(second, job)
    assert failed.failure is not None and failed.failure.cause == "crash"


def test_a_job_that_is_not_kept_leaves_nothing_behind(make_service: Make, tmp_path: Path, store: ImageStore) -> None:
    service = make_service()
    job = end(service, service.submit(replace(QUICK, seed=3), kept=False))
    saved = store.saved(job.images[0].id)
    assert saved is not None and saved.parameters.startswith("a fox\nSteps: 2")
    assert store.list() == ()
    assert list((tmp_path / "jobs").glob("*")) == [] and not list((tmp_path / "outputs").glob("**/*.png"))
    store.delete(job.images[0].id)
    assert not saved.path.exists() and store.saved(job.images[0].id) is None


def test_who_waits_for_a_job_is_told_once_when_it_is_over(make_service: Make) -> None:
    service = make_service(FakeEngine(step_seconds=0.01))
    told: list[str] = []
    running, waiting = service.submit(replace(QUICK, steps=5)), service.submit(replace(QUICK, steps=150))
    service.when_over(running.id, lambda: told.append("first"))
    end(service, running)
    service.when_over(running.id, lambda: told.append("late"))
    service.when_over("unknown", lambda: told.append("unknown"))
    service.when_over(waiting.id, lambda: told.append("closed"))
    service.close()
    assert told == ["first", "late", "unknown", "closed"]


def test_pictures_in_hand_are_skipped_and_the_next_are_made_also_after_a_restart(make_service: Make) -> None:
    first = make_service(FakeEngine(step_seconds=0.01))
    job = first.submit(replace(QUICK, seed=10, count=4, batch=2, steps=20))
    for seen in first.watch(job.id):
        if seen.picture == 2 and seen.step >= 2 and not seen.skipped:
            first.skip(job.id)
        if seen.picture == 4 and seen.step >= 2:
            break
    first.close()
    done = end(make_service(FakeEngine()), job)
    assert (done.state, done.skipped, done.fraction) == ("done", 2, 1.0)
    assert [(image.index, image.seed) for image in done.images] == [(n, 10 + n) for n in (0, 1, 4, 5, 6, 7)]


def test_skipping_the_last_pictures_ends_a_job(make_service: Make) -> None:
    service = make_service(FakeEngine(step_seconds=0.01))
    job = service.submit(replace(QUICK, steps=100))
    for seen in service.watch(job.id):
        if seen.step == 2:
            service.skip(job.id)
    assert service.job(job.id) == seen and (seen.state, seen.images) == ("done", ())
    service.skip(job.id)  # over: of no effect
    assert end(service, service.submit(QUICK)).state == "done"
