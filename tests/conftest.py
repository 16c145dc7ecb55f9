"""What holds for every test: no window, no network, one thread, and a search that can be repeated."""

from __future__ import annotations

import importlib.util
import os
import socket
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Read when the libraries are first imported, and inherited by the commands and kernels that tests start.
os.environ["MPLBACKEND"] = "Agg"
os.environ["OMP_NUM_THREADS"] = "1"  # PyTorch's threads inside an operation
os.environ["COLUMNS"] = "120"  # where commands break their lines, whatever the terminal

# Time limits depend on the machine, not on the code. "ci" tries the same examples every time.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI", "").lower() in {"1", "true"} else "dev")

# These make the reference values: they hold no tests, and pytest need not import them in search of examples.
collect_ignore_glob = ["reference/make_*.py"]


def pytest_configure(config: pytest.Config) -> None:
    """Leave out the examples in docstrings of modules that need PyTorch where it is not installed."""
    if importlib.util.find_spec("torch") is None:
        root = Path(__file__).resolve().parent.parent
        rooms = (root / "ertrain" / "*", root / "ertheory" / "builders" / "factored" / "modules" / "*")
        config.option.ignore_glob = [*(config.option.ignore_glob or ()), *map(str, rooms)]


def _is_local(family: int, address: object) -> bool:
    if family not in {socket.AF_INET, socket.AF_INET6}:
        return True  # no network: a Unix socket, for example
    host = address[0] if isinstance(address, tuple) else address
    try:
        return ip_address(str(host)).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session", autouse=True)
def offline():
    """Refuse connections to other machines, so that no test comes to depend on one."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def refuse_remote(self: socket.socket, address: object) -> None:
        if not _is_local(self.family, address):
            msg = f"tests stay offline, but something connects to {address!r}"
            raise RuntimeError(msg)

    def guarded_connect(self, address):
        refuse_remote(self, address)
        return connect(self, address)

    def guarded_connect_ex(self, address):
        refuse_remote(self, address)
        return connect_ex(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        yield
