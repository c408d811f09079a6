"""The host: what is found, what state it is in, and what a recipe goes through."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.recipe import Recipe, RecipeError
from tests.extensions.conftest import Write, standing
from webui.extension import Saved
from webui.host import hunt
from webui.host.host import Host
from webui.host.record import Hunt, Record, Records, Start, Starts
from webui.settings import Settings

Make = Callable[..., Host]

PLAIN = """
from webui.extension import Extension

def setup(registry):
    pass

EXTENSION = Extension("Plain", "1.2", setup, description="Does nothing")
"""

PANEL = """
from dataclasses import dataclass, replace
from typing import Annotated, Literal
from pipelines.recipe import Label, Range
from webui.extension import Extension, options_of

@dataclass(frozen=True)
class Options:
    word: Annotated[str, Label("Word", "What is added.")] = "bright"
    times: Annotated[int, Range(1, 3, 1), Label("Times")] = 1
    place: Literal["front", "back"] = "back"

def prepare(recipe):
    options = options_of(recipe, Options)
    words = " ".join([options.word] * options.times)
    prompt = f"{recipe.prompt} {words}" if options.place == "back" else f"{words} {recipe.prompt}"
    return replace(recipe, prompt=prompt)

def setup(registry):
    registry.panel(Options)
    registry.prepare(prepare)

EXTENSION = Extension("Words", "1", setup)
"""


def test_what_an_addon_says_is_read_without_running_it(write: Write, host: Make) -> None:
    write("plain", "print(1 / 0)\n" + PLAIN.replace("setup, d", "setup, on=False, d"))
    found = standing(host(), "plain")
    assert (found.found.title, found.found.version, found.found.description) == ("Plain", "1.2", "Does nothing")
    assert (found.state, found.wanted) == ("disabled", False)


def test_an_enabled_addon_runs_and_another_process_is_not_needed_for_none(write: Write, host: Make) -> None:
    assert host()._annex is None
    write("plain", PLAIN)
    assert standing(host(), "plain").state == "enabled"


@pytest.mark.parametrize(
    ("name", "source", "state", "message"),
    [
        ("syntax", "def (:\n", "load error", "SyntaxError"),
        ("missing", "import no_such_package\n" + PLAIN, "load error", "No module named 'no_such_package'"),
        ("two", PLAIN + "\nSECOND = Extension('Two', '1', setup)", "config error", "holds 2"),
        ("future", PLAIN.replace("setup, d", "setup, contract=99, d"), "incompatible", "contract 99"),
        ("newer", PLAIN.replace("setup, d", 'setup, requires=">=7", d'), "incompatible", "requires Snowfox >=7"),
        ("nonsense", PLAIN.replace("setup, d", 'setup, requires="seven", d'), "incompatible", "not a range"),
        ("raises", PLAIN.replace("    pass", "    registry.nothing()"), "load error", "AttributeError"),
        ("asset", PLAIN.replace("    pass", "    registry.asset('../../up.css')"), "config error", "not a file of"),
        ("panel", PLAIN.replace("    pass", "    registry.panel(dict)"), "config error", "dataclass"),
        ("reference", PLAIN.replace("    pass", "    registry.finish('draw')"), "config error", "module:name"),
        ("bad name.x", PLAIN, "incompatible", "Rename its folder"),
    ],
)
def test_states_and_their_reasons(write: Write, host: Make, name: str, source: str, state: str, message: str) -> None:
    write("plain", PLAIN)
    write(name, source)
    made = host()
    found = standing(made, name)
    assert (found.state, message in found.message + found.details) == (state, True), found
    assert standing(made, "plain").state == "enabled"


def test_an_a1111_extension_is_named_so_and_never_loaded(write: Write, host: Make, tmp_path: Path) -> None:
    folder = tmp_path / "extensions" / "sd-webui-thing"
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts" / "thing.py").write_text("raise SystemExit")
    (folder / "install.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    found = standing(host(), "sd-webui-thing")
    assert (found.state, found.message, found.found.foreign) == (
        "incompatible", "Made for A1111: not supported yet.", True)  # fmt: skip
    assert not (tmp_path / "ran").exists()


def test_a_panel_is_checked_and_only_then_its_hooks_are_called(write: Write, host: Make) -> None:
    write("words", PANEL)
    made = host()
    plain = Recipe("a fox", seed=1)
    assert made.prepare(plain) == ((plain,), ())
    (one,), _ = made.prepare(Recipe("a fox", seed=1, extras={"words": {"times": 2}}))
    assert one.prompt == "a fox bright bright"
    assert one.extras == {"words": {"word": "bright", "times": 2, "place": "back"}}
    for wrong, said in [
        ({"times": 4}, "between 1 and 3"),
        ({"times": "two"}, "needs a number"),
        ({"place": "left"}, "one of front, back"),
        ({"size": 1}, "no option 'size'"),
        (7, "have to be an object"),
    ]:
        with pytest.raises(RecipeError, match=said):
            made.prepare(Recipe("a fox", seed=1, extras={"words": wrong}))


def test_settings_of_an_absent_addon_are_told_of(host: Make) -> None:
    recipe = Recipe("a fox", seed=1, extras={"moonlight": {"phase": 3}})
    assert host().prepare(recipe) == ((recipe,), ("The add-on 'moonlight' is not running; its settings are not used.",))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise KeyError('x')", "prepare: KeyError: 'x'"),
        ("raise SystemExit", "tried to end the program"),
        ("return None", "returned NoneType"),
        ("return dataclasses.replace(recipe, steps='many')", "steps"),
        ("os._exit(7)", "ended its process (exit code 7)"),
        ("while True: pass", "took longer than 0.5 s"),
    ],
)
def test_a_prepare_hook_that_fails_is_named_and_left_out(write: Write, host: Make, body: str, said: str) -> None:
    write("good", PANEL.replace("registry.panel(Options)", "registry.panel(Options, 'Good')"))
    write(
        "bad",
        f"""
import dataclasses, os
from webui.extension import Extension

def prepare(recipe):
    {body}

EXTENSION = Extension("Bad", "1", lambda registry: registry.prepare(prepare), patience=0.5)
""",
    )
    made = host()
    wish = Recipe("a fox", seed=1, extras={"good": {}})
    with pytest.raises(RecipeError, match="The add-on 'Bad' failed") as caught:
        made.prepare(wish)
    assert (caught.value.field, said in str(caught.value)) == ("extras.bad", True), caught.value
    (one,), _ = made.prepare(wish)
    assert one.prompt == "a fox bright"
    assert standing(made, "bad").state == "failed"


def test_one_recipe_may_become_several(write: Write, host: Make) -> None:
    write(
        "split",
        """
from dataclasses import replace
from webui.extension import Extension

def prepare(recipe):
    return [replace(recipe, prompt=part, seed=recipe.seed + n) for n, part in enumerate(recipe.prompt.split("|"))]

EXTENSION = Extension("Split", "1", lambda registry: registry.prepare(prepare))
""",
    )
    recipes, _ = host().prepare(Recipe("a|b|c", seed=5))
    assert [(one.prompt, one.seed) for one in recipes] == [("a", 5), ("b", 6), ("c", 7)]


def test_who_listens_is_told_of_pictures_and_may_fail(write: Write, host: Make, tmp_path: Path) -> None:
    write(
        "listens",
        """
from webui.extension import Extension

def setup(registry):
    def saved(picture):
        with (registry.context.keep() / "seen.txt").open("a") as file:
            file.write(f"{picture.seed} {picture.path.name}\\n")
    registry.saved(saved)

EXTENSION = Extension("Listens", "1", setup)
""",
    )
    write("dies", "import os\n" + PLAIN.replace("    pass", "    registry.saved(lambda picture: os._exit(1))"))
    made = host()
    for seed in (4, 5):
        made.saved(Saved("0" * 32, tmp_path / f"{seed}.png", Recipe(seed=seed), "", seed, 64, 64))
    made.close()
    assert (tmp_path / "extensions" / ".data" / "listens" / "seen.txt").read_text() == "4 4.png\n5 5.png\n"
    assert standing(made, "dies").state == "failed"


def test_what_ends_a_process_stays_off_until_it_is_wanted_back(write: Write, host: Make) -> None:
    write("exits", "import os; os._exit(3)\n" + PLAIN)
    first = host()
    assert standing(first, "exits").state == "load error"
    second = host()
    assert (standing(second, "exits").state, second._annex) == ("disabled", None)
    second.switch("exits", True)
    assert standing(second, "exits").state == "needs restart"
    assert standing(host(), "exits").state == "load error"


def test_deeds_are_reported(write: Write, host: Make, tmp_path: Path) -> None:
    write(
        "busy",
        f"""
import socket, subprocess, sys
from webui.extension import Extension

def setup(registry):
    open({str(tmp_path / "left")!r}, "w").close()
    subprocess.run([sys.executable, "-c", ""])
    with socket.socket() as one:
        one.connect_ex(("127.0.0.1", 9))

EXTENSION = Extension("Busy", "1", setup)
""",
    )
    write("quiet", PLAIN)
    made = host()
    deeds = {(deed.doing, deed.what) for deed in standing(made, "busy").deeds}
    assert {("file", str(tmp_path / "left")), ("program", sys.executable), ("network", "127.0.0.1:9")} <= deeds
    assert standing(made, "quiet").deeds == ()


def test_an_addon_may_bring_packages_but_not_replace_ours(write: Write, host: Make) -> None:
    folder = write("brings", "import brought, json\nassert json.dumps(1) == '1' and brought.VALUE == 7\n" + PLAIN)
    for name, text in (("brought", "VALUE = 7"), ("json", "dumps = None")):
        (folder / ".packages").mkdir(exist_ok=True)
        (folder / ".packages" / f"{name}.py").write_text(text)
    assert standing(host(), "brings").state == "enabled"


def test_switching_tells_of_the_restart(write: Write, host: Make) -> None:
    write("plain", PLAIN)
    made = host()
    made.switch("plain", False)
    assert (standing(made, "plain").state, standing(made, "plain").wanted) == ("needs restart", False)
    assert standing(host(), "plain").state == "disabled"


def test_flags_switch_off(write: Write, host: Make) -> None:
    write("plain", PLAIN)
    write("words", PANEL)
    assert {one.state for one in host(safe_mode=True).standings()} == {"disabled"}
    assert {one.state for one in host(disable_extensions="all").standings()} == {"disabled"}
    some = host(disable_extensions="words")
    assert standing(some, "plain").state == "enabled"
    assert some.prepare(Recipe("a", seed=1, extras={"words": {}}))[1]


def test_two_failed_starts_lead_to_safe_mode_and_a_named_culprit_to_its_end(write: Write, tmp_path: Path) -> None:
    write("plain", PLAIN)
    settings = Settings(root=tmp_path)
    for before in (Start(), Start(1), Start(2)):
        assert Starts(settings.cache).begin() == before
    made = Host(settings)
    made.load(Start(2))
    assert "The last 2 starts" in made.safe and standing(made, "plain").state == "disabled"
    starts = Starts(settings.cache)
    starts.enter("plain")
    assert starts.begin() == Start(3, "plain")
    starts.end()
    assert starts.begin() == Start()
    named = Host(settings)
    named.load(Start(1, "plain"))
    assert (named.safe, standing(named, "plain").state) == ("", "load error")
    assert Records(tmp_path).read().on == {"plain": False}


def test_the_hunt_finds_the_culprit_by_halves(write: Write, host: Make, tmp_path: Path) -> None:
    names = [f"addon{number}" for number in range(9)]
    for name in names:
        write(name, PLAIN)
    records = Records(tmp_path)
    search = hunt.begun(names)
    starts = 0
    while not search.culprit:
        records.write(Record(hunt=search))
        running = {one.found.name for one in host().standings() if one.offer is not None}
        assert running & set(search.suspects) == set(search.trying)
        search = hunt.answered(search, good="addon6" not in running)
        starts += 1
    assert search.culprit == "addon6"
    assert starts <= hunt.starts_left(Hunt(tuple(names), ())) == 4


def test_a_record_that_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    for text in ("", "[]", '{"on": 3}', '{"origins": {"a": 1}}', json.dumps({"hunt": {"x": 1}})):
        (tmp_path / "extensions.json").write_text(text)
        assert Records(tmp_path).read().on == {}


def test_what_ships_loads(host: Make, tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "extensions"
    names = ("wildcards", "seamless", "cutout", "pastel", "moonlight")
    for name in names:
        shutil.copytree(shipped / name, tmp_path / "extensions" / name)
    Records(tmp_path).write(Record(on=dict.fromkeys(names, True)))
    made = host()
    assert {one.found.name: one.state for one in made.standings()} == dict.fromkeys(names, "enabled")
    data = tmp_path / "extensions" / ".data" / "wildcards"
    data.mkdir(parents=True)
    (data / "animal.txt").write_text("fox\nowl\n")
    recipes, _ = made.prepare(Recipe("a __animal__ and a __stone__", seed=1, count=4))
    assert [(one.seed, one.count) for one in recipes] == [(1, 1), (2, 1), (3, 1), (4, 1)]
    assert {one.prompt for one in recipes} <= {"a fox and a __stone__", "a owl and a __stone__"}
    assert recipes == made.prepare(Recipe("a __animal__ and a __stone__", seed=1, count=4))[0]
