"""What the tests need on this machine: where each component lies, and what brings it there."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "informatics-gateway"


class MissingComponent(Exception):
    """A component is not installed. The text names the command that installs it."""


@dataclass(frozen=True, slots=True)
class GoPackage:
    """A program that is built from the source of a Go module, into a cache that outlives the clone."""

    package: str
    version: str
    program: str

    @property
    def target(self) -> Path:
        return CACHE / self.program / self.version / self.program


@dataclass(frozen=True, slots=True)
class MavenProject:
    """A Java program in a directory of these tests, built into the cache. What it is built from names the build."""

    name: str
    directory: Path

    @property
    def sources(self) -> list[Path]:
        return sorted(path for path in self.directory.rglob("*") if path.is_file())

    @property
    def target(self) -> Path:
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in self.sources)).hexdigest()
        return CACHE / self.name / digest[:12]


@dataclass(frozen=True, slots=True)
class NpmPackage:
    """A package of npm, fetched into the cache and left packed."""

    name: str
    version: str

    @property
    def target(self) -> Path:
        return CACHE / self.name / f"{self.name}-{self.version}.tgz"


@dataclass(frozen=True, slots=True)
class PythonPackage:
    """A package of Python in an environment of its own, in the cache. `beside` is what it was released beside."""

    name: str
    version: str
    beside: tuple[str, ...] = ()

    @property
    def target(self) -> Path:
        return CACHE / self.name / self.version

    @property
    def python(self) -> Path:
        return self.target / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Component:
    """A component with the files that tests use of it (patterns, as versions stand in paths).

    `services` are the systemd units that its Debian package would start with the machine.
    """

    name: str
    files: tuple[str, ...]
    debian: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    go: GoPackage | None = None
    maven: MavenProject | None = None
    npm: NpmPackage | None = None
    python: PythonPackage | None = None

    @property
    def is_installed(self) -> bool:
        return all(any(_matches(pattern)) for pattern in self.files)

    def file(self, name: str) -> Path:
        """Return the path of the file called `name`, of its highest version. Raises MissingComponent."""
        pattern = next(pattern for pattern in self.files if Path(pattern).name == name)
        found = max(_matches(pattern), default=None)
        if found is None:
            raise MissingComponent(f"{self.name} is not installed ({pattern}): `make peers` installs it")
        return found


def _matches(pattern: str) -> Iterator[Path]:
    return Path("/").glob(pattern.lstrip("/"))


_MINIO = GoPackage("github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c", "minio")
_HAPI_FHIR = MavenProject("hapi-fhir", Path(__file__).parent / "hapi")
_FHIR_EXAMPLES = NpmPackage("hl7.fhir.r4.examples", "4.0.1")
_OLDER_PREFECT = PythonPackage("prefect", "3.8.8", ("fastapi==0.142.4", "starlette==1.7.0", "sqlalchemy==2.1.4"))
_TOXIPROXY = GoPackage("github.com/Shopify/toxiproxy/v2/cmd/server", "v2.5.0", "toxiproxy")

DCMTK = Component(
    "dcmtk",
    tuple(
        f"/usr/bin/{program}"
        for program in ("dcmdump", "dcmqrscp", "dcmsend", "echoscu", "findscu", "storescp", "storescu")
    ),
    debian=("dcmtk",),
)
RABBITMQ = Component(
    "RabbitMQ",
    ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/bin/epmd"),
    debian=("rabbitmq-server",),
    services=("rabbitmq-server.service", "epmd.socket", "epmd.service"),
)
POSTGRESQL = Component(
    "PostgreSQL",
    ("/usr/lib/postgresql/*/bin/postgres", "/usr/lib/postgresql/*/bin/initdb"),
    debian=("postgresql",),
    services=("postgresql.service",),
)
ORTHANC = Component(
    "Orthanc",
    ("/usr/sbin/Orthanc", "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"),
    debian=("orthanc", "orthanc-dicomweb"),
    services=("orthanc.service",),
)
CHROMIUM = Component(  # the driver that playwright brings needs libatomic, and pages need a font
    "Chromium",
    ("/usr/bin/chromium", "/usr/lib/*/libatomic.so.1", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
    debian=("chromium", "libatomic1", "fonts-dejavu-core"),
)
STUNNEL = Component("stunnel", ("/usr/bin/stunnel4",), debian=("stunnel4",), services=("stunnel.target",))
FILE_SYSTEMS = Component(
    "file systems", ("/usr/sbin/mkfs.xfs", "/usr/sbin/xfs_io", "/usr/sbin/mkfs.ext4"), debian=("xfsprogs", "e2fsprogs")
)
PROMETHEUS = Component("Prometheus", ("/usr/bin/promtool",), debian=("prometheus",), services=("prometheus.service",))
NETWORK = Component("network tools", ("/usr/sbin/tc", "/usr/sbin/ip"), debian=("iproute2",))
MINIO = Component("MinIO", (str(_MINIO.target),), go=_MINIO)
TOXIPROXY = Component("Toxiproxy", (str(_TOXIPROXY.target),), go=_TOXIPROXY)
JAVA = Component(
    "Java and Maven", ("/usr/bin/java", "/usr/bin/javac", "/usr/bin/mvn"), ("default-jdk-headless", "maven")
)
NPM = Component("npm", ("/usr/bin/npm",), debian=("npm",))
HAPI_FHIR = Component("HAPI FHIR", (str(_HAPI_FHIR.target / "classes"),), maven=_HAPI_FHIR)
OLDER_PREFECT = Component("Prefect 3.8", (str(_OLDER_PREFECT.python),), python=_OLDER_PREFECT)
FHIR_EXAMPLES = Component("FHIR examples", (str(_FHIR_EXAMPLES.target),), npm=_FHIR_EXAMPLES)

COMPONENTS = (
    DCMTK,
    RABBITMQ,
    POSTGRESQL,
    ORTHANC,
    CHROMIUM,
    STUNNEL,
    FILE_SYSTEMS,
    NETWORK,
    PROMETHEUS,
    MINIO,
    TOXIPROXY,
    JAVA,
    NPM,
    HAPI_FHIR,
    FHIR_EXAMPLES,
    OLDER_PREFECT,
)
