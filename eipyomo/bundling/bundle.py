"""Bundles: made of files, opened, and checked every time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Self

from eipyomo.bundling.archive import require_name, unzipped, zipped
from eipyomo.bundling.contents import FOLDERS, Contents, checked, read
from eipyomo.bundling.manifest import FILE, Item, Manifest, Source, made_here
from eipyomo.bundling.proving import Proof, prove
from eipyomo.errors import InputError
from eipyomo.files import PathLike, about, read_bytes, require_writable, to_json, write_atomically
from eipyomo.instance import Instance
from eipyomo.process import Training
from eipyomo.result import Result
from eipyomo.summary import Summarised, Summary, counted
from eipyomo.validation import require_kind
from eipyomo.words import shown

Tell = Callable[[str], object]


def _silent(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, eq=False, repr=False)
class Bundle(Summarised):
    """Files of a study that agree with one another, as they were when it was opened.

    Attributes
    ----------
    name
        The file's.
    manifest
        What it says of itself: versions, digests, seeds, commands.
    contents
        What its files hold, and how each was checked.
    """

    name: str
    manifest: Manifest
    contents: Contents
    _files: Mapping[str, bytes]

    @classmethod
    def open(cls, path: PathLike, tell: Tell = _silent) -> Self:
        """Open a bundle, if all that it says is true.

        Every digest is compared, every result and process evaluated anew, every certificate
        verified, and every number of a table held against its source. Nothing is written, and
        nothing in a bundle is run.

        Parameters
        ----------
        path
            The zip file.
        tell
            Called with a phrase before each file.

        Raises
        ------
        InputError
            If it is no bundle, was cut off, or holds what no bundle does.
        ClaimError
            If a file was changed, is missing or foreign, or says what is not true.
        """
        files = unzipped(path)
        with about(path):
            return cls._of_files(Path(path).name, files, tell)

    @classmethod
    def _of_files(cls, name: str, files: Mapping[str, bytes], tell: Tell) -> Self:
        manifest = Manifest.of_contents(files.get(FILE))
        own = {file: contents for file, contents in files.items() if file != FILE}
        manifest.require(own)
        return cls(name, manifest, checked(own, manifest.files, manifest.sources, tell), own)

    @property
    def instances(self) -> dict[str, Instance]:
        """Instances by their files."""
        return dict(self.contents.instances)

    @property
    def results(self) -> dict[str, Result]:
        """Results by their files."""
        return dict(self.contents.results)

    @property
    def processes(self) -> dict[str, Training]:
        """Processes by their files."""
        return dict(self.contents.processes)

    @property
    def checks(self) -> dict[str, str]:
        """How each file was checked, in words."""
        return dict(self.contents.how)

    def read(self, name: str) -> bytes:
        """Return what a file holds.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        if name not in self._files:
            raise InputError(
                f"the bundle has no file {shown(name)}, but has: {', '.join(self._files)}"
            )
        return self._files[name]

    def prove(self, tell: Tell = _silent) -> dict[str, Proof]:
        """Make certificates anew; see :func:`eipyomo.bundling.proving.prove`."""
        return prove(self.contents, tell)

    def extract(self, folder: PathLike) -> list[Path]:
        """Write all files below a folder, which is made if need be; return where they are.

        Raises
        ------
        InputError
            If that is not possible.
        """
        contents = {**self._files, FILE: self.manifest.contents()}
        found = {Path(folder) / name: contents[name] for name in contents}
        try:
            for file in found:
                file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot write {str(folder)!r}: {error.strerror}") from None
        write_atomically(dict(found.items()))
        return list(found)

    def to_dict(self) -> dict[str, Any]:
        """Return what was checked as a document of schema ``eipyomo/bundle-check@1``."""
        return {
            "schema": "eipyomo/bundle-check@1",
            "bundle": self.name,
            "made_with": dict(self.manifest.made_with),
            "files": [
                {**item.data(), "checked": self.contents.how[item.name]}
                for item in self.manifest.files
            ],
        }

    def _summary(self) -> Summary:
        items = self.manifest.files
        kinds = dict.fromkeys(item.kind for item in items)
        facts = [
            counted(sum(item.kind == kind for item in items), f"{kind} file") for kind in kinds
        ]
        rows = ({"file": name, "checked": how} for name, how in self.contents.how.items())
        return Summary(self.name, facts, rows, len(items))


def bundle(
    path: PathLike,
    files: Iterable[PathLike],
    *,
    made_by: Mapping[str, str] | None = None,
    sources: Sequence[Source | Mapping[str, Any]] = (),
    certificates: bool = False,
    tell: Tell = _silent,
) -> Bundle:
    """Put files of a study into one zip that is checked now, and whenever it is opened.

    The same files give the same bytes, but for the versions of what makes them: of eipyomo and its
    commit, Python, the packages that it needs, and zlib, which packs.

    Parameters
    ----------
    path
        The zip file to write; an existing one is replaced atomically.
    files
        Instances, results, processes, certificates, tables, figures, and anything else. A result
        needs the instance that was solved. In the bundle a file is ``FOLDER/NAME``, by its kind.
    made_by
        Commands that made files, by the files' names without folders.
    sources
        Which numbers of tables are those of results; files by their names without folders.
    certificates
        Whether to solve the problems of all results again, and add the certificates.
    tell
        Called with a phrase before each step.

    Returns
    -------
    Bundle
        As it was opened after it was written.

    Raises
    ------
    InputError
        If a file cannot be read, two have the same name, an instance is missing, or the zip cannot
        be written.
    ClaimError
        If a file says what is not true.
    """
    require_writable(path)
    found = _gathered(files, Path(path).resolve())
    places = {name.rpartition("/")[2]: name for name in found}
    commands = dict(made_by or {})
    for name in commands:
        _place(places, name, "made_by")
    rows = [source if isinstance(source, Source) else Source.of(source) for source in sources]
    placed = tuple(
        row.replace(**{key: _place(places, getattr(row, key), key) for key in ("table", "result")})
        for row in rows
    )
    parts = _with_manifest(found, commands, placed)
    made = Bundle._of_files(Path(path).name, parts, tell)
    if certificates:
        once = {id(proof): (name, proof) for name, proof in reversed(made.prove(tell).items())}
        for name, proof in once.values():
            own = f"{PurePosixPath(name).stem}.certificate.json"
            contents = to_json(proof.certificate, indent=None).encode()
            found.setdefault(f"{FOLDERS['certificate']}/{own}", contents)
        parts = _with_manifest(found, commands, placed)
    write_atomically({path: zipped(parts)})
    return Bundle.open(path, tell)


def _gathered(files: Iterable[PathLike], target: Path) -> dict[str, bytes]:
    """Return the contents of files, by their names in a bundle."""
    if isinstance(files, str):
        raise InputError(f"files is {files!r}, but must be a list of files")
    require_kind("files", files, Iterable)
    found: dict[str, bytes] = {}
    for file in files:
        contents = read_bytes(file, "bundle's", bytes)
        if Path(file).resolve() == target:
            raise InputError(
                f"{str(file)!r} is to be written, but is among the files of the bundle"
            )
        own = Path(file).name
        name = f"{FOLDERS[read(own, contents).kind]}/{own}"
        require_name(name)
        if own.casefold() in {one.rpartition("/")[2].casefold() for one in found}:
            raise InputError(f"two files are called {own!r}, but names must be unique")
        found[name] = contents
    if not found:
        raise InputError("no file is given, but a bundle needs one at least")
    return found


def _place(places: Mapping[str, str], name: str, what: str) -> str:
    """Return where in a bundle a file is, by its name."""
    if name in places.values():
        return name
    if name not in places:
        raise InputError(f"{what} names {shown(name)}, but the files are: {', '.join(places)}")
    return places[name]


def _with_manifest(
    files: Mapping[str, bytes], commands: Mapping[str, str], sources: tuple[Source, ...]
) -> dict[str, bytes]:
    """Return all files of a bundle, in the order in which they are packed."""
    names = sorted(files)
    items = []
    for name in names:
        own = name.rpartition("/")[2]
        kind, _ = one = read(own, files[name])
        made_by = commands.get(own, commands.get(name))
        items.append(Item.of_file(name, kind, files[name], seed=one.seed, made_by=made_by))
    manifest = Manifest(made_with=made_here(), files=tuple(items), sources=sources)
    return {FILE: manifest.contents(), **{name: files[name] for name in names}}
