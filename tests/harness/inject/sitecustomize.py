"""Loaded by Python itself in every process of a worker under test, by PYTHONPATH: production code needs no hooks.

Does what the files in FAULTS_FOLDER say, and nothing without that variable:

    armed/POINT      the next process that comes to the point dies there by SIGKILL; the number inside is how many
                     times the point is passed first; with "stop" behind it, it is frozen by SIGSTOP instead; with
                     "raise TEXT", a ValueError of that text is raised. The file is gone once it has struck.
    seen/POINT       written by us: the points that a process came to
    poison           a payload that holds these bytes kills whoever reads it, every time
    skew             seconds that `time.time()` is ahead (or, negative, behind)
    set.json         {"module:NAME": value}: constants that are replaced, such as waits

A point is `module:Class.function before`, `… after`, or for a write transaction `tx module:function inside` (just
before its commit) and `… after` (just after it).
"""

import functools
import importlib.machinery
import importlib.util
import json
import os
import signal
import sys
import time

FOLDER = os.environ.get("FAULTS_FOLDER", "")
_seen: set[str] = set()
_passed: dict[str, int] = {}


def file_name(point: str) -> str:
    return point.replace("/", "_")


def reached(point: str) -> None:
    name = file_name(point)
    if point not in _seen:
        _seen.add(point)
        with open(f"{FOLDER}/seen/{name}", "w"):
            pass
    armed = f"{FOLDER}/armed/{name}"
    try:
        with open(armed) as file:
            passes, _, what = file.read().partition(" ")
        _passed[point] = _passed.get(point, 0) + 1
        if _passed[point] <= int(passes or 0):
            return
        os.unlink(armed)  # only one process can
    except FileNotFoundError:
        _passed.pop(point, None)
        return
    if what.startswith("raise "):
        raise ValueError(what.removeprefix("raise "))
    if what == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(0.05)  # a thread lives a moment longer: it must not go on
        return
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def _around(function, point):
    if function.__code__.co_flags & 0x80:  # a coroutine function

        @functools.wraps(function)
        async def wrapped(*args, **kwargs):
            reached(f"{point} before")
            result = await function(*args, **kwargs)
            reached(f"{point} after")
            return result
    else:

        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            reached(f"{point} before")
            result = function(*args, **kwargs)
            reached(f"{point} after")
            return result

    return wrapped


def _transactions(run_now):
    @functools.wraps(run_now)
    def wrapped(self, work, **options):
        point = f"tx {work.__module__}:{work.__qualname__.partition('.<locals>')[0]}"

        def inside(conn):
            result = work(conn)
            reached(f"{point} inside")
            return result

        result = run_now(self, inside, **options)
        reached(f"{point} after")
        return result

    return wrapped


def _poisoned(read):
    @functools.wraps(read)
    def wrapped(kind, payload, account):
        try:
            with open(f"{FOLDER}/poison", "rb") as file:
                poison = file.read()
        except FileNotFoundError:
            poison = b""
        if poison and poison in payload:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        return read(kind, payload, account)

    return wrapped


def _mend(module, points, constants):
    for target in points:
        where, _, path = target.partition(":")
        if where != module.__name__:
            continue
        owner = module
        *outer, name = path.split(".")
        for step in outer:
            owner = getattr(owner, step)
        setattr(owner, name, _around(owner.__dict__[name], target))
    for target, value in constants.items():
        where, _, name = target.partition(":")
        if where == module.__name__:
            assert hasattr(module, name), target
            setattr(module, name, value)
    if module.__name__ == "ledger.database":
        module.Database.run_now = _transactions(module.Database.run_now)
    if module.__name__ == READ_MODULE:
        setattr(module, READ_NAME, _poisoned(getattr(module, READ_NAME)))


class _Finder:
    """Lets the wanted modules be found as ever, and mends each one before anybody can import a name from it."""

    def __init__(self, points, constants) -> None:
        self.points, self.constants = points, constants
        self.wanted = {target.partition(":")[0] for target in (*points, *constants)}
        self.wanted |= {"ledger.database", READ_MODULE}

    def find_spec(self, name, path, target=None):
        if name not in self.wanted:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                _mend(module, self.points, self.constants)

            spec.loader.exec_module = exec_module
        return spec


def _bend_the_clock(real):
    state = {"looked": 0.0, "skew": 0.0}

    def bent():
        ticks = time.monotonic()
        if ticks - state["looked"] > 0.05:
            state["looked"] = ticks
            try:
                with open(f"{FOLDER}/skew") as file:
                    state["skew"] = float(file.read() or 0)
            except FileNotFoundError:
                state["skew"] = 0.0
        return real() + state["skew"]

    return bent


if FOLDER:
    with open(f"{FOLDER}/points.json") as _file:
        _points = json.load(_file)
    READ_MODULE, READ_NAME = _points.pop(0).split(":")
    with open(f"{FOLDER}/set.json") as _file:
        _constants = json.load(_file)
    sys.meta_path.insert(0, _Finder(_points, _constants))
    time.time = _bend_the_clock(time.time)
