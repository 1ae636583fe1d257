"""Kompose's rules, as far as they touch our Compose files: what it makes of a service, and what it drops.

Taken from its source and its fixtures (kubernetes/kompose, 1.26 and later); where releases differ, the worse.
Dropped: depends_on, init, networks, security_opt, shm_size, stop_signal, pull_policy.
"""

import base64
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Manifest = dict[str, Any]

DEFAULT_VOLUME_SIZE = "100Mi"
_RESTART = {
    "always": "Always",
    "any": "Always",
    "unless-stopped": "Always",  # with a warning
    "no": "Never",
    "none": "Never",
    "on-failure": "OnFailure",  # any other word, on-failure:5 for one, is refused
}
_READINESS = "kompose.service.healthcheck.readiness."
_LIVENESS = "kompose.service.healthcheck.liveness."


def convert(project: Mapping[str, Any]) -> list[Manifest]:
    """Return the manifests of a project as `docker compose config --format json` gives it.

    Raises:
        KeyError: a restart policy that Kompose refuses.
    """
    found: list[Manifest] = [
        {
            **_head("v1", "Secret", name),
            "type": "Opaque",
            "data": {name: base64.b64encode(Path(secret["file"]).read_bytes()).decode()},
        }
        for name, secret in project.get("secrets", {}).items()
    ]
    for name in sorted(project["services"]):
        found.extend(_manifests(name, project["services"][name]))
    # The first of a name wins, whatever the next one says.
    unique: dict[tuple[str, str], Manifest] = {}
    for manifest in found:
        unique.setdefault((manifest["kind"], manifest["metadata"]["name"]), manifest)
    return list(unique.values())


def _manifests(name: str, service: Mapping[str, Any]) -> Iterator[Manifest]:
    labels = service.get("labels", {})
    restart = _RESTART[_restart(service)]
    stateful = labels.get("kompose.controller.type") == "statefulset" and restart == "Always"
    ports = _ports(service)
    if ports:
        yield {
            **_head("v1", "Service", name, labels),
            "spec": {
                "ports": [{"name": str(port), "port": port, "targetPort": port} for port in ports],
                "selector": {"io.kompose.service": name},
                **({"clusterIP": "None", "type": "ClusterIP"} if stateful else {}),
            },
        }
    claims = [_claim(mount, labels) for mount in service.get("volumes", [])]
    if not stateful:
        yield from claims
    spec = _pod(name, service, ports, restart, stateful=stateful)
    if restart != "Always":
        yield {**_head("v1", "Pod", name, labels), "spec": spec}
        return
    workload: Manifest = {
        "replicas": service.get("deploy", {}).get("replicas", 1),
        "selector": {"matchLabels": {"io.kompose.service": name}},
        "template": {
            "metadata": {"annotations": dict(labels), "labels": {"io.kompose.service": name}},
            "spec": spec,
        },
    }
    if stateful:
        bare = [{"metadata": claim["metadata"], "spec": claim["spec"]} for claim in claims]
        yield {
            **_head("apps/v1", "StatefulSet", name, labels),
            "spec": {**workload, "serviceName": name, "volumeClaimTemplates": bare},
        }
    else:
        strategy = {"strategy": {"type": "Recreate"}} if claims else {}
        yield {**_head("apps/v1", "Deployment", name, labels), "spec": {**workload, **strategy}}


def _pod(
    name: str, service: Mapping[str, Any], ports: Sequence[int], restart: str, *, stateful: bool
) -> Manifest:
    labels = service.get("labels", {})
    mounts: list[Manifest] = []
    volumes: list[Manifest] = []
    for secret in service.get("secrets", []):
        source, target = secret["source"], secret.get("target", "")
        folder, _, file = target.rpartition("/")
        if not target:
            folder, file = f"/run/secrets/{source}", source
        mounts.append({"name": source, "mountPath": folder})
        items = [{"key": source, "path": file}]
        volumes.append({"name": source, "secret": {"secretName": source, "items": items}})
    for mount in service.get("volumes", []):
        claim = mount["source"].replace("_", "-")
        read_only = {"readOnly": True} if mount.get("read_only") else {}
        mounts.append({"name": claim, "mountPath": mount["target"], **read_only})
        volumes.append({"name": claim, "persistentVolumeClaim": {"claimName": claim, **read_only}})
    for index, place in enumerate(service.get("tmpfs", [])):
        mounts.append({"name": f"{name}-tmpfs{index}", "mountPath": place.partition(":")[0]})
        volumes.append({"name": f"{name}-tmpfs{index}", "emptyDir": {"medium": "Memory"}})
    container: Manifest = {
        "name": name,
        "image": service["image"],
        "env": [
            {"name": key, "value": value or ""}
            for key, value in sorted(service.get("environment", {}).items())
        ],
        "volumeMounts": mounts,
        "ports": [{"containerPort": port, "protocol": "TCP"} for port in ports],
        **_named("command", service.get("entrypoint")),
        **_named("args", service.get("command")),
        **_named("livenessProbe", _liveness(service.get("healthcheck"), labels)),
        **_named("readinessProbe", _readiness(labels)),
        **_named("imagePullPolicy", labels.get("kompose.image-pull-policy")),
        **_named("securityContext", _security(service)),
    }
    group = labels.get("kompose.security-context.fsgroup")
    return {
        "containers": [container],
        "restartPolicy": restart,
        **({} if stateful else {"volumes": volumes}),
        **_named("securityContext", {"fsGroup": int(group)} if group else None),
        **_named("terminationGracePeriodSeconds", seconds(service.get("stop_grace_period", ""))),
    }


def _restart(service: Mapping[str, Any]) -> str:
    asked = service.get("deploy", {}).get("restart_policy", {}).get("condition") or service.get("restart")
    return str(asked or "always")


def _ports(service: Mapping[str, Any]) -> list[int]:
    published = [int(port["target"]) for port in service.get("ports", [])]
    exposed = [int(port) for port in service.get("expose", [])]
    return list(dict.fromkeys(published + exposed))


def _claim(mount: Mapping[str, Any], labels: Mapping[str, str]) -> Manifest:
    mode = "ReadOnlyMany" if mount.get("read_only") else "ReadWriteOnce"
    size = labels.get("kompose.volume.size", DEFAULT_VOLUME_SIZE)
    return {
        **_head("v1", "PersistentVolumeClaim", mount["source"].replace("_", "-")),
        "spec": {"accessModes": [mode], "resources": {"requests": {"storage": size}}},
    }


def _liveness(check: Mapping[str, Any] | None, labels: Mapping[str, str]) -> Manifest | None:
    if check is None or check.get("disable"):
        return None
    probe = _how(_LIVENESS, labels) or {"exec": {"command": list(check["test"][1:])}}
    return {**probe, **_times(check)}


def _readiness(labels: Mapping[str, str]) -> Manifest | None:
    told = {
        key.removeprefix(_READINESS): value for key, value in labels.items() if key.startswith(_READINESS)
    }
    if not told or told.get("disable") == "true":
        return None
    words = shlex.split(told.get("test", ""))
    probe = _how(_READINESS, labels) or {
        "exec": {"command": words[1:] if words[0].startswith("CMD") else words}
    }
    return {**probe, **_times(told)}


def _how(prefix: str, labels: Mapping[str, str]) -> Manifest | None:
    if f"{prefix}http_get_path" in labels:
        port = int(labels[f"{prefix}http_get_port"])
        return {"httpGet": {"path": labels[f"{prefix}http_get_path"], "port": port}}
    if f"{prefix}tcp_port" in labels:
        return {"tcpSocket": {"port": int(labels[f"{prefix}tcp_port"])}}
    return None


def _times(told: Mapping[str, Any]) -> Manifest:
    return {
        **_named("timeoutSeconds", seconds(told.get("timeout", ""))),
        **_named("periodSeconds", seconds(told.get("interval", ""))),
        **_named("failureThreshold", int(told["retries"]) if told.get("retries") else None),
        **_named("initialDelaySeconds", seconds(told.get("start_period", ""))),
    }


def _security(service: Mapping[str, Any]) -> Manifest | None:
    drop, add = service.get("cap_drop", []), service.get("cap_add", [])
    capabilities = {**_named("drop", drop), **_named("add", add)}
    found = {
        **_named("capabilities", capabilities),
        **({"readOnlyRootFilesystem": True} if service.get("read_only") else {}),
    }
    return found or None


def seconds(duration: str) -> int | None:
    """Return a duration of Go in whole seconds: 1m0s is 60."""
    if not duration:
        return None
    total, number = 0, ""
    for letter in duration:
        if letter.isdigit():
            number += letter
        else:
            total += int(number) * {"h": 3600, "m": 60, "s": 1}[letter]
            number = ""
    return total


def _named(name: str, value: object) -> Manifest:
    return {name: value} if value else {}


def _head(version: str, kind: str, name: str, annotations: Mapping[str, str] | None = None) -> Manifest:
    about: Manifest = {"name": name, "labels": {"io.kompose.service": name}}
    if annotations:
        about["annotations"] = dict(annotations)
    return {"apiVersion": version, "kind": kind, "metadata": about}
