"""Load on the loopback, bounded in time: wrk where it is installed, else processes with plain connections.

Three shapes: `fixed` repeats one request; `refresh` spends refresh tokens from a pool and puts the successors back;
`flow` alternates an authorization request of a signed-in browser and the redemption of the code it gave.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import re
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from tests.support.needs import find_program

CONNECTIONS = 16
"""How many keep asking at once."""


@dataclass(frozen=True)
class Request:
    """One HTTP request; `body` is sent as a form."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None


@dataclass(frozen=True)
class Load:
    """What to repeat. `pool` are refresh tokens; `redeem` is the flow's second request, in whose body `CODE` stands."""

    shape: str
    request: Request
    pool: tuple[str, ...] = ()
    redeem: Request | None = None


@dataclass(frozen=True)
class Result:
    """`operations` counts what was asked for (a whole flow is one); percentiles are milliseconds of one request."""

    operations: int
    seconds: float
    p50: float
    p99: float
    refused: int

    @property
    def rate(self) -> float:
        return self.operations / self.seconds


_LUA = """
local base = {{method = {method}, path = {path}, headers = {headers}, body = {body}}}
local redeem = {redeem}
local pool = {pool}
local shape = {shape}
local codes = {{}}
local waiting = {{}}
operations, refused = 0, 0
local threads = {{}}

function setup(thread) table.insert(threads, thread) end

function request()
  if shape == "refresh" then
    local token = table.remove(pool, 1)
    return wrk.format(base.method, base.path, base.headers, (base.body:gsub("TOKEN", token or "none")))
  elseif shape == "flow" and #codes > 0 then
    local code = table.remove(codes, 1)
    return wrk.format(redeem.method, redeem.path, redeem.headers, (redeem.body:gsub("CODE", code)))
  end
  return wrk.format(base.method, base.path, base.headers, base.body)
end

if shape ~= "fixed" then
  function response(status, headers, body)
    if status >= 400 then refused = refused + 1; return end
    if shape == "refresh" then
      operations = operations + 1
      table.insert(pool, body:match('"refresh_token": ?"([^"]+)"'))
    elseif status == 200 then
      operations = operations + 1
    else
      local code = (headers["Location"] or headers["location"] or ""):match("[?&]code=([^&]+)")
      if code then table.insert(codes, code) else refused = refused + 1 end
    end
  end
end

function done(summary, latency, requests)
  local count, bad = 0, summary.errors.status
  if shape == "fixed" then count = summary.requests - bad else
    for _, thread in ipairs(threads) do count = count + thread:get("operations"); bad = thread:get("refused") end
  end
  io.write(string.format('RESULT {{"operations": %d, "seconds": %f, "p50": %f, "p99": %f, "refused": %d}}\\n',
    count, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, bad))
end
"""


def _lua(value: Any) -> str:
    if value is None:
        return "nil"
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{_lua(key)}] = {_lua(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "{" + ", ".join(_lua(item) for item in value) + "}"
    return json.dumps(value)


def _headers(request: Request, host: str) -> dict[str, str]:
    headers = {"Host": host, **request.headers}
    if request.body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    return headers


def _plain(request: Request | None, host: str) -> dict[str, Any] | None:
    if request is None:
        return None
    return {
        "method": request.method, "path": request.path, "headers": _headers(request, host), "body": request.body,
    }  # fmt: skip


def run(base: str, load: Load, *, seconds: float, connections: int = CONNECTIONS) -> Result:
    """Repeat a load for `seconds` over `connections` kept-alive connections to `base`."""
    wrk = find_program("wrk")
    return _with_wrk(wrk, base, load, seconds, connections) if wrk else _with_python(base, load, seconds, connections)


def _with_wrk(wrk: str, base: str, load: Load, seconds: float, connections: int) -> Result:
    host = urlsplit(base).netloc
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "load.lua"
        request = _plain(load.request, host) or {}
        script.write_text(
            _LUA.format(
                **{name: _lua(value) for name, value in request.items()},
                redeem=_lua(_plain(load.redeem, host)),
                pool=_lua(load.pool),
                shape=_lua(load.shape),
            )
        )
        said = subprocess.run(
            [wrk, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(script), base],
            capture_output=True,
            text=True,
            timeout=seconds + 60,
            check=False,
        )
    found = re.search(r"RESULT (.*)", said.stdout)
    if not found:
        raise RuntimeError(said.stdout + said.stderr)
    return Result(**json.loads(found[1]))


class Hand:
    """One kept-alive connection that repeats a load until the time is over."""

    def __init__(self, base: str, load: Load, pool: list[str] | None = None) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=30)
        self.host, self.load, self.pool = urlsplit(base).netloc, load, pool or []
        self.times: list[float] = []
        self.operations = self.refused = 0

    def send(self, request: Request) -> tuple[int, str, str]:
        start = perf_counter()
        body = request.body.encode() if request.body is not None else None
        self.connection.request(request.method, request.path, body, _headers(request, self.host))
        answer = self.connection.getresponse()
        text = answer.read().decode()
        self.times.append((perf_counter() - start) * 1000)
        return answer.status, answer.headers.get("Location", ""), text

    def once(self) -> bool:
        load = self.load
        if load.shape == "fixed":
            return self.send(load.request)[0] < 400
        if load.shape == "refresh":
            body = (load.request.body or "").replace("TOKEN", self.pool.pop(0) if self.pool else "none")
            status, _, text = self.send(Request(load.request.method, load.request.path, load.request.headers, body))
            if status == 200:
                self.pool.append(json.loads(text)["refresh_token"])
            return status == 200
        _, location, _ = self.send(load.request)
        code = re.search(r"[?&]code=([^&]+)", location)
        redeem = load.redeem
        if code is None or redeem is None:
            return False
        body = (redeem.body or "").replace("CODE", code[1])
        return self.send(Request(redeem.method, redeem.path, redeem.headers, body))[0] == 200

    def until(self, end: float) -> None:
        while perf_counter() < end:
            if self.once():
                self.operations += 1
            else:
                self.refused += 1
        self.connection.close()


def _crowd(base: str, load: Load, seconds: float, count: int, pool: list[str], out: Any) -> None:
    hands = [Hand(base, load, pool[index::count]) for index in range(count)]
    end = perf_counter() + seconds
    threads = [threading.Thread(target=hand.until, args=(end,)) for hand in hands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    out.put([(hand.operations, hand.refused, hand.times) for hand in hands])


def _with_python(base: str, load: Load, seconds: float, connections: int) -> Result:
    out: Any = multiprocessing.Queue()
    each = max(1, connections // 2)
    start = perf_counter()
    processes = [
        multiprocessing.Process(target=_crowd, args=(base, load, seconds, each, list(load.pool[index::2]), out))
        for index in range(2)
    ]
    for process in processes:
        process.start()
    hands = [hand for _ in processes for hand in out.get(timeout=seconds + 60)]
    for process in processes:
        process.join()
    times = sorted(time for _, _, found in hands for time in found) or [0.0]
    return Result(
        sum(hand[0] for hand in hands),
        perf_counter() - start,
        times[len(times) // 2],
        times[min(len(times) - 1, len(times) * 99 // 100)],
        sum(hand[1] for hand in hands),
    )
