"""Install what the tests need on this machine, as far as it is missing: `make peers`.

Debian packages come by apt-get, as root or by `sudo -n`; MinIO and Toxiproxy are built by Go, HAPI FHIR by Maven, the
FHIR examples are fetched by npm, and an older Prefect by uv, into a cache outside the clone. No service is started, now
or with the machine: the tests start what they use themselves.
"""

import fcntl
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.peers.components import CACHE, COMPONENTS, Component, GoPackage

_OLDEST_GO = (1, 24)
_PACKAGES_BETWEEN_LINES = 200
_POLICY = Path("/usr/sbin/policy-rc.d")


class CannotInstall(Exception):
    """Somebody else has to act. The text says what to do."""


def main() -> int:
    """Install all that is missing; return the process's exit status."""
    problems = []
    with _one_at_a_time():
        missing = [component for component in COMPONENTS if not component.is_installed]
        for install in _WAYS:
            try:
                install(missing)
            except CannotInstall as problem:
                problems.append(str(problem))
    print("\n\n".join(problems) if problems else f"The test peers are installed; those built here are in {CACHE}.")
    return 1 if problems else 0


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install_debian_packages(missing: Sequence[Component]) -> None:
    packages = [package for component in missing for package in component.debian]
    if not packages:
        return
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if shutil.which("apt-get") is None:
        raise CannotInstall(f"The tests run on Debian and its like, and need these packages:\n    {' '.join(packages)}")
    as_root = _as_root()
    if as_root is None:
        raise CannotInstall(_for_the_administrator(install, missing))
    print(f"Installing Debian packages: {' '.join(packages)}", flush=True)
    with _services_stay_stopped(as_root):
        with suppress(CannotInstall):  # one source list of many may be out of reach: the next line says if it matters
            _apt_get(as_root, "update")
        _apt_get(as_root, *install[1:])
    _keep_services_from_starting(as_root, missing)


def _for_the_administrator(install: Sequence[str], missing: Sequence[Component]) -> str:
    services = [service for component in missing for service in component.services]
    lines = [
        "Debian packages are missing, and neither root nor `sudo` without a password is at hand.",
        "As root, run this, then `make peers` again:",
        f"    apt-get update && {shlex.join(install)}",
    ]
    if services:
        lines += ["and, since the tests start these themselves:", f"    systemctl disable --now {shlex.join(services)}"]
    return "\n".join(lines)


def _as_root() -> list[str] | None:
    """What to put before a command to run it as root; None where nothing does."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    can = shutil.which("sudo") and subprocess.run([*sudo, "true"], capture_output=True, check=False).returncode == 0
    return sudo if can else None


def _apt_get(as_root: Sequence[str], *arguments: str) -> None:
    options = ["-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=600", "-o", "Dpkg::Use-Pty=0", "-qq"]
    command = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *options, *arguments]
    finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if finished.returncode != 0:
        raise CannotInstall(f"`{shlex.join(command)}` failed:\n{finished.stdout}")


@contextmanager
def _services_stay_stopped(as_root: Sequence[str]) -> Iterator[None]:
    """Forbid packages to start their services: Debian asks policy-rc.d, and 101 is its no.

    A policy that is there already is somebody's own, and stands.
    """
    if _POLICY.exists():
        yield
        return
    with tempfile.NamedTemporaryFile("w") as policy:
        policy.write("#!/bin/sh\nexit 101\n")
        policy.flush()
        subprocess.run([*as_root, "install", "--mode=755", policy.name, str(_POLICY)], check=True)
    try:
        yield
    finally:
        subprocess.run([*as_root, "rm", str(_POLICY)], check=True)


def _keep_services_from_starting(as_root: Sequence[str], installed: Sequence[Component]) -> None:
    """Undo what the packages arranged for the machine's next start."""
    services = [service for component in installed for service in component.services]
    if services and Path("/run/systemd/system").is_dir():
        subprocess.run([*as_root, "systemctl", "disable", "--quiet", *services], check=True)


def _build_go_packages(missing: Sequence[Component]) -> None:
    packages = [component.go for component in missing if component.go]
    if packages and _go_version() < _OLDEST_GO:
        oldest = ".".join(map(str, _OLDEST_GO))
        programs = " and ".join(package.program for package in packages)
        raise CannotInstall(
            f"The test peers {programs} are built from source, which takes Go {oldest} or later, and `go` "
            "is missing or older.\nInstall it (https://go.dev/doc/install), and run `make peers` again."
        )
    for package in packages:
        _build(package)


def _go_version() -> tuple[int, ...]:
    """The version of Go on this machine; (0,) where it is missing."""
    if shutil.which("go") is None:
        return (0,)
    answer = subprocess.run(["go", "version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"go(\d+)\.(\d+)", answer)
    return (int(found[1]), int(found[2])) if found else (0,)


def _build(package: GoPackage) -> None:
    print(f"Building {package.program} {package.version}, once for this machine: a few minutes", flush=True)
    started = time.monotonic()
    with _made_beside(package.target) as directory:
        _go_install(package, directory)
        (built,) = directory.iterdir()
        built.rename(package.target)
    print(f"  built in {time.monotonic() - started:.0f} s", flush=True)


def _go_install(package: GoPackage, directory: Path) -> None:
    command = ["go", "install", "-v", "-ldflags=-s -w", f"{package.package}@{package.version}"]
    environment = os.environ | {"GOBIN": str(directory), "CGO_ENABLED": "0"}
    printed = []
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as go:
        for line in go.stderr or ():
            printed.append(line)
            if len(printed) % _PACKAGES_BETWEEN_LINES == 0:
                print(f"  {len(printed)} packages fetched or compiled", flush=True)
    if go.returncode != 0:
        raise CannotInstall(f"`{shlex.join(command)}` failed:\n{''.join(printed[-20:])}")


def _build_maven_projects(missing: Sequence[Component]) -> None:
    for project in (component.maven for component in missing if component.maven):
        print(f"Building {project.name}, once for this machine", flush=True)
        with _made_beside(project.target) as directory:
            shutil.copytree(project.directory, directory / "project")
            _run("mvn", "-B", "-q", "compile", "dependency:copy-dependencies", directory=directory / "project")
            (directory / "project" / "target").rename(project.target)


def _fetch_npm_packages(missing: Sequence[Component]) -> None:
    for package in (component.npm for component in missing if component.npm):
        print(f"Fetching {package.name} {package.version}, once for this machine", flush=True)
        with _made_beside(package.target) as directory:
            _run("npm", "pack", "--silent", f"{package.name}@{package.version}", directory=directory)
            (fetched,) = directory.glob("*.tgz")
            fetched.rename(package.target)


def _install_python_packages(missing: Sequence[Component]) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    for package in (component.python for component in missing if component.python):
        print(f"Installing {package.name} {package.version}, once for this machine", flush=True)
        with _made_beside(package.target) as directory:
            made = directory / "environment"
            wanted = (f"{package.name}=={package.version}", *package.beside)
            _run(uv, "venv", "--quiet", "--python", sys.executable, str(made), directory=directory)
            python = str(made / "bin" / "python")
            _run(uv, "pip", "install", "--quiet", "--link-mode=copy", "--python", python, *wanted, directory=directory)
            made.rename(package.target)


_WAYS = (
    _install_debian_packages,
    _build_go_packages,
    _build_maven_projects,
    _fetch_npm_packages,
    _install_python_packages,
)


@contextmanager
def _made_beside(target: Path) -> Iterator[Path]:
    """A directory to make `target` in, from which it is renamed: what is cut short leaves nothing that looks whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as directory:
        yield Path(directory)


def _run(*command: str, directory: Path) -> None:
    if shutil.which(command[0]) is None:
        raise CannotInstall(f"`{command[0]}` is missing: `{shlex.join(command)}` would bring a test peer")
    finished = subprocess.run(
        command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if finished.returncode != 0:
        raise CannotInstall(f"`{shlex.join(command)}` failed:\n{finished.stdout[-2000:]}")


if __name__ == "__main__":
    sys.exit(main())
