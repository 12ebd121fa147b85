// Package main is stackwatch's own build of cAdvisor's metrics, for Docker Engines.
//
// It exists for machines that reach a Go module proxy but no upstream release: upstream keeps its
// program in a module of its own that is never tagged, so no proxy has it, while the library that
// makes all of its metrics is there. What the role says is spelled as upstream spells it, so a site
// can go from one to the other without touching a line.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/cadvisor/cache/memory"
	"github.com/google/cadvisor/container"
	// Each registers itself: the Engine, and the file systems that a disk's usage is told of.
	_ "github.com/google/cadvisor/container/docker/install"
	_ "github.com/google/cadvisor/fs/btrfs/install"
	_ "github.com/google/cadvisor/fs/devicemapper/install"
	_ "github.com/google/cadvisor/fs/nfs/install"
	_ "github.com/google/cadvisor/fs/overlay/install"
	_ "github.com/google/cadvisor/fs/tmpfs/install"
	_ "github.com/google/cadvisor/fs/vfs/install"
	_ "github.com/google/cadvisor/fs/zfs/install"
	v2 "github.com/google/cadvisor/info/v2"
	"github.com/google/cadvisor/manager"
	"github.com/google/cadvisor/metrics"
	"github.com/google/cadvisor/utils/sysfs"
	"github.com/google/cadvisor/version"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

const (
	// Only the newest sample of a container is ever asked for; two minutes outlive the longest
	// housekeeping interval.
	kept = 2 * time.Minute
	// Longer than a slow client needs, shorter than one that never ends its request.
	patience = 10 * time.Second
)

// options are the flags that are not the library's own (docker_only, housekeeping_interval, ...).
type options struct {
	address string
	port    int
	off     container.MetricSet
	all     bool
	labels  string
	version bool
}

func main() {
	var given options
	given.off = container.MetricSet{}
	flag.StringVar(&given.address, "listen_ip", "", "address to listen on; all without one")
	flag.IntVar(&given.port, "port", 8080, "TCP port")
	flag.Var(&given.off, "disable_metrics", "kinds of `metrics` to leave out, separated by commas")
	flag.BoolVar(&given.all, "store_container_labels", true, "every container label as a label")
	flag.StringVar(&given.labels, "whitelisted_container_labels", "",
		"container labels to take without store_container_labels, separated by commas")
	flag.BoolVar(&given.version, "version", false, "print the version and end")
	klog.InitFlags(nil)
	flag.Parse()
	if given.version {
		fmt.Printf("cAdvisor version %s (%s)\n", version.Version, version.Revision)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, given); err != nil {
		klog.ErrorS(err, "cAdvisor ends")
		klog.Flush()
		os.Exit(1)
	}
}

// run watches containers and answers until it is told to end.
func run(ctx context.Context, given options) error {
	kinds := container.AllMetrics.Difference(given.off)
	// No cgroup beside the Engine's containers; the library takes the first one without asking.
	none := []string{""}
	watcher, err := manager.New(memory.New(kept, nil), sysfs.NewRealSysFs(),
		manager.HousekeepingConfigFlags, kinds, http.DefaultClient, none, nil, "", 0)
	if err != nil {
		return fmt.Errorf("read this machine: %w", err)
	}
	if err := watcher.Start(); err != nil {
		return fmt.Errorf("watch containers: %w", err)
	}
	server := &http.Server{
		Addr:              net.JoinHostPort(given.address, strconv.Itoa(given.port)),
		Handler:           handler(watcher, kinds, given),
		ReadHeaderTimeout: patience,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	klog.InfoS("Answering", "address", server.Addr, "version", version.Version, "metrics", kinds)
	select {
	case err = <-ended:
		err = fmt.Errorf("listen: %w", err)
	case <-ctx.Done():
	}
	return errors.Join(err, server.Close(), watcher.Stop())
}

// handler answers two paths: what is measured, and that it works.
func handler(watcher manager.Manager, kinds container.MetricSet, given options) http.Handler {
	labels := metrics.DefaultContainerLabels
	if !given.all {
		labels = metrics.BaseContainerLabels(strings.Split(given.labels, ","))
	}
	newest := v2.RequestOptions{IdType: v2.TypeName, Count: 1, Recursive: true}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		metrics.NewPrometheusCollector(watcher, labels, kinds, clock.RealClock{}, newest),
		metrics.NewPrometheusMachineCollector(watcher, kinds),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	paths := http.NewServeMux()
	// A container that ends while it is read must not take the others' metrics with it.
	paths.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError,
	}))
	paths.HandleFunc("/healthz", func(answer http.ResponseWriter, _ *http.Request) {
		_, _ = answer.Write([]byte("ok"))
	})
	return paths
}
