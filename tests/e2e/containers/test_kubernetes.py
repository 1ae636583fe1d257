"""Our Compose file, made into manifests by Kompose's rules, is what Kubernetes takes and what Daybook needs.

Needs Docker Compose, which resolves the files as Kompose does, and the schemas of the Kubernetes API, which
`pip install -e '.[kubernetes]'` brings; `.ci/run` has both.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bootstrap.first_secrets import make
from tests.support.kompose import DEFAULT_VOLUME_SIZE, Manifest, convert
from tests.support.tree import ROOT

validation = pytest.importorskip("kubernetes_validate", reason="pip install -e '.[kubernetes]' brings it")


DOCKER = shutil.which("docker")


def has_compose() -> bool:
    if DOCKER is None:
        return False
    return subprocess.run([DOCKER, "compose", "version"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not has_compose(), reason="there is no Docker Compose here")


def project(*files: str, **environment: str) -> dict[str, Any]:
    """Return Compose files as Compose reads them."""
    options = [part for file in files for part in ("--file", str(ROOT / file))]
    done = subprocess.run(
        [str(DOCKER), "compose", *options, "config", "--format", "json"],
        env={"HOME": str(Path.home()), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    make(folder / "keys", folder / "database", folder / "application", "db", folder / "home")
    return folder


@pytest.fixture(scope="module")
def manifests(secrets: Path) -> list[Manifest]:
    return convert(
        project(
            "docker-compose.yml",
            "docker-compose.kubernetes.yml",
            DAYBOOK_SECRETS=str(secrets),
            DAYBOOK_IMAGE="registry.example.org/daybook",
            DAYBOOK_VERSION="1",
            POSTGRES_PASSWORD=(secrets / "database" / "password").read_text().strip(),
        )
    )


def of(manifests: list[Manifest], kind: str) -> Mapping[str, Manifest]:
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] == kind}


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    for one in manifests:
        if one["kind"] in {"Deployment", "StatefulSet"}:
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]
        elif one["kind"] == "Pod":
            yield one["metadata"]["name"], one["spec"]


def test_kubernetes_takes_each_manifest(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        validation.validate(manifest, validation.latest_version(), strict=True)
    assert len(manifests) > 10


def test_a_wrong_manifest_would_be_noticed(manifests: list[Manifest]) -> None:
    broken = json.loads(json.dumps(of(manifests, "Deployment")["app"]))
    broken["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"] = "a port"

    with pytest.raises(validation.ValidationError):
        validation.validate(broken, validation.latest_version(), strict=True)


def test_the_plain_file_converts_as_well() -> None:
    found = convert(project("docker-compose.yml"))

    for manifest in found:
        validation.validate(manifest, validation.latest_version(), strict=True)
    assert set(of(found, "Service")) == {"app", "db", "ollama"}


def test_what_is_called_by_name_has_a_service(manifests: list[Manifest]) -> None:
    services = of(manifests, "Service")
    ports = {name: [port["port"] for port in one["spec"]["ports"]] for name, one in services.items()}

    assert ports == {"app": [8484], "db": [5432], "ollama": [11434]}


def test_what_runs_once_is_tried_again_where_it_fails(manifests: list[Manifest]) -> None:
    once = of(manifests, "Pod")

    assert set(once) == {"migrate"}
    assert {one["spec"]["restartPolicy"] for one in once.values()} == {"OnFailure"}


def test_what_serves_says_whether_it_is_ready(manifests: list[Manifest]) -> None:
    served = set(of(manifests, "Service"))
    containers = {name: pod["containers"][0] for name, pod in pods(manifests) if name in served}

    assert all("readinessProbe" in one and "livenessProbe" in one for one in containers.values())
    assert containers["app"]["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert containers["app"]["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_the_database_keeps_its_data_below_the_top_of_its_volume(manifests: list[Manifest]) -> None:
    database = of(manifests, "StatefulSet")["db"]["spec"]
    container = database["template"]["spec"]["containers"][0]
    (mount,) = container["volumeMounts"]
    (data,) = [one["value"] for one in container["env"] if one["name"] == "PGDATA"]

    assert Path(mount["mountPath"]) in Path(data).parents
    assert [claim["metadata"]["name"] for claim in database["volumeClaimTemplates"]] == [mount["name"]]


def test_no_volume_is_of_the_size_that_nobody_chose_and_none_is_shared(manifests: list[Manifest]) -> None:
    claims = [*of(manifests, "PersistentVolumeClaim").values()]
    claims += of(manifests, "StatefulSet")["db"]["spec"]["volumeClaimTemplates"]
    used = [
        volume["persistentVolumeClaim"]["claimName"]
        for _, pod in pods(manifests)
        for volume in pod.get("volumes", [])
        if "persistentVolumeClaim" in volume
    ]

    assert DEFAULT_VOLUME_SIZE not in [claim["spec"]["resources"]["requests"]["storage"] for claim in claims]
    assert [claim["spec"]["accessModes"] for claim in claims] == [["ReadWriteOnce"]] * len(claims)
    assert len(used) == len(set(used))


def test_each_secret_is_a_file_where_its_variable_says(manifests: list[Manifest]) -> None:
    kept = of(manifests, "Secret")
    named = 0
    for _, pod in pods(manifests):
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        files = {
            f"{mount['mountPath']}/{item['path']}": volumes[mount["name"]]["secret"]["secretName"]
            for mount in pod["containers"][0]["volumeMounts"]
            if "secret" in volumes.get(mount["name"], {})
            for item in volumes[mount["name"]]["secret"]["items"]
        }
        variables = [one for one in pod["containers"][0]["env"] if one["name"].endswith("_FILE")]
        named += len(variables)
        assert all(kept[files[one["value"]]]["data"] for one in variables)
    assert named == 9


def test_no_manifest_but_a_secret_s_holds_a_secret(manifests: list[Manifest], secrets: Path) -> None:
    open_ones = json.dumps([one for one in manifests if one["kind"] != "Secret"])
    values = [
        path.read_text().strip() for path in secrets.rglob("*") if path.is_file() and path.name != "password"
    ]

    assert len(values) == 5
    assert [value for value in values if value in open_ones] == []


def test_what_is_ours_runs_without_rights(manifests: list[Manifest]) -> None:
    for name in ("app", "migrate"):
        (pod,) = [pod for found, pod in pods(manifests) if found == name]
        security = pod["containers"][0]["securityContext"]
        assert security == {"capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
