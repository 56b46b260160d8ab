"""Bundles: the same files give the same bytes, and nothing false or harmful is let in or out."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import eipyomo as ei
from eipyomo.bundling import archive
from eipyomo.bundling.manifest import FILE, Source
from eipyomo.cli import main
from experiments import bundle as experiment

PAGE = (Path(__file__).parents[1] / "docs" / "bundle.md").read_text(encoding="utf-8")
Files = dict[str, bytes]


@cache
def study() -> Mapping[str, bytes]:
    """Return the files of a study of two users: two results, a process, a proof, a table, more."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        instance = ei.Instance.letter(users=2, seed=3)
        instance.to_json(folder / "instance.json")
        proof = str(folder / "proof.json")
        ei.solve(instance, "exact", certificate=proof).to_json(folder / "exact.json")
        ei.solve(instance, "random", seed=5).to_json(folder / "random.json")
        ei.train(instance, 2, seed=7).to_json(folder / "process.json")
        table = ei.compare([instance], ["exact", "lco"])
        table.to_csv(folder / "table.csv", index=False)
        (folder / "figure.png").write_bytes(b"a picture")
        (folder / "größe 中.py").write_text("SIZE = 1", encoding="utf-8")
        (folder / "notes.txt").write_text("by hand, für später", encoding="utf-8")
        return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def write(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write files, and return where they are."""
    for name, contents in files.items():
        (folder / name).write_bytes(contents)
    return [folder / name for name in files]


@cache
def bundled() -> bytes:
    """Return the study's bundle."""
    with tempfile.TemporaryDirectory() as name:
        target = Path(name) / "study.zip"
        ei.bundle(target, write(Path(name), study()), made_by={"random.json": "by seed 5"})
        return target.read_bytes()


def unpacked() -> Files:
    """Return the files in it."""
    with zipfile.ZipFile(io.BytesIO(bundled())) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def packed(files: Mapping[str, bytes], folder: Path, *, adjust: bool = False) -> Path:
    """Write a zip of files as anybody can, with a manifest that knows their digests if wanted."""
    found = dict(files)
    if adjust:
        manifest = json.loads(found[FILE])
        for item in manifest["files"]:
            contents = found[item["name"]]
            item |= {"size_bytes": len(contents), "sha256": sha256(contents).hexdigest()}
        found[FILE] = json.dumps(manifest).encode()
    target = folder / "changed.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in found.items():
            archive.writestr(name, contents)
    return target


def edited(name: str, change: Callable[[dict[str, Any]], object]) -> Files:
    """Return the bundle's files, one of them a changed document."""
    files = unpacked()
    document = json.loads(files[name])
    change(document)
    return {**files, name: json.dumps(document).encode()}


def test_a_bundle_tells_how_each_file_was_checked(tmp_path: Path) -> None:
    """Every file is there as it was, and read as what it is."""
    target = tmp_path / "study.zip"
    target.write_bytes(bundled())
    found = ei.Bundle.open(target)
    assert {name.rpartition("/")[2]: found.read(name) for name in found.checks} == study()
    assert re.fullmatch(
        r"evaluated anew on instances/instance.json; proven to be at most \d.\de-0[789] above the "
        r"optimum by certificates/proof.json",
        found.checks["results/exact.json"],
    )
    assert found.checks["processes/process.json"].startswith("2 rounds evaluated anew")
    assert found.checks["tables/table.csv"] == "2 rows agree with one another"
    assert found.checks["figures/figure.png"] == found.checks["data/notes.txt"] == "digest"
    told = {item.name: (item.seed, item.made_by) for item in found.manifest.files}
    assert told["results/random.json"] == (5, "by seed 5")
    assert told["processes/process.json"] == (7, None)
    assert found.manifest.made_with["eipyomo"] == ei.__version__
    assert found.results["results/exact.json"].termination == "optimal"
    assert repr(found).startswith("<Bundle 'study.zip': 1 certificate file, 2 data files")
    with pytest.raises(ei.InputError, match="the bundle has no file 'x', but has: "):
        found.read("x")


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    """In whatever order and whenever they are given."""
    files = write(tmp_path, study())
    made = {"random.json": "by seed 5"}
    ei.bundle(tmp_path / "again.zip", reversed(files), made_by=made)
    assert (tmp_path / "again.zip").read_bytes() == bundled()


def test_files_come_out_as_they_went_in(tmp_path: Path) -> None:
    """What was extracted makes the same bundle again."""
    target = tmp_path / "study.zip"
    target.write_bytes(bundled())
    out = ei.Bundle.open(target).extract(tmp_path / "deep" / "out")
    files = [file for file in out if file.name != FILE]
    ei.bundle(tmp_path / "again.zip", files, made_by={"random.json": "by seed 5"})
    assert (tmp_path / "again.zip").read_bytes() == bundled()


def test_certificates_are_made_again_when_asked(tmp_path: Path) -> None:
    """Without the certificate the exact method proves every claim anew, also those of a table."""
    files = write(tmp_path, {k: v for k, v in study().items() if k != "proof.json"})
    found = ei.bundle(tmp_path / "b.zip", files, certificates=True)
    name = "certificates/exact.certificate.json"  # one for both results on this problem
    assert list(found.contents.certificates) == [name]
    assert found.checks["results/exact.json"].endswith(f"above the optimum by {name}")
    proofs = found.prove()
    assert set(proofs) == set(found.results)
    assert all(proof.proven.doubt is None for proof in proofs.values())
    assert (
        "2 rows held against proofs made anew, the worst proven to be at most"
        in found.checks["tables/table.csv"]
    )
    random = found.results["results/random.json"]
    assert random.value is not None
    gap = (random.value - proofs["results/random.json"].proven.bound) / random.value
    assert f"at most {gap:.1e} above the optimum" in found.checks["results/random.json"]


def test_claims_that_cannot_be_true_are_found_by_proof(tmp_path: Path) -> None:
    """Rows agree with one another, but not with the optimum: a cost below, and a bound above it."""
    table = study()["table.csv"].decode()
    row = dict(zip(*(line.split(",") for line in table.splitlines()[:2]), strict=False))
    objective = float(row["objective"])
    for values, words in (
        ({"objective": 0.9, "value": 0.9, "bound": 0.9}, "but it is proven that nothing costs"),
        ({"objective": 1.2, "value": 1.2, "bound": 1.2}, "claims the bound"),
    ):
        columns = ["instance", "method", "problem", "termination", "objective", "value", "bound"]
        told: dict[str, Any] = {"instance": "x", "method": "exact", "problem": "joint"}
        told |= {"termination": "optimal", "gap": 0.0, "feasible": True}
        told |= {key: objective * factor for key, factor in values.items()}
        told["digest"] = ei.Instance.letter(users=2, seed=3).digest()
        columns += ["gap", "feasible", "digest"]
        text = ",".join(columns) + "\n" + ",".join(str(told[key]) for key in columns) + "\n"
        files = {"instance.json": study()["instance.json"], "t.csv": text.encode()}
        found = ei.bundle(tmp_path / "b.zip", write(tmp_path, files))
        with pytest.raises(ei.ClaimError, match=rf"^tables/t.csv: row 1 .*{words}"):
            found.prove()


def test_numbers_of_tables_are_those_of_results(tmp_path: Path) -> None:
    """A table may be of any kind; its numbers are held against the results they come from."""
    exact = json.loads(study()["exact.json"])["objective"]
    text = f"seed,cost,note\n3,{exact},a\n4,7.5,b\n"
    names = ("instance.json", "exact.json")
    files = write(tmp_path, {name: study()[name] for name in names} | {"t.csv": text.encode()})
    source = {"table": "t.csv", "row": 1, "column": "cost", "result": "exact.json"}
    found = ei.bundle(tmp_path / "b.zip", files, sources=[source])
    assert found.checks["tables/t.csv"] == "digest, 2 rows; 1 numbers are those of results"
    for change, words, kind in (
        ({"row": 2}, r"row 2, column 'cost' is 7.5, but objective of results/exact", "ClaimError"),
        ({"column": "note"}, "column 'note' is 'a', but objective", "ClaimError"),
        ({"row": 3}, "the table has no such number", "InputError"),
        ({"column": "x"}, "the table has no such number", "InputError"),
        (
            {"table": "exact.json"},
            "must be files of the bundle, a table and a result",
            "InputError",
        ),
        ({"table": "x.csv"}, "table names 'x.csv', but the files are: ", "InputError"),
    ):
        with pytest.raises(ei.InputError, match=words) as error:
            ei.bundle(tmp_path / "b.zip", files, sources=[Source.of({**source, **change})])
        assert type(error.value).__name__ == kind


def test_what_is_false_is_not_bundled(tmp_path: Path) -> None:
    """A result that claims another cost stays outside, and an older bundle stays as it is."""
    document = json.loads(study()["exact.json"])
    false = json.dumps({**document, "objective": 1.5}).encode()
    files = {**study(), "exact.json": false}
    (tmp_path / "b.zip").write_bytes(b"old")
    with pytest.raises(
        ei.ClaimError, match=r"^results/exact.json: the result claims objective 1.5"
    ):
        ei.bundle(tmp_path / "b.zip", write(tmp_path, files))
    assert (tmp_path / "b.zip").read_bytes() == b"old"


LOOSE: list[tuple[Callable[[Files], Files], str, int]] = [
    (lambda files: {**files, "x.json": b"{}"}, "holds 'x.json', of which its manifest", 4),
    (lambda files: {**files, "results/../../x": b""}, "names must be FILE or FOLDER/FILE", 2),
    (lambda files: {**files, "/etc/x": b""}, "names must be FILE or FOLDER/FILE", 2),
    (lambda files: {**files, "data/..": b""}, "names must be FILE or FOLDER/FILE", 2),
    (lambda files: {**files, "data\\x": b""}, "names must be FILE or FOLDER/FILE", 2),
    (lambda files: {**files, "C:x": b""}, "names must be FILE or FOLDER/FILE", 2),
    (lambda files: {**files, "data/Notes.txt": b""}, "'data/Notes.txt' twice", 2),
    (lambda files: {k: v for k, v in files.items() if "notes" not in k}, "lacks 'data/notes", 4),
    (lambda files: {**files, "data/notes.txt": b"by me"}, "'data/notes.txt' was changed", 4),
    (lambda files: {k: v for k, v in files.items() if k != FILE}, "it is no bundle: it has no", 2),
    (lambda files: {**files, FILE: b"{"}, "is not valid JSON", 2),
    (lambda files: {**files, FILE: b"\xff"}, "is not UTF-8", 2),
    (lambda _: {}, "it is no bundle: it has no manifest.json", 2),
]


@pytest.mark.parametrize(("change", "words", "status"), LOOSE)
def test_loose_bundles_are_refused(
    change: Callable[[Files], Files],
    words: str,
    status: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Missing, changed, foreign and harmful files: one sentence, and nothing is written."""
    target = packed(change(unpacked()), tmp_path)
    assert main(["bundle", "check", str(target), "--extract", str(tmp_path / "out")]) == status
    said = capsys.readouterr().err
    assert re.search(re.escape(words), said)
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == [target]


MANIFESTS: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda one: one.update(schema="eipyomo/bundle@2"), "schema is 'eipyomo/bundle@2', but"),
    (lambda one: one.pop("schema"), "schema is None, but a bundle must have"),
    (lambda one: one.update(more=1), "more is not a known key"),
    (lambda one: one.pop("made_with"), "made_with"),
    (lambda one: one.update(files={}), "files must be a list of objects"),
    (lambda one: one["files"][0].update(kind="video"), "kind is 'video'"),
    (lambda one: one["files"][0].update(sha256="0"), "sha256 is '0'"),
    (lambda one: one["files"].append(one["files"][0]), "tells twice of a file"),
    (lambda one: one["files"][1].update(kind="figure"), "the manifest claims"),
    (lambda one: one["files"][-2].update(seed=1), "the manifest claims"),
    (lambda one: one.update(sources=[{"table": 1}]), "table is 1"),
]


@pytest.mark.parametrize(("change", "words"), MANIFESTS)
def test_manifests_are_read_with_care(
    change: Callable[[dict[str, Any]], object], words: str, tmp_path: Path
) -> None:
    """Unknown schemas, keys and types are named; so is what the files say otherwise."""
    target = packed(edited(FILE, change), tmp_path)
    with pytest.raises(ei.InputError, match=re.escape(words)):
        ei.Bundle.open(target)


FALSE: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("results/exact.json", lambda one: one.update(objective=1.0), "claims objective 1"),
    ("results/random.json", lambda one: one.update(bound=0.1, gap=0.5), "results/random.json: "),
    ("certificates/proof.json", lambda one: one.update(bound=9.0), "claims the bound 9, but"),
    ("processes/process.json", lambda one: one.update(starts_s=[0, 1]), "claims starts_s"),
]


@pytest.mark.parametrize(("name", "change", "words"), FALSE)
def test_false_claims_are_found_whatever_digests_say(
    name: str,
    change: Callable[[dict[str, Any]], object],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Who changes a file and its digest has still changed what follows from the rest."""
    target = packed(edited(name, change), tmp_path, adjust=True)
    assert main(["bundle", "check", str(target)]) == 4
    assert f"changed.zip: {name}: " in (said := capsys.readouterr().err)
    assert words in said


def test_a_process_and_a_result_need_their_instance(tmp_path: Path) -> None:
    """An answer alone can be held against nothing."""
    for name in ("exact.json", "process.json", "proof.json"):
        files = write(tmp_path, {name: study()[name]})
        with pytest.raises(ei.InputError, match="which is not among the files: give its file too"):
            ei.bundle(tmp_path / "b.zip", files)


def test_damaged_zips(tmp_path: Path) -> None:
    """Cut off anywhere, or with any byte changed, a zip is refused in one sentence or unharmed."""
    whole, target = bundled(), tmp_path / "b.zip"
    for end in range(0, len(whole), len(whole) // 25):
        target.write_bytes(whole[:end])
        with pytest.raises(ei.InputError, match="the bundle is no whole zip file"):
            ei.Bundle.open(target)
    names = [item.name for item in ei.Bundle.open(_written(target, whole)).manifest.files]
    for place in range(0, len(whole), len(whole) // 60):
        changed = bytearray(whole)
        changed[place] ^= 0x55
        found = _unzipped_or_said(_written(target, bytes(changed)))
        if isinstance(found, str):
            assert found.startswith(str(target))
        else:
            own = {name: contents for name, contents in unpacked().items() if name in found}
            assert found == own or set(found) - {FILE, *names}


def _unzipped_or_said(target: Path) -> Files | str:
    try:
        return archive.unzipped(target)
    except ei.InputError as error:
        return str(error)


def _written(target: Path, contents: bytes) -> Path:
    target.write_bytes(contents)
    return target


def test_bombs_and_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would unpack to too much is not unpacked, what is no plain file not followed."""
    target = tmp_path / "b.zip"
    monkeypatch.setattr(archive, "LARGEST_BYTES", 10_000_000)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as one:
        one.writestr("data/zeros", b"\0" * 11_000_000)
    with pytest.raises(ei.InputError, match="but must have at most 10000 of 9 MiB together"):
        ei.Bundle.open(target)
    with pytest.raises(ei.InputError, match="but must have at most 10000"):
        archive.zipped({"x": b"\0" * 11_000_000})
    # It says that a file has 5 bytes, in the local header and in the directory, and has more.
    lying = target.read_bytes().replace(struct.pack("<I", 11_000_000), struct.pack("<I", 5))
    with pytest.raises(ei.ClaimError, match="'data/zeros' was changed or cut off"):
        ei.Bundle.open(_written(target, lying))
    monkeypatch.setattr(archive, "MOST_FILES", 2)
    with zipfile.ZipFile(target, "w") as one:
        for name in "abc":
            one.writestr(name, b"")
    with pytest.raises(ei.InputError, match="3 files of 0 MiB, but must have at most 2"):
        ei.Bundle.open(target)
    link = zipfile.ZipInfo("data/link")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(target, "w") as one:
        one.writestr(link, "/etc/passwd")
    with pytest.raises(ei.InputError, match="'data/link' is a link or a device"):
        ei.Bundle.open(target)
    locked = target.read_bytes()  # bit 0 of the flags, 6 bytes into a local header, 8 into an entry
    at = locked.index(b"PK\x01\x02") + 8
    with pytest.raises(ei.InputError, match="'data/link' is encrypted"):
        ei.Bundle.open(_written(target, locked[:at] + b"\x01" + locked[at + 1 :]))


USAGE: list[tuple[list[str], str]] = [
    (["exact.json", "-o", "b.zip"], "it belongs to the instance 'letter M=2"),
    (["none.json", "-o", "b.zip"], "cannot read the bundle's file 'none.json': No such file"),
    ([".", "-o", "b.zip"], "Is a directory"),
    (["notes.txt", "notes.txt", "-o", "b.zip"], "two files are called 'notes.txt'"),
    (["broken.json", "-o", "b.zip"], "broken.json: the JSON file is not valid JSON"),
    (["notes.txt", "-o", "no/b.zip"], "cannot write 'no/b.zip'"),
    (["notes.txt", "notes.txt", "-o", "notes.txt"], "is to be written, but is among the files"),
    (["notes.txt"], "Missing option '-o'"),
    (["notes.txt", "-o", "b.zip", "--made-by", "x"], "must be FILE=COMMAND"),
    (["notes.txt", "-o", "b.zip", "--made-by", "x=y"], "made_by names 'x', but the files are"),
    (["check", "none.zip"], "none.zip: cannot read the bundle: No such file or directory"),
    (["check", "notes.txt"], "notes.txt: the bundle is no whole zip file"),
    ([], "Usage: eipyomo bundle"),
]


@pytest.mark.parametrize(("words", "said"), USAGE)
def test_usage(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Wrong calls end with status 2 and one sentence, and leave no file."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {**study(), "broken.json": b'{"schema": '})
    assert main(["bundle", *words]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "b.zip").exists()
    assert (tmp_path / "notes.txt").read_bytes() == study()["notes.txt"]


def test_the_commands_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page's commands and its code run in order; --json prints exactly one document."""
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)[0]
    for line in commands.strip().splitlines():
        assert main(shlex.split(line)[1:]) == 0
    capsys.readouterr()
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(code, {})
    capsys.readouterr()
    assert main(["bundle", "check", "study.zip", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "eipyomo/bundle-check@1"
    assert all(item["checked"] for item in document["files"])


@pytest.mark.slow
def test_the_letters_figures_are_checked_by_a_new_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables and figures of Fig. 2 with solves behind them; what opens them knows nothing else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bundle", "-o", "letter.zip"])
    experiment.main()
    script = (
        "import sys; from eipyomo.cli import main; sys.exit(main(['bundle', 'check', sys.argv[1]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "letter.zip"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(str(ei.__file__)).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert "900 rows; 16 numbers are those of results" in done.stdout
    assert "900 rows; 12 numbers are those of results" in done.stdout
