"""`webui generate` and `webui models`: the same recipes and the same engine, without a browser."""

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pipelines import atomic
from pipelines.catalogue import Catalogue
from pipelines.recipe import ImageRef, Recipe, RecipeError
from pipelines.recipe_json import changed, from_paths, nested
from webui import flags, like
from webui.api.shapes import JobShape
from webui.app import App, form, log_to_file
from webui.client import Client, ClientError
from webui.jobs import series
from webui.jobs.job import Job
from webui.jobs.journal import Journal
from webui.jobs.service import JobService
from webui.like import Stems
from webui.settings import Settings, SettingsError
from webui.store import codec
from webui.store.images import BadPicture, ImageStore, Names, numbered
from webui.store.metadata import Form

_GIB = 2**30


def generate(settings: Settings, arguments: argparse.Namespace) -> int:
    """Prints the path of each picture. Exit code 1, after one sentence, when one could not be made."""
    given = vars(arguments)
    if ("prompt" in given) == ("like" in given):
        return _fail("Say what the picture shows, or name pictures to make again with --like.")
    if given.get("server"):
        return _generate_there(settings, given)
    log_to_file(settings, screen=False)
    stems = Stems()
    with tempfile.TemporaryDirectory(prefix="snowfox-") as temporary:
        names = stems if "like" in given else None
        store = _store(settings, given.get("out"), Path(temporary), names)
        app = App(settings, store=store, journal=_journal(temporary))
        app.start()
        try:
            catalogue = _ready(app.service)
            if "like" in given:
                return max(_again(app, path, given, stems) for path in given["like"])
            if "init" in given and given["init"].is_dir():
                return _series(app, given, catalogue)
            return _made(app, _recipe(given, catalogue, app.store))
        except (RecipeError, BadPicture, SettingsError) as error:
            return _fail(str(error))
        except KeyboardInterrupt:
            return _fail("Stopped.")
        finally:
            app.close()


def _made(app: App, recipe: Recipe) -> int:
    job = _follow(app, app.service.submit(recipe, "cli"))
    if job.state == "done":
        return 0
    failure = job.failure
    return _fail(f"{failure.message} {failure.hint}" if failure else "Stopped.")


def _generate_there(settings: Settings, given: dict[str, Any]) -> int:
    """On the machine that --server names; the pictures come here."""
    if "like" in given:
        return _fail("--like makes pictures again on this machine; leave out --server.")
    folder: Path = given["out"].expanduser() if "out" in given else Path()
    name, _, password = str(given.get("api_auth") or settings.api_auth).partition(":")
    try:
        with Client(given["server"], (name, password) if name else None) as there:
            values = _values(given, lambda data: there.upload(data).ref)
            job = _follow_there(there, there.submit(nested(values)), folder)
    except (RecipeError, BadPicture, ClientError) as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("Stopped.")
    failure = job.failure
    if job.state == "done":
        return 0
    return _fail(f"{failure.message} {failure.hint}" if failure else "Stopped.")


def _follow_there(there: Client, job: JobShape, folder: Path) -> JobShape:
    """Show the steps, fetch each picture when it is finished and print its path."""
    fetched = 0
    try:
        with tqdm(total=1.0, unit="", file=sys.stderr, leave=False, bar_format="{l_bar}{bar}") as bar:
            for now in there.watch(job):
                job = now
                bar.n = job.progress.fraction
                bar.refresh()
                for image in job.images[fetched:]:
                    data = there.picture(image.id)
                    names = tuple(f"{name}{codec.SUFFIXES[codec.kind(data)]}" for name in numbered(folder, image.seed))
                    bar.write(str(atomic.write_new(folder, names, data)), file=sys.stdout)
                fetched = len(job.images)
    except KeyboardInterrupt:
        there.cancel(job.id)
        raise
    for note in job.notes:
        sys.stderr.write(f"{note}\n")
    return job


def _series(app: App, given: dict[str, Any], catalogue: Catalogue) -> int:
    """Each picture of a folder. Others are made even when one cannot be."""
    reuse = [name.strip() for name in given.get("reuse", "").split(",") if name.strip()]
    unknown = [name for name in reuse if name not in series.REUSABLE]
    if unknown:
        raise RecipeError("reuse", f"'{unknown[0]}' cannot be reused. Known are {', '.join(series.REUSABLE)}.")
    folder: Path = given["init"]
    first = series.files(folder)[0]
    template = _recipe({**given, "init": first}, catalogue, app.store)
    ended = 0
    for recipe in series.recipes(template, folder, app.store, catalogue, reuse):
        ended |= _fail(str(recipe)) if isinstance(recipe, BadPicture) else _made(app, recipe)
    return ended


def _again(app: App, path: Path, given: dict[str, Any], stems: Stems) -> int:
    """A picture once more, under the same name. Another that follows is made even when this one fails."""
    stems.stem = path.stem
    try:
        data = _bytes(path)
        catalogue = _hashed(app.service, like.hash_of(data))
        start = like.Start(
            _picture(given["init"], app.store.put) if "init" in given else None,
            _picture(given["mask"], app.store.put) if "mask" in given else None,
        )
        recipe, doubts = like.wish(data, catalogue, start)
        for doubt in doubts:
            sys.stderr.write(f"{path.name}: {doubt}\n")
        counts = _counts(given) if "count" in given or "batch" in given else {}
        recipe = changed(recipe, {**flags.given(given), **counts, **_size(given)})
        return _made(app, recipe)
    except (RecipeError, BadPicture) as error:
        return _fail(f"{path.name}: {error}")


def _hashed(service: JobService, digits: str) -> Catalogue:
    """The catalogue, once the checkpoint of that hash is known, or none can be it any more."""
    while True:
        catalogue = _ready(service)
        files = [entry for entry in catalogue.usable() if Path(entry.path).is_file()]
        if any(digits and entry.sha256.startswith(digits) for entry in files):
            return catalogue
        if not digits or all(entry.sha256 for entry in files):
            return catalogue
        time.sleep(0.1)


def list_models(settings: Settings) -> int:
    """One line for each file that was found; reasons for those that cannot be used."""
    log_to_file(settings, screen=False)
    with tempfile.TemporaryDirectory(prefix="snowfox-") as temporary:
        app = App(settings, store=_store(settings, None, Path(temporary)), journal=_journal(temporary))
        app.start()
        try:
            catalogue = _ready(app.service)
        finally:
            app.close()
    if not catalogue.checkpoints:
        return _fail(f"No model was found. Put a .safetensors file into {settings.models / 'checkpoints'}.")
    for entry in catalogue.checkpoints:
        family = catalogue.family(entry.family)
        title = family.title if family else "unknown"
        line = f"{entry.name}\t{title}\t{entry.bytes / _GIB:.2f} GiB\t{entry.short_hash or '-'}"
        sys.stdout.write(f"{line}\t{entry.problem}\n" if entry.problem else f"{line}\n")
    return 0


def _ready(service: JobService) -> Catalogue:
    status = service.wait_for_engine()
    if status.phase != "ready" or status.catalogue is None:
        raise SettingsError(status.message or "The engine does not start.")
    return status.catalogue


def _recipe(given: dict[str, Any], catalogue: Catalogue, store: ImageStore) -> Recipe:
    """Flags → recipe; what is not given is as the checkpoint likes it. Raises RecipeError or BadPicture."""
    return from_paths(catalogue.completed(_values(given, store.put)))


def _values(given: dict[str, Any], put: Callable[[bytes], str]) -> dict[str, Any]:
    """Flags → fields by their paths. put: keeps a picture to start from where the recipe will be made."""
    values: dict[str, Any] = {"prompt": given["prompt"], **flags.given(given), **_counts(given), **_size(given)}
    if "init" in given:
        values["source.image"] = _picture(given["init"], put)
        layers = {"mask": "source.mask.image", "sketch": "source.sketch"}
        values |= {path: _picture(given[name], put) for name, path in layers.items() if name in given}
    elif "mask" in given or "sketch" in given or any(name.startswith("source.") for name in values):
        raise RecipeError(
            "source", "--mask, --strength and the like need a picture to start from: give it with --init."
        )
    return values


def _size(given: dict[str, Any]) -> dict[str, int]:
    if "size" not in given:
        return {}
    size = re.fullmatch(r"(\d+)\s*[xX×]\s*(\d+)", given["size"])
    if size is None:
        raise RecipeError("size", f"'{given['size']}' is no size; write it as 512x768.")
    return {"width": int(size[1]), "height": int(size[2])}


def _counts(given: dict[str, Any]) -> dict[str, int]:
    count, batch = given.get("count", 1), given.get("batch", 1)
    if batch < 1 or count % batch:
        raise RecipeError(
            "batch", f"{count} pictures cannot be made {batch} at once: --count is a multiple of --batch."
        )
    return {"count": count // batch, "batch": batch}


def _picture(path: Path, put: Callable[[bytes], str]) -> ImageRef:
    data = _bytes(path)
    try:
        ref = ImageRef(put(data))
    except BadPicture as error:
        raise BadPicture(f"{path}: {error}") from error
    sys.stderr.writelines(f"{path.name}: {note}\n" for note in codec.remarks(data))
    return ref


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadPicture(f"{path} cannot be read: {error.strerror}.") from error


def _follow(app: App, job: Job) -> Job:
    """Show the steps, print each picture's path as it is written."""
    printed, last = 0, job
    with tqdm(total=job.recipe.count * job.recipe.steps, unit="step", file=sys.stderr, leave=False) as bar:
        for last in app.service.watch(job.id):
            bar.total = job.recipe.count * (last.steps or job.recipe.steps)
            bar.n = min(bar.total, (last.picture // job.recipe.batch) * last.steps + last.step)
            bar.set_description("Loading the model" if last.state == "loading" else None, refresh=False)
            bar.refresh()
            for image in last.images[printed:]:
                saved = app.store.saved(image.id)
                bar.write(str(saved.path if saved else image.id), file=sys.stdout)
            printed = len(last.images)
    for note in last.notes:
        sys.stderr.write(f"{note}\n")
    return last


def _store(settings: Settings, out: Path | None, temporary: Path, names: Names | None = None) -> ImageStore:
    """out: a folder of the user's own, without our folder for each day and without a place in the gallery."""
    inputs = settings.cache / "inputs"

    def written() -> Form:
        return form(settings)

    if out is None:
        return ImageStore(settings.outputs, inputs, settings.cache / "index.sqlite", names=names, form=written)
    folder = out.expanduser().resolve()
    return ImageStore(folder, inputs, temporary / "index.sqlite", dated=False, names=names, form=written)


def _journal(temporary: str) -> Journal:
    """A record of its own: a page that is open on the same folder keeps its queue to itself."""
    return Journal(Path(temporary) / "jobs")


def _fail(sentence: str) -> int:
    sys.stderr.write(f"{sentence.strip()}\n")
    return 1
