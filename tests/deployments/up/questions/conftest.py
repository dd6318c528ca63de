"""One gateway for all questions: it is asked, and changed by none of them but in what is its own."""

from collections.abc import Iterator

import pytest

from tests.deployments.up.questions.faces import Faces
from tests.deployments.up.questions.site import Site, Study, running_site
from tests.peers.dcmtk import Dcmtk
from tests.peers.rabbitmq import RabbitMQ


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, dcmtk: Dcmtk) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("questions"), rabbitmq, dcmtk) as site:
        yield site


@pytest.fixture(scope="module")
def faces(site: Site) -> Faces:
    return site.faces


@pytest.fixture(scope="module")
def study(site: Site) -> Study:
    """One that was received and announced, whose run has ended."""
    study = site.study()
    site.send(study)
    site.payload(study, state="announced", run_state="Completed")
    return study


@pytest.fixture(scope="module")
def payload_id(site: Site, study: Study) -> str:
    return str(site.payload(study)["id"])
