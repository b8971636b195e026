"""From a file and the environment to one tree of values, each problem noted beside its key.

pydantic-settings is not used here: its environment source passes over a variable that fits no field in silence
(`PRIEMNAYA_BROKR__URL`), turns channel names to lower case so that they meet no `Pochta` or `pochta-1` of the file,
and knows no `_file`.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr

PREFIX = "PRIEMNAYA_"
CONFIG_VARIABLE = "PRIEMNAYA_CONFIG"
DEFAULT_FILE = "priemnaya.toml"
_SECRET_FILE_LIMIT = 64 * 1024  # a certificate chain fits; a device or a log named by mistake does not fill memory

_SERVICE = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$")
_SERVICE_URL = re.compile(r"(tcp|udp|sctp)://")

KeyPath = tuple[str, ...]
Tree = dict[str, Any]


@dataclass
class Report:
    """Problems found so far, where each value came from, and the values that no problem may show."""

    problems: list[str] = field(default_factory=list)
    variables: dict[KeyPath, str] = field(default_factory=dict)
    unread: set[KeyPath] = field(default_factory=set)  # secrets whose file has a problem of its own already
    hidden: set[str] = field(default_factory=set)

    def add(self, path: Iterable[str | int], text: str, section: bool = False) -> None:
        """Note one problem of one key; of a whole `section`, name the first variable that set something in it."""
        key = tuple(str(step) for step in path)
        variables = (name for at, name in self.variables.items() if at == key or (section and at[: len(key)] == key))
        variable = next(variables, None)
        self.problems.append(f"{'.'.join(key)}: {text}" + (f" (set by {variable})" if variable else ""))

    def hide(self, value: Any) -> None:
        """Remember a secret's text (or a list of them), so that it is blotted out should a message repeat it."""
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and len(text) >= 3:
                self.hidden.add(text)

    def lines(self) -> list[str]:
        """The problems, each on one line, without any hidden value."""
        return [self._clean(problem) for problem in self.problems]

    def _clean(self, problem: str) -> str:
        key, colon, text = problem.partition(": ")
        for secret in sorted(self.hidden, key=len, reverse=True):
            text = text.replace(secret, "***")
        return "".join(c if c.isprintable() else " " for c in key + colon + text)


def read_file(path: Path | None, environ: Mapping[str, str], report: Report) -> tuple[Tree, Path | None]:
    """The configuration file as a tree, and its path; `({}, None)` when there is none and none was asked for."""
    asked = path is not None or bool(environ.get(CONFIG_VARIABLE))
    path = path or Path(environ.get(CONFIG_VARIABLE) or DEFAULT_FILE)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig")), path
    except FileNotFoundError:
        if asked:
            report.problems.append(f"{path}: no such file")
    except OSError as error:
        report.problems.append(f"{path}: cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        report.problems.append(f"{path}: is not UTF-8 (byte {error.start})")
    except tomllib.TOMLDecodeError as error:
        report.problems.append(f"{path}: is not TOML: {error}")
    except ValueError:  # Python takes no whole number of thousands of digits
        report.problems.append(f"{path}: a number in it is too long")
    except RecursionError:
        report.problems.append(f"{path}: is nested too deep")
    return {}, path


def overlay(tree: Tree, environ: Mapping[str, str], report: Report) -> None:
    """Lay `PRIEMNAYA_A__B=value` over `tree["a"]["b"]`. Names meet in any letter case, and `-` as `_`."""
    for variable, value in sorted(environ.items()):
        upper = variable.upper()
        if not upper.startswith(PREFIX) or upper == CONFIG_VARIABLE or _of_a_cluster(upper, value):
            continue
        *sections, key = variable[len(PREFIX) :].split("__")
        path: KeyPath = ()
        level = tree
        for section in sections:
            name = _existing(level, section)
            path += (name,)
            inner = level.setdefault(name, {})
            if not isinstance(inner, dict):
                report.problems.append(f"{variable}: {'.'.join(path)} is a key, not a section")
                break
            level = inner
        else:
            key = _existing(level, key)
            other = key.removesuffix("_file") if key.endswith("_file") else f"{key}_file"
            if other in level and (*path, other) not in report.variables:
                del level[other]  # the environment's secret (or its file) wins over the file's
            level[key] = value
            report.variables[*path, key] = variable


def _of_a_cluster(variable: str, value: str) -> bool:
    """Whether Kubernetes sets it, in every container of a namespace that has a service called `priemnaya…`.

    https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
    """
    if "__" in variable:
        return False
    return bool(_SERVICE.search(variable) or (variable.endswith("_PORT") and _SERVICE_URL.match(value)))


def _existing(level: Tree, name: str) -> str:
    wanted = _fold(name)
    return next((key for key in level if _fold(key) == wanted), name.lower())


def _fold(name: str) -> str:
    return name.casefold().replace("-", "_")


def prepare(tree: Tree, model: type[BaseModel], path: KeyPath, report: Report) -> Tree:
    """`tree` as `model` can take it: unknown keys taken out and noted, `_file` secrets read, texts of lists split.

    An empty text is the same as the key left out, for a key whose default is "none".
    """
    ready: Tree = {}
    for key, value in tree.items():
        here = (*path, key)
        known = model.model_fields.get(key)
        secret_of = model.model_fields.get(key.removesuffix("_file")) if key.endswith("_file") else None
        if known is None and secret_of is not None and _is_secret(secret_of.annotation):
            _take_secret_file(ready, tree, key, value, path, report)
        elif known is None:
            candidates = known_keys(model)
            near = nearest(key, candidates)
            hint = f"did you mean {near}?" if near else f"known here: {', '.join(sorted(candidates))}"
            report.add(here, f"unknown key; {hint}", section=True)
        elif value == "" and known.default is None:
            continue
        else:
            ready[key] = _prepare_value(value, known.annotation, here, report)
    return ready


def _prepare_value(value: Any, annotation: Any, path: KeyPath, report: Report) -> Any:
    if _is_secret(annotation):
        report.hide(value)
    section = next((kind for kind in _flat(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    if section and isinstance(value, dict):
        return prepare(value, section, path, report)
    if isinstance(value, dict):
        table = next((kind for kind in _flat(annotation) if get_origin(kind) in (dict, Mapping)), None)
        if table and _is_secret(get_args(table)[1]):
            return _prepare_secrets(value, path, report)
    if isinstance(value, bool) and int in _flat(annotation):
        return str(value).lower()  # pydantic would take it for 1 or 0
    if isinstance(value, str) and path in report.variables and _is_list(annotation):
        return _split(value, path, report)
    return value


def _prepare_secrets(table: Tree, path: KeyPath, report: Report) -> Tree:
    ready: Tree = {}
    for key, value in table.items():
        if key.endswith("_file"):
            _take_secret_file(ready, table, key, value, path, report)
        else:
            report.hide(value)
            ready[key] = value
    return ready


def _take_secret_file(ready: Tree, tree: Tree, key: str, value: Any, path: KeyPath, report: Report) -> None:
    name = key.removesuffix("_file")
    if value == "":
        return
    report.unread.add((*path, name))
    if tree.get(name) not in (None, ""):
        report.add((*path, key), f"{name} is given as well; keep one of the two")
        return
    if not isinstance(value, str):
        report.add((*path, key), "should be the path of a file")
        return
    try:
        with open(value, "rb") as file:
            content = file.read(_SECRET_FILE_LIMIT + 1)
        if len(content) > _SECRET_FILE_LIMIT:
            report.add((*path, key), "the file is too large for a secret")
            return
        ready[name] = content.decode("utf-8-sig").rstrip("\r\n")  # some editors begin a file with a mark
        report.unread.discard((*path, name))
        report.hide(ready[name])
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        report.add((*path, key), f"the file cannot be read: {reason}")


def _split(value: str, path: KeyPath, report: Report) -> Any:
    if value.lstrip().startswith(("[", "{")):
        try:
            return json.loads(value)
        except ValueError:
            report.add(path, "should be a list: a,b,c or JSON")
            return []
    return [item.strip() for item in value.split(",") if item.strip()]


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `name` is probably a slip of."""
    return next(iter(difflib.get_close_matches(name.lower(), sorted(candidates), n=1, cutoff=0.6)), None)


def known_keys(model: type[BaseModel]) -> set[str]:
    """The keys that a section takes, `_file` of its secrets among them."""
    secrets = {f"{name}_file" for name, info in model.model_fields.items() if _is_secret(info.annotation)}
    return set(model.model_fields) | secrets


def _flat(annotation: Any) -> Iterator[Any]:
    """The alternatives of an annotation, without `Annotated` and unions."""
    origin = get_origin(annotation)
    if origin is typing.Annotated:
        yield from _flat(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for alternative in get_args(annotation):
            yield from _flat(alternative)
    else:
        yield annotation


def _is_secret(annotation: Any) -> bool:
    return any(kind in (SecretStr, SecretBytes) for kind in _flat(annotation))


def _is_list(annotation: Any) -> bool:
    return any((get_origin(kind) or kind) in (list, tuple, set, frozenset) for kind in _flat(annotation))
