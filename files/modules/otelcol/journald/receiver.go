// Package journald is the receiver type "journald", for builds from modules.
//
// Upstream's own receiver is a module that not every module proxy serves; its working part, the
// journald input operator, is in pkg/stanza, which the file log receiver brings anyway. This
// package only makes that operator a receiver again. Its configuration keys are upstream's, so
// that what runs here also runs on otelcol-contrib.
package journald

import (
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/stanza/adapter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/stanza/operator"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/stanza/operator/input/journald"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/receiver"
)

// Config is the receiver's configuration: the keys of the operator (units, matches, identifiers,
// start_at, directory, ...) and those of every stanza receiver (operators, storage,
// retry_on_failure), all on one level.
type Config struct {
	Input              journald.Config `mapstructure:",squash"`
	adapter.BaseConfig `mapstructure:",squash"`
}

// NewFactory makes the receiver type "journald".
func NewFactory() receiver.Factory {
	return adapter.NewFactory(kind{}, component.StabilityLevelAlpha)
}

// kind tells the stanza adapter what is particular about this receiver.
type kind struct{}

// Type is the name in configurations.
func (kind) Type() component.Type {
	return component.MustNewType("journald")
}

// CreateDefaultConfig has the operator's own defaults. Those of retry_on_failure are of a type
// that only contrib's modules may name; the file log receiver has the same ones, as upstream's
// journald receiver does.
func (kind) CreateDefaultConfig() component.Config {
	config := &Config{Input: *journald.NewConfig()}
	if tail, ok := filelogreceiver.NewFactory().CreateDefaultConfig().(*filelogreceiver.FileLogConfig); ok {
		config.BaseConfig = tail.BaseConfig
	}
	return config
}

// BaseConfig is the part that all stanza receivers share.
func (kind) BaseConfig(config component.Config) adapter.BaseConfig {
	return config.(*Config).BaseConfig
}

// InputConfig is the operator that the pipeline begins with.
func (kind) InputConfig(config component.Config) operator.Config {
	return operator.NewConfig(careful{&config.(*Config).Input})
}
