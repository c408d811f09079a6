"""A typed client of /api/v1, for scripts and for `webui generate --server`.

with Client("http://127.0.0.1:7860") as snowfox:
    job = snowfox.wait(snowfox.submit({"prompt": "a fox", "seed": 7}))
    data = snowfox.picture(job.images[0].id)
"""

import json
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from pipelines.recipe import ImageRef, Recipe
from pipelines.recipe_json import to_json
from webui.api.presets import PresetShape
from webui.api.shapes import (
    ImageShape,
    ImagesShape,
    InputShape,
    JobShape,
    ParametersShape,
    RefShape,
    StatusShape,
    TokensShape,
)
from webui.jobs.job import ENDED

_Shape = TypeVar("_Shape", bound=BaseModel)


class ClientError(RuntimeError):
    """What the server refused, or that it cannot be reached; the text is a sentence.

    status -- of the answer; 0 when there was none
    field  -- of the recipe, where one is at fault
    """

    def __init__(self, message: str, status: int = 0, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.field = field


class Client:
    """A connection to a running Snowfox. Raises ClientError.

    address -- may be the whole link that it printed, with its key
    account -- name and password, where it asks for them
    """

    def __init__(
        self, address: str = "http://127.0.0.1:7860", account: tuple[str, str] | None = None, timeout: float = 60
    ) -> None:
        address, _, query = (address if "://" in address else f"http://{address}").partition("?")
        if key := parse_qs(query).get("key"):
            account = account or ("key", key[0])
        try:
            self._http = httpx.Client(
                base_url=f"{address.rstrip('/')}/api/v1", auth=account, timeout=timeout, trust_env=False
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise ClientError(f"'{address}' is no address: {error}") from error

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def status(self) -> StatusShape:
        return self._get("status", StatusShape)

    def catalogue(self) -> dict[str, Any]:
        """Models, samplers, schedules and files that go with models."""
        return self._json("GET", "catalogue")

    def submit(self, recipe: Recipe | Mapping[str, Any], preset: str = "", webhook: str = "") -> JobShape:
        """Put a recipe, whole or in part, into the queue."""
        body = to_json(recipe) if isinstance(recipe, Recipe) else dict(recipe)
        query = {name: value for name, value in (("preset", preset), ("webhook", webhook)) if value}
        return self._shape(JobShape, self._json("POST", "jobs", json=body, params=query))

    def job(self, identity: str) -> JobShape:
        return self._get(f"jobs/{identity}", JobShape)

    def jobs(self) -> list[JobShape]:
        """The latest, newest first."""
        return [self._shape(JobShape, job) for job in self._json("GET", "jobs")]

    def watch(self, job: JobShape | str) -> Iterator[JobShape]:
        """The job as it is, then at each change, until it is over. Waits as long as that takes."""
        identity = job if isinstance(job, str) else job.id
        try:
            with self._http.stream("GET", f"jobs/{identity}/events", timeout=None) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _refusal(answer)
                for line in answer.iter_lines():
                    if line.startswith("data: "):
                        yield self._shape(JobShape, json.loads(line.removeprefix("data: ")))
        except httpx.HTTPError as error:
            raise ClientError(f"The server was lost: {error}") from error

    def wait(self, job: JobShape | str) -> JobShape:
        """The job when it is over."""
        last = None
        for now in self.watch(job):
            last = now
        if last is None or last.state not in ENDED:
            raise ClientError("The server ended before the job did.")
        return last

    def cancel(self, identity: str) -> JobShape:
        return self._shape(JobShape, self._json("POST", f"jobs/{identity}/cancel"))

    def kill(self, identity: str) -> JobShape:
        return self._shape(JobShape, self._json("POST", f"jobs/{identity}/kill"))

    def picture(self, identity: str) -> bytes:
        """The PNG file."""
        return self._answer("GET", f"images/{identity}").content

    def details(self, identity: str) -> ImageShape:
        return self._get(f"images/{identity}/details", ImageShape)

    def find(self, search: str = "", before: str = "", limit: int = 60) -> ImagesShape:
        """Finished pictures, newest first. before: `next` of the page before."""
        query = {"search": search, "before": before, "limit": limit}
        return self._shape(ImagesShape, self._json("GET", "images", params=query))

    def upload(self, data: bytes) -> InputShape:
        """Keep a picture to start from; its `ref` goes into a recipe's source."""
        return self._shape(InputShape, self._json("POST", "images", content=data))

    def use(self, identity: str) -> ImageRef:
        """A finished picture as one to start from."""
        return ImageRef(self._shape(RefShape, self._json("POST", f"images/{identity}/use")).ref)

    def delete(self, identity: str) -> None:
        """Move a picture to the bin."""
        self._answer("DELETE", f"images/{identity}")

    def restore(self, identity: str) -> ImageShape:
        return self._shape(ImageShape, self._json("POST", f"images/{identity}/restore"))

    def parameters(self, said: bytes | str) -> ParametersShape:
        """How a picture (bytes), or the one that a text tells of, was made."""
        body: dict[str, Any] = {"content": said} if isinstance(said, bytes) else {"json": {"text": said}}
        return self._shape(ParametersShape, self._json("POST", "parameters", **body))

    def tokens(self, text: str) -> TokensShape:
        return self._shape(TokensShape, self._json("GET", "tokens", params={"text": text}))

    def presets(self) -> dict[str, dict[str, Any]]:
        """Parts of recipes by name."""
        shapes = TypeAdapter(list[PresetShape]).validate_python(self._json("GET", "presets"))
        return {preset.name: preset.recipe for preset in shapes}

    def keep_preset(self, name: str, recipe: Mapping[str, Any]) -> None:
        self._answer("POST", f"presets/{quote(name, safe='')}", json=dict(recipe))

    def remove_preset(self, name: str) -> None:
        self._answer("DELETE", f"presets/{quote(name, safe='')}")

    def rescan(self) -> StatusShape:
        """Have the models folder looked at again."""
        return self._shape(StatusShape, self._json("POST", "rescan"))

    def _get(self, path: str, shape: type[_Shape]) -> _Shape:
        return self._shape(shape, self._json("GET", path))

    def _shape(self, shape: type[_Shape], value: Any) -> _Shape:
        try:
            return shape.model_validate(value)
        except ValidationError as error:
            raise ClientError("The server gave an answer that this program does not understand.") from error

    def _json(self, method: str, path: str, **more: Any) -> Any:
        answer = self._answer(method, path, **more)
        try:
            return answer.json()
        except ValueError as error:
            raise ClientError("The server's answer is not JSON; is it a Snowfox?") from error

    def _answer(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **more)
        except httpx.HTTPError as error:
            raise ClientError(f"No Snowfox answers at {self._http.base_url.copy_with(path='/')}: {error}") from error
        if not answer.is_success:
            raise _refusal(answer)
        return answer


def _refusal(answer: httpx.Response) -> ClientError:
    try:
        told = answer.json()["error"]
        return ClientError(str(told["message"]), answer.status_code, told["field"])
    except (ValueError, KeyError, TypeError):
        return ClientError(f"The server answered {answer.status_code} {answer.reason_phrase}.", answer.status_code)
