// Package main is stackwatch's own distribution of the OpenTelemetry Collector.
//
// It exists for machines that reach a Go module proxy but no upstream release: everything in it
// speaks the configuration of otelcol-contrib at the same version, so a site can go from one to
// the other without touching a line. What otelcol-contrib has not got is sealed_storage alone.
package main

import (
	"os"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/otelcol"
)

// version is what --version prints and what the collector says about itself in its own
// telemetry; the artifact lock stamps it, so that it cannot differ from the pinned one.
var version = "unknown"

func main() {
	// The command has told the error by then, in one line.
	if otelcol.NewCommand(settings()).Execute() != nil {
		os.Exit(1)
	}
}

// settings puts the collector together. There is no http(s) provider on purpose: configuration
// comes from files that were checked and delivered, never from the network at start.
func settings() otelcol.CollectorSettings {
	return otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{
			Command:     "otelcol",
			Description: "OpenTelemetry Collector, built by stackwatch",
			Version:     version,
		},
		Factories: components,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{
			ResolverSettings: confmap.ResolverSettings{
				ProviderFactories: []confmap.ProviderFactory{
					envprovider.NewFactory(),
					fileprovider.NewFactory(),
					yamlprovider.NewFactory(),
				},
			},
		},
	}
}
