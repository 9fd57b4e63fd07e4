"""The wheel has the whole program and nothing else, and runs where there is no checkout."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path, PurePosixPath

from tests.support import bare
from tests.support.places import ROOT

FOOD = ROOT / "sample_data" / "photos" / "food"


def test_the_wheel_is_whole_and_runs_in_a_bare_environment(tmp_path: Path) -> None:
    source = bare.copied(tmp_path / "source")
    wanted = {
        path.relative_to(source).as_posix()
        for package in bare.PACKAGES
        for path in (source / package).rglob("*")
        if path.is_file()
    }
    wheel = bare.wheel(source, tmp_path / "dist")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    said = {name for name in names if PurePosixPath(name).parts[0].endswith(".dist-info")}
    assert names - said == wanted
    assert {PurePosixPath(name).name for name in said} >= {"LICENSE", "NOTICE", "METADATA"}

    python = bare.environment(tmp_path / "env")
    bare.install(python, str(wheel))
    shutil.rmtree(source)
    shutil.copytree(FOOD, tmp_path / "Photos")

    def clipseek(*arguments: str) -> str:
        done = subprocess.run(
            [str(python.with_name("clipseek")), *arguments],
            cwd=tmp_path,
            env=bare.at_home(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert clipseek("--version").startswith("clipseek ")
    clipseek("index", "Photos", "--model", "starter")
    found = clipseek("search", "a cup of coffee", "--paths", "--top", "1")
    assert found == f"{tmp_path / 'Photos' / 'coffee-cup.jpg'}\n"
