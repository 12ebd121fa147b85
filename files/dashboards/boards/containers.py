"""Containers and Kubernetes: what runs in containers, and what of its limits it uses."""

from files.dashboards.model import Board, Column, Query, Row
from files.dashboards.pages import ALL_LOGS, HOST_LOGS, SYSTEM
from files.dashboards.panels import (
    GREEN,
    RED,
    YELLOW,
    bars,
    lines,
    saturation,
    stat,
    table,
)
from files.dashboards.promql import increase, rate
from files.dashboards.variables import ENVIRONMENT, of_label

# Of Docker's containers; a cluster's are told by pod.
OF = '{environment=~"$environment",host=~"$host",name!=""}'
PODS = '{environment=~"$environment",namespace=~"$k8s_namespace"'
CONTAINERS = PODS + ',container!=""}'
PODS += ',pod!=""}'
NODES = '{environment=~"$environment"}'
DOCKER, CLUSTER = ("cadvisor",), ("kubernetes",)
PER_CONTAINER = ("host", "name")
PER_POD = ("namespace", "pod")

HOST = of_label("host", "Host", "Of which container hosts", "container_last_seen")
K8S_NAMESPACE = of_label(
    "k8s_namespace", "Kubernetes namespace", "Of which namespaces", "kube_pod_info", "namespace"
)


def limit_of(resource: str) -> str:
    """What pods may use of a resource, for those of which every container has a limit."""
    matchers = CONTAINERS.removesuffix("}") + f',resource="{resource}"}}'
    return f"sum by (namespace, pod) (kube_pod_container_resource_limits{matchers})"


CPU = rate(f"container_cpu_usage_seconds_total{OF}", *PER_CONTAINER)
PERIODS = increase(f"container_cpu_cfs_periods_total{OF}", *PER_CONTAINER, window="5m")
THROTTLED = increase(f"container_cpu_cfs_throttled_periods_total{OF}", *PER_CONTAINER, window="5m")
QUOTA = f"(container_spec_cpu_quota{OF} / (container_spec_cpu_period > 0) > 0)"

DOCKER_NOW = Row(
    "Containers: CPU and memory",
    (
        lines(
            "CPU",
            "Cores that each container uses.",
            CPU,
            "{{host}} {{name}}",
            minimum=0.0,
            needs=DOCKER,
            links=(HOST_LOGS,),
        ),
        saturation(
            "CPU against its quota",
            "Share of its quota that each container uses.",
            f"{CPU} / sum by (host, name) {QUOTA}",
            "{{host}} {{name}}",
            needs=DOCKER,
            empty="no container has a quota",
        ),
        lines(
            "Memory",
            "Memory of each container that cannot be taken away from it.",
            f"sum by (host, name) (container_memory_working_set_bytes{OF})",
            "{{host}} {{name}}",
            unit="bytes",
            minimum=0.0,
            needs=DOCKER,
            links=(HOST_LOGS,),
        ),
        saturation(
            "Memory against its limit",
            "Share of its limit that each container uses. Alert: 90 % for 5 min.",
            f"sum by (host, name) (container_memory_working_set_bytes{OF})"
            f" / (sum by (host, name) (container_spec_memory_limit_bytes{OF}) > 0)",
            "{{host}} {{name}}",
            needs=DOCKER,
            empty="no container has a limit",
        ),
        saturation(
            "CPU throttled",
            "Share of periods in which a container had to wait. Alert: 80 % for 10 min.",
            f"{THROTTLED} / ({PERIODS} > 0)",
            "{{host}} {{name}}",
            warn=0.25,
            critical=0.8,
            needs=DOCKER,
            empty="no container has a quota",
        ),
        lines(
            "Restarts",
            "How often each container was started again within 15 min. Alert: more than once.",
            # A container that starts again is a series of its own: its label tells how often.
            f"count by (host, name) (count_over_time(container_start_time_seconds{OF}[15m])) - 1",
            "{{host}} {{name}}",
            minimum=0.0,
            decimals=0,
            needs=DOCKER,
        ),
    ),
)

DOCKER_IO = Row(
    "Containers: network and storage",
    (
        lines(
            "Network in",
            "Bytes per second that each container receives.",
            rate(f"container_network_receive_bytes_total{OF}", *PER_CONTAINER),
            "{{host}} {{name}}",
            unit="Bps",
            minimum=0.0,
            width=6,
            needs=DOCKER,
        ),
        lines(
            "Network out",
            "Bytes per second that each container sends.",
            rate(f"container_network_transmit_bytes_total{OF}", *PER_CONTAINER),
            "{{host}} {{name}}",
            unit="Bps",
            minimum=0.0,
            width=6,
            needs=DOCKER,
        ),
        lines(
            "Disk writes",
            "Bytes per second that each container writes.",
            rate(f"container_fs_writes_bytes_total{OF}", *PER_CONTAINER),
            "{{host}} {{name}}",
            unit="Bps",
            minimum=0.0,
            width=6,
            needs=DOCKER,
            empty="a kernel that does not count what control groups write",
        ),
        lines(
            "Storage",
            "What each container wrote into its own layer.",
            f"sum by (host, name) (container_fs_usage_bytes{OF})",
            "{{host}} {{name}}",
            unit="bytes",
            minimum=0.0,
            width=6,
            needs=DOCKER,
            empty="an Engine whose storage driver does not tell sizes",
        ),
    ),
)

CLUSTER_NOW = Row(
    "Kubernetes: nodes and pods",
    (
        stat(
            "Nodes ready",
            "Nodes that can run pods.",
            'sum(kube_node_status_condition{environment=~"$environment",condition="Ready",status="true"})',
            needs=CLUSTER,
        ),
        stat(
            "Nodes not ready",
            "Nodes that cannot run pods. Alert: any for 5 min.",
            'sum(kube_node_status_condition{environment=~"$environment",condition="Ready",status=~"false|unknown"})',
            steps=((None, GREEN), (1, RED)),
            needs=CLUSTER,
        ),
        bars(
            "Pods by phase",
            "Pods in each phase of their life.",
            f"sum by (phase) (kube_pod_status_phase{PODS})",
            "{{phase}}",
            width=8,
            height=4,
            needs=CLUSTER,
        ),
        stat(
            "Restarts in 24 h",
            "How often containers of pods were started again.",
            increase(f"kube_pod_container_status_restarts_total{CONTAINERS}", window="24h"),
            decimals=0,
            steps=((None, GREEN), (1, YELLOW), (10, RED)),
            width=8,
            needs=CLUSTER,
        ),
        table(
            "Nodes",
            "What each node can give to pods.",
            tuple(
                "sum by (node) (kube_node_status_allocatable"
                f'{{environment=~"$environment",resource="{resource}"}})'
                for resource in ("cpu", "memory", "pods")
            ),
            {"node": "Node", "Value #A": "Cores", "Value #B": "Memory", "Value #C": "Pods"},
            show=(Column("Memory", "bytes"),),
            needs=CLUSTER,
        ),
        table(
            "Pods that restart",
            "Containers of pods that were started again in the chosen time. "
            "Alert: more than once in 15 min.",
            (
                increase(
                    f"kube_pod_container_status_restarts_total{CONTAINERS}", *PER_POD, "container"
                )
                + " > 0",
            ),
            {
                "namespace": "Namespace",
                "pod": "Pod",
                "container": "Container",
                "Value #A": "Restarts",
            },
            sort="Restarts",
            descending=True,
            needs=CLUSTER,
            empty="no container was started again",
        ),
    ),
)

CLUSTER_USE = Row(
    "Kubernetes: against limits, network, storage",
    (
        saturation(
            "Pods: CPU against limits",
            "Share of its limit that each pod uses.",
            f"{rate(f'container_cpu_usage_seconds_total{CONTAINERS}', *PER_POD)}"
            f" / ({limit_of('cpu')} > 0)",
            "{{namespace}} {{pod}}",
            needs=CLUSTER,
            empty="no pod has a limit",
        ),
        saturation(
            "Pods: memory against limits",
            "Share of its limit that each pod uses. Above it the kernel kills.",
            f"sum by (namespace, pod) (container_memory_working_set_bytes{CONTAINERS})"
            f" / ({limit_of('memory')} > 0)",
            "{{namespace}} {{pod}}",
            needs=CLUSTER,
            empty="no pod has a limit",
        ),
        lines(
            "Pods: network",
            "Bytes per second of each namespace.",
            (
                Query(
                    rate(f"container_network_receive_bytes_total{PODS}", "namespace"),
                    "{{namespace}} in",
                ),
                Query(
                    rate(f"container_network_transmit_bytes_total{PODS}", "namespace"),
                    "{{namespace}} out",
                ),
            ),
            unit="Bps",
            minimum=0.0,
            needs=CLUSTER,
        ),
        saturation(
            "Volumes",
            "Share of each claimed volume that is used.",
            'kubelet_volume_stats_used_bytes{environment=~"$environment",namespace=~"$k8s_namespace"}'
            " / (kubelet_volume_stats_capacity_bytes > 0)",
            "{{namespace}} {{persistentvolumeclaim}}",
            needs=CLUSTER,
            empty="no pod has claimed a volume",
        ),
    ),
)

BOARD = Board(
    uid="stackwatch-containers",
    title="Containers and Kubernetes",
    about="CPU, memory, network and storage of containers and pods, against their limits.",
    folder="Hosts",
    needs=("cadvisor|kubernetes",),
    variables=(ENVIRONMENT, HOST, K8S_NAMESPACE),
    links=(SYSTEM, ALL_LOGS),
    rows=(DOCKER_NOW, DOCKER_IO, CLUSTER_NOW, CLUSTER_USE),
)
