"""The ``Cluster`` port on Kubernetes: plain pods, a Service for peers, Secrets for logins, a
ConfigMap for what replicas share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from threading import Event
from typing import Any

from portal.adapters.kubernetes import ending, logins, naming, sharing
from portal.adapters.kubernetes.client import KubernetesApi, Refusal
from portal.adapters.kubernetes.ending import Ending
from portal.adapters.kubernetes.inside import end_processes
from portal.adapters.kubernetes.logs import LogReader
from portal.adapters.kubernetes.manifests import blotted, build
from portal.adapters.kubernetes.node_view import DeviceRule
from portal.adapters.kubernetes.observe import Pod
from portal.adapters.kubernetes.reading import Reader
from portal.adapters.kubernetes.refusals import check_size, failure_of
from portal.adapters.kubernetes.scope import NAMESPACES, NODES, Scope
from portal.adapters.kubernetes.watch import ClusterWatch
from portal.domain.errors import PermanentFailure
from portal.domain.job import AttemptRef
from portal.domain.launch import Launch, Observed, SharedFile
from portal.domain.resources import Node
from portal.ports import ClusterListener

_MERGE = "application/merge-patch+json"


class KubernetesCluster:
    """One namespace of one Kubernetes cluster, version 1.20 or newer."""

    keeps_logs = False
    jobs_reach_portal = False

    def __init__(
        self,
        name: str,
        *,
        kubeconfig: str = "",
        namespace: str = "aoli",
        instance: str = "aoli",
        device_rules: Sequence[DeviceRule] = (),
        tolerations: Sequence[Mapping[str, Any]] = (),
        node_lost_after_s: float = 30,
        cluster_domain: str = "cluster.local",
    ) -> None:
        """``instance`` tells this portal's objects from another's in the same namespace.

        Without ``kubeconfig`` the account of the pod that this runs in is used. Nothing is
        sent before the first call.
        """
        self.name = name
        self._scope = Scope(
            namespace=namespace,
            instance=naming.label_value(instance) or "aoli",
            rules=tuple(device_rules),
            extra_tolerations=tuple(tolerations),
            node_lost_after_s=node_lost_after_s,
            cluster_domain=cluster_domain,
        )
        self._api = KubernetesApi(kubeconfig)
        self._reader = Reader(self._api, self._scope)
        # Watches and followed logs hold a connection for hours: they have their own.
        self._watch_api = KubernetesApi(kubeconfig)
        self._logs = LogReader(KubernetesApi(kubeconfig), self._scope)

    # -- the cluster -------------------------------------------------------------------

    def ping(self) -> None:
        """Ask for something that needs our rights, so that a wrong account is found out."""
        query = {**self._scope.ours(), "limit": "1"}
        self._api.call("GET", self._scope.collection("Pod"), query=query)

    def nodes(self) -> Sequence[Node]:
        """All nodes by name, with what others hold of their devices."""
        return self._reader.nodes()

    def set_cordoned(self, node: str, cordoned: bool) -> None:
        """As ``kubectl cordon`` and ``uncordon`` do."""
        patch = {"spec": {"unschedulable": True if cordoned else None}}
        try:
            self._api.call("PATCH", f"{NODES}/{node}", body=patch, content_type=_MERGE)
        except Refusal as refusal:
            raise PermanentFailure(refusal.message) from refusal

    # -- an attempt --------------------------------------------------------------------

    def launch(self, launch: Launch) -> None:
        """Make the objects one by one; what is there already is left as it is."""
        # A key that is thrown away where an earlier call has made the Secret.
        made = build(launch, self._scope.target, logins.new_key())
        for manifest in made:
            check_size(manifest)
        for manifest in made:
            self._create(manifest)

    def stop(self, ref: AttemptRef, grace_s: int) -> None:
        """Delete the pods with a grace period, and at once what will never run.

        What has ended is left to :meth:`remove`: until then it tells how it ended.
        """
        self._delete_objects(ref)
        self._bring_to_end([(pod, ending.stop(pod, grace_s)) for pod in self._reader.pods(ref)])

    def remove(self, ref: AttemptRef, *, force: bool = False) -> None:
        """Delete everything. What runs on a node that answers is waited for even by force.

        Its devices are in use until then; ``force`` cuts its grace short, and ends the
        processes from inside where that was promised a longer one.
        """
        self._delete_objects(ref)
        now = datetime.now(UTC)
        pods = self._reader.pods(ref)
        health, lost_after_s = self._reader.health(pods), self._scope.node_lost_after_s
        self._bring_to_end(
            [
                (pod, ending.removal(pod, health, now, force=force, node_lost_after_s=lost_after_s))
                for pod in pods
            ]
        )

    def publish(self, ref: AttemptRef, files: Sequence[SharedFile]) -> None:
        """Change the ConfigMap, then touch the pods, or their nodes would take a minute."""
        data = sharing.file_data(tuple(files))
        mark = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
        try:
            self._merge("ConfigMap", naming.files_name(ref), {"data": data})
        except Refusal as refusal:
            if refusal.status == 404:
                return
            raise failure_of(refusal) from refusal
        touch = {"metadata": {"annotations": {naming.ANNOTATION_FILES: mark}}}
        for pod in self._reader.pods(ref):
            try:
                self._merge("Pod", pod["metadata"]["name"], touch)
            except Refusal as refusal:
                if refusal.status not in (403, 404):  # without the right it only takes longer
                    raise

    def observe(self, ref: AttemptRef) -> Observed:
        """One attempt, by asking for its pods and their nodes."""
        return self._reader.attempt(ref)

    def observe_all(self) -> Mapping[AttemptRef, Observed]:
        """All attempts of this portal, those of which only objects are left too."""
        return self._reader.attempts()

    def watch(self, listener: ClusterListener, stop: Event) -> None:
        """See :mod:`portal.adapters.kubernetes.watch`."""
        ClusterWatch(self._watch_api, self._scope, listener, stop).run()

    def logs(
        self, ref: AttemptRef, replica: str, *, since: datetime | None = None, follow: bool = False
    ) -> Iterator[bytes]:
        """Lines of a replica's output while its pod is there."""
        return self._logs.lines(ref, replica, since, follow)

    def host_of(self, ref: AttemptRef, replica: str) -> str:
        """The host name by which the attempt's other replicas reach this one."""
        return f"{naming.dns_label(replica)}.{naming.service_name(ref)}"

    def manifests(self, launch: Launch) -> list[dict[str, Any]]:
        """What :meth:`launch` would make; logins and secret-looking values redacted."""
        made = build(launch, self._scope.target, logins.new_key())
        return blotted(made, launch.concealed)

    # -- steps -------------------------------------------------------------------------

    def _bring_to_end(self, endings: Sequence[tuple[Pod, Ending]]) -> None:
        for pod, do in endings:
            if do.grace_s is not None:
                self._delete("Pod", pod["metadata"]["name"], do.grace_s)
        pods = self._scope.collection("Pod")
        end_processes(
            self._api, [f"{pods}/{pod['metadata']['name']}" for pod, do in endings if do.kill]
        )

    def _create(self, manifest: Mapping[str, Any], *, again: bool = False) -> None:
        path = self._scope.collection(manifest["kind"])
        try:
            self._api.call("POST", path, body=dict(manifest))
        except Refusal as refusal:
            if refusal.status == 404 and not again:
                self._create_namespace(refusal)
                self._create(manifest, again=True)
            elif refusal.reason == "AlreadyExists":
                self._check_own(f"{path}/{manifest['metadata']['name']}", manifest["kind"])
            else:
                raise failure_of(refusal) from refusal

    def _create_namespace(self, missing: Refusal) -> None:
        """Make the namespace at the first launch, where we may."""
        namespace = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": self._scope.namespace},
        }
        try:
            self._api.call("POST", NAMESPACES, body=namespace)
        except Refusal as refusal:
            if refusal.reason != "AlreadyExists":
                raise missing from refusal

    def _check_own(self, path: str, kind: str) -> None:
        """What is there under our name must be ours."""
        if kind != "Pod":
            return
        try:
            labels = self._api.call("GET", path)["metadata"].get("labels") or {}
        except Refusal as refusal:
            if refusal.status == 404:
                return  # it has just gone: that attempt was, as it should
            raise
        if labels.get(naming.LABEL_INSTANCE) != self._scope.instance:
            raise PermanentFailure(f"{path.rpartition('/')[2]} belongs to another portal")

    def _merge(self, kind: str, name: str, change: dict[str, Any]) -> None:
        self._api.call(
            "PATCH",
            f"{self._scope.collection(kind)}/{name}",
            body=change,
            content_type=_MERGE,
        )

    def _delete_objects(self, ref: AttemptRef) -> None:
        self._delete("Secret", naming.secret_name(ref))
        self._delete("Secret", naming.login_name(ref))
        self._delete("ConfigMap", naming.files_name(ref))
        self._delete("Service", naming.service_name(ref))

    def _delete(self, kind: str, name: str, grace_s: int | None = None) -> None:
        body = {"gracePeriodSeconds": grace_s} if grace_s is not None else None
        try:
            self._api.call("DELETE", f"{self._scope.collection(kind)}/{name}", body=body)
        except Refusal as refusal:
            if refusal.status != 404:
                raise
