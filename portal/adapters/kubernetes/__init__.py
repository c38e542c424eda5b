"""Jobs on Kubernetes, 1.20 or newer. Start at :class:`cluster.KubernetesCluster`."""
